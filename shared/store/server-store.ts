import { createClient, type ResultSet } from '@libsql/client';
import { assert } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { boundedCache } from './bounded-cache.ts';
import { type Driver, storeUnavailable } from './driver.ts';
import { createServerSession } from './server-session.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Row, SqlParameter } from './store.ts';

/**
 * Every statement is a round trip, so that a group has to go on for longer than on the embedded
 * store.
 */
const groupTimeMaxMs = 250;
const readsTogetherMax = 64;
const functionTimeMaxMs = 5_000;
const requestTimeMaxMs = 5_000;

export interface ServerDriverDeps {
  readonly url: string;
  readonly authToken: string | undefined;
  readonly clock: Clock;
}

/** The store on a libSQL server. */
export function openServerDriver({ url, authToken, clock }: ServerDriverDeps): Driver {
  const client = createClient({
    url,
    intMode: 'bigint',
    fetch: (request: Request) => {
      // Answers are small and the server is near: packing them takes a third of a round trip.
      request.headers.set('accept-encoding', 'identity');
      return fetch(request, { signal: AbortSignal.timeout(requestTimeMaxMs) });
    },
    ...(authToken === undefined ? {} : { authToken }),
  });
  const session = createServerSession(client);
  const shapes = boundedCache(cachedStatementsMax, statementShape);

  const send = (sql: string, params: readonly SqlParameter[]): Promise<ResultSet> =>
    session.send(sql, boundValues(shapes(sql), params));

  /** The border of the store: what a row looks like is the schema's word. */
  const rowsOf = async (sql: string, params: readonly SqlParameter[]): Promise<Row[]> =>
    (await send(sql, params)).rows.map((row) => ({ ...row }) as Row);

  return {
    groupTimeMaxMs,
    readsTogetherMax,

    all: rowsOf,
    run: async (sql, params) => {
      const { columns, rowsAffected } = await send(sql, params);
      assert(columns.length === 0, 'run is for statements that return no rows');
      return rowsAffected;
    },
    script: session.script,

    beginReads: () => session.open('read'),
    read: (sql, params) => {
      assert(shapes(sql).readsOnly, 'a read does not write');
      return rowsOf(sql, params);
    },
    endReads: session.end,

    begin: async () => {
      await session.open('write');
      // The client begins with the first statement: a server that is away is to be noticed here.
      await session.send('SELECT 1', []);
    },
    commit: session.commit,
    rollback: session.end,
    savepoint: (depth) => session.ride(`SAVEPOINT s${depth}`),
    release: (depth) => session.ride(`RELEASE s${depth}`),
    undo: (depth) => session.ride(`ROLLBACK TO s${depth}`, `RELEASE s${depth}`),
    failure: session.failure,

    confine: (work) => inTime(clock, work, session.lateness),
    backup: async () => {
      throw storeUnavailable('The store is on a server: its own snapshots are its backup.');
    },
    close: () => client.close(),
  };
}

async function inTime<T>(clock: Clock, work: () => Promise<T>, lateness: () => Error): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(functionTimeMaxMs, () => reject(lateness()));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    cancel();
  }
}
