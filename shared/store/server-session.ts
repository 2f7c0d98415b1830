import { type Client, LibsqlBatchError, LibsqlError, type ResultSet } from '@libsql/client';
import { assert, type DomainError } from '../problem/problem.ts';
import { storeUnavailable } from './driver.ts';
import type { SqlValue } from './store.ts';

/**
 * The server's codes that speak of one statement; all others speak of the server or the way to it.
 * SQLite's plain ERROR (no such table) comes as UNKNOWN.
 */
const statementCode = /^(?:SQLITE_(?:CONSTRAINT|ERROR|UNKNOWN|MISMATCH|TOOBIG|RANGE)|SQL_|ARGS_)/;

type ServerTransaction = Awaited<ReturnType<Client['transaction']>>;

export interface ServerSession {
  open(mode: 'read' | 'write'): Promise<void>;
  send(sql: string, args: SqlValue[]): Promise<ResultSet>;
  script(sql: string): Promise<void>;
  /** Savepoint statements ride with the next one: a round trip costs more than all of them. */
  ride(...statements: string[]): void;
  commit(): Promise<void>;
  /** Rolls back what is open; does not throw. */
  end(): Promise<void>;
  failure(): DomainError | undefined;
  /** Whose fault it is that a function has not ended: the server's, or its own. */
  lateness(): Error;
}

/** One transaction after another on the server, and whether the present one is still there. */
export function createServerSession(client: Client): ServerSession {
  let transaction: ServerTransaction | undefined;
  let lost: DomainError | undefined;
  let underWay = 0;
  let riders: string[] = [];

  function lose(cause: unknown): never {
    lost ??= storeUnavailable('The store server did not do this; nothing was answered.', cause);
    throw lost;
  }

  function refuse(error: unknown, riding: string[]): never {
    if (!isOfTheStatement(error)) return lose(error);
    if (error instanceof LibsqlBatchError) {
      if (error.statementIndex < riding.length) return lose(error);
    } else if (underWay === 1) {
      // What does not even parse is refused with its whole batch: the riders are still to be sent.
      riders = [...riding, ...riders];
    } else if (riding.length > 0) {
      return lose(error);
    }
    throw error;
  }

  async function send(sql: string, args: SqlValue[]): Promise<ResultSet> {
    if (lost) throw lost;
    assert(transaction, 'statements run in a transaction');
    const riding = riders;
    riders = [];
    underWay += 1;
    try {
      const before = riding.map((rider) => ({ sql: rider, args: [] }));
      const result = (await transaction.batch([...before, { sql, args }])).at(-1);
      assert(result, 'a statement has a result');
      return result;
    } catch (error) {
      return refuse(error, riding);
    } finally {
      underWay -= 1;
    }
  }

  return {
    open: async (mode) => {
      // A client that failed once keeps its failure until it is made anew.
      if (lost) await client.reconnect();
      lost = undefined;
      riders = [];
      transaction = await client.transaction(mode).catch(lose);
    },
    send,
    script: async (sql) => {
      assert(transaction, 'statements run in a transaction');
      await transaction.executeMultiple(sql);
    },
    ride: (...statements) => {
      riders.push(...statements);
    },
    commit: async () => {
      assert(riders.length === 0, 'savepoints are settled before the commit');
      await transaction?.commit().catch(lose);
      transaction = undefined;
    },
    end: async () => {
      const ending = transaction;
      transaction = undefined;
      // What cannot be reached is rolled back by the server itself.
      await ending?.rollback().catch(() => ending.close());
    },
    failure: () => lost,
    lateness: () => {
      if (underWay > 0) lost ??= storeUnavailable('The store server did not answer in time.');
      const detail = 'a store function awaits nothing but its transaction';
      return lost ?? new Error(`broken invariant: ${detail}`);
    },
  };
}

function isOfTheStatement(error: unknown): error is LibsqlError {
  return error instanceof LibsqlError && statementCode.test(error.code);
}
