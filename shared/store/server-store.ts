import type { RowsResult } from '@libsql/hrana-client';
import { assert } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { boundedCache } from './bounded-cache.ts';
import type { Driver } from './driver.ts';
import { copyFromServer } from './server-backup.ts';
import { connectToServer, type StoreServer } from './server-connection.ts';
import { createServerSession, type ServerSession } from './server-session.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Row, SqlParameter } from './store.ts';

/**
 * Every statement is a round trip, so that a group has to go on for longer than on the embedded
 * store.
 */
const groupTimeMaxMs = 250;
const readsTogetherMax = 64;
/** Without a statement: how many a function has to send, and how long each takes, is not its fault. */
const functionPauseMaxMs = 5_000;

/** The store on a libSQL server. */
export function openServerDriver(server: StoreServer): Driver {
  const { clock } = server;
  const session = createServerSession({ clock, connect: () => connectToServer(server) });
  const shapes = boundedCache(cachedStatementsMax, statementShape);

  const send = (sql: string, params: readonly SqlParameter[]): Promise<RowsResult> =>
    session.send(sql, boundValues(shapes(sql), params));

  const rowsOf = async (sql: string, params: readonly SqlParameter[]): Promise<Row[]> =>
    rowsIn(await send(sql, params));

  return {
    groupTimeMaxMs,
    readsTogetherMax,

    all: rowsOf,
    run: async (sql, params) => {
      const { columnNames, affectedRowCount } = await send(sql, params);
      assert(columnNames.length === 0, 'run is for statements that return no rows');
      return affectedRowCount;
    },
    script: session.script,

    beginReads: () => session.open('read'),
    read: (sql, params) => {
      assert(shapes(sql).readsOnly, 'a read does not write');
      return rowsOf(sql, params);
    },
    endReads: session.end,

    begin: () => session.open('write'),
    commit: session.commit,
    rollback: session.end,
    savepoint: (depth) => session.ride(`SAVEPOINT s${depth}`),
    release: (depth) => session.ride(`RELEASE s${depth}`),
    undo: (depth) => session.ride(`ROLLBACK TO s${depth}`, `RELEASE s${depth}`),
    failure: session.failure,

    confine: (work) => within(clock, work, session),
    backup: (path, turns) => copyFromServer(server, path, turns),
    close: session.close,
  };
}

/** The border of the store: what a row looks like is the schema's word. */
export function rowsIn({ rows }: RowsResult): Row[] {
  return rows.map((row) => ({ ...row }) as Row);
}

async function within<T>(
  clock: Clock,
  work: () => Promise<T>,
  session: Pick<ServerSession, 'sends' | 'lateness'>,
): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    function watch(sentBefore: number): void {
      cancel = clock.after(functionPauseMaxMs, () => {
        const sent = session.sends();
        if (sent === sentBefore) reject(session.lateness());
        else watch(sent);
      });
    }
    watch(session.sends());
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    cancel();
  }
}
