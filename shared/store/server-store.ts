import {
  type Client,
  createClient,
  LibsqlBatchError,
  LibsqlError,
  type ResultSet,
} from '@libsql/client';
import { assert, type DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { boundedCache } from './bounded-cache.ts';
import { type Driver, storeUnavailable } from './driver.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Row, SqlParameter } from './store.ts';

/** Every statement is a round trip, so that a group has to go on for longer than on the embedded store. */
const groupTimeMaxMs = 250;
const readsTogetherMax = 64;
const functionTimeMaxMs = 5_000;
const requestTimeMaxMs = 5_000;

/** Codes of the Hrana protocol that speak of one statement; all others speak of the server or the way to it. */
const statementCode = /^(?:SQLITE_(?:CONSTRAINT|ERROR|MISMATCH|TOOBIG|RANGE)|SQL_|ARGS_)/;

type ServerTransaction = Awaited<ReturnType<Client['transaction']>>;

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
    fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(requestTimeMaxMs) }),
    ...(authToken === undefined ? {} : { authToken }),
  });
  const shapes = boundedCache(cachedStatementsMax, statementShape);
  let transaction: ServerTransaction | undefined;
  let lost: DomainError | undefined;
  let underWay = 0;
  /** Savepoint statements ride with the next statement: a round trip costs more than all of them. */
  let riders: string[] = [];

  async function open(mode: 'read' | 'write'): Promise<void> {
    // A client that failed once keeps its failure until it is made anew.
    if (lost) await client.reconnect();
    lost = undefined;
    riders = [];
    transaction = await client.transaction(mode).catch(lose);
  }

  function lose(cause: unknown): never {
    lost ??= storeUnavailable('The store server did not do this; nothing was answered.', cause);
    throw lost;
  }

  async function send(sql: string, params: readonly SqlParameter[]): Promise<ResultSet> {
    const args = boundValues(shapes(sql), params);
    const [result] = (await sendAll([{ sql, args }])).slice(-1);
    assert(result, 'a statement has a result');
    return result;
  }

  async function sendAll(statements: { sql: string; args: Row[string][] }[]): Promise<ResultSet[]> {
    if (lost) throw lost;
    assert(transaction, 'statements run in a transaction');
    const before = riders.map((sql) => ({ sql, args: [] }));
    riders = [];
    underWay += 1;
    try {
      return await transaction.batch([...before, ...statements]);
    } catch (error) {
      if (isOfTheStatement(error, before.length)) throw error;
      return lose(error);
    } finally {
      underWay -= 1;
    }
  }

  async function end(): Promise<void> {
    const ending = transaction;
    transaction = undefined;
    // What cannot be reached is rolled back by the server itself.
    await ending?.rollback().catch(() => ending.close());
  }

  async function confine<T>(work: () => Promise<T>): Promise<T> {
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(functionTimeMaxMs, () => {
        const detail = 'a store function awaits nothing but its transaction';
        if (underWay > 0) lost ??= storeUnavailable('The store server did not answer in time.');
        reject(lost ?? new Error(`broken invariant: ${detail}`));
      });
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      cancel();
    }
  }

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
    script: async (sql) => {
      assert(transaction, 'statements run in a transaction');
      await transaction.executeMultiple(sql);
    },

    beginReads: () => open('read'),
    read: (sql, params) => {
      assert(shapes(sql).readsOnly, 'a read does not write');
      return rowsOf(sql, params);
    },
    endReads: end,

    begin: async () => {
      await open('write');
      // The client begins with the first statement: a server that is away should be noticed here.
      await sendAll([{ sql: 'SELECT 1', args: [] }]);
    },
    commit: async () => {
      assert(riders.length === 0, 'savepoints are settled before the commit');
      const ending = transaction;
      await ending?.commit().catch(lose);
      transaction = undefined;
    },
    rollback: end,
    savepoint: (depth) => void riders.push(`SAVEPOINT s${depth}`),
    release: (depth) => void riders.push(`RELEASE s${depth}`),
    undo: (depth) => void riders.push(`ROLLBACK TO s${depth}`, `RELEASE s${depth}`),
    failure: () => lost,

    confine,
    backup: () => {
      throw storeUnavailable('The store is on a server: its own snapshots are its backup.');
    },
    close: () => client.close(),
  };
}

function isOfTheStatement(error: unknown, riders: number): boolean {
  if (!(error instanceof LibsqlError) || !statementCode.test(error.code)) return false;
  return !(error instanceof LibsqlBatchError) || error.statementIndex >= riders;
}
