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
      const fate = fateOf(error, { riders: riding.length, alone: underWay === 1 });
      if (fate === 'lost') return lose(error);
      if (fate === 'unsent') riders = [...riding, ...riders];
      throw error;
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

/**
 * What an error means for the transaction: the statement was refused; it was refused together with
 * its riders, which are still to be sent (so the server treats a batch with a statement that does
 * not parse); or the transaction is lost.
 */
function fateOf(
  error: unknown,
  { riders, alone }: { riders: number; alone: boolean },
): 'refused' | 'unsent' | 'lost' {
  if (!(error instanceof LibsqlError) || !statementCode.test(error.code)) return 'lost';
  if (error instanceof LibsqlBatchError) return error.statementIndex < riders ? 'lost' : 'refused';
  if (riders === 0) return 'refused';
  // A statement sent meanwhile may have run without the savepoint that was to come before it.
  return alone ? 'unsent' : 'lost';
}
