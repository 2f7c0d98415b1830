import { BatchCond, type BatchStep, ResponseError, type RowsResult } from '@libsql/hrana-client';
import { assert, type DomainError, isDomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { storeUnavailable } from './driver.ts';
import { inTime, type ServerConnection } from './server-connection.ts';
import type { SqlValue } from './store.ts';

/**
 * The server's codes that speak of one statement; all others speak of the server or the way to it.
 * SQLite's plain ERROR (no such table) comes as UNKNOWN.
 */
const statementCode = /^(?:SQLITE_(?:CONSTRAINT|ERROR|UNKNOWN|MISMATCH|TOOBIG|RANGE)|SQL_|ARGS_)/;

/** Migrations rewrite whole tables; a server that vanished meanwhile is not waited for for ever. */
const scriptMaxMs = 60 * 60_000;

const beginnings = { read: 'BEGIN READONLY', write: 'BEGIN IMMEDIATE' } as const;

export interface ServerSession {
  open(mode: keyof typeof beginnings): Promise<void>;
  send(sql: string, args: SqlValue[]): Promise<RowsResult>;
  script(sql: string): Promise<void>;
  /** What has no result rides with the next statement: a round trip costs more than all of them. */
  ride(...statements: string[]): void;
  commit(): Promise<void>;
  /** Rolls back what is open; does not throw. */
  end(): void;
  failure(): DomainError | undefined;
  /** How many statements were sent so far. */
  sends(): number;
  /** Whose fault it is that a function has not ended: the server's, or its own. */
  lateness(): Error;
  close(): void;
}

export interface ServerSessionDeps {
  readonly clock: Clock;
  connect(): Promise<ServerConnection>;
}

/** One transaction after another over one connection, and whether the present one is still there. */
export function createServerSession({ clock, connect }: ServerSessionDeps): ServerSession {
  let connection: ServerConnection | undefined;
  let isOpen = false;
  let lost: DomainError | undefined;
  let underWay = 0;
  let sends = 0;
  let riders: string[] = [];

  function lose(cause: unknown): DomainError {
    lost ??= isDomainError(cause)
      ? cause
      : storeUnavailable('The store server did not do this; nothing was answered.', cause);
    // The server rolls back what a connection leaves behind.
    connection?.client.close();
    connection = undefined;
    return lost;
  }

  async function answered<T>(work: Promise<T>, maxMs?: number): Promise<T> {
    underWay += 1;
    try {
      return await inTime(clock, work, maxMs);
    } finally {
      underWay -= 1;
    }
  }

  async function send(sql: string, args: SqlValue[]): Promise<RowsResult> {
    if (lost) throw lost;
    assert(isOpen && connection, 'statements run in a transaction');
    const riding = riders;
    riders = [];
    sends += 1;
    const own = sends;
    const { sent, result } = batchOn(connection, riding, { sql, args });
    try {
      await answered(sent);
    } catch (error) {
      // A statement that does not parse is refused together with its riders: they still have to be
      // sent. One that was sent meanwhile may have run without the savepoint before it.
      const isTornApart = riding.length > 0 && sends > own;
      if (isTornApart || !isOfTheStatement(error)) throw lose(error);
      riders = [...riding, ...riders];
      throw error;
    }
    try {
      const rows = await result;
      // Skipped: a rider failed, or the server has ended the transaction.
      if (rows) return rows;
    } catch (error) {
      throw isOfTheStatement(error) ? error : lose(error);
    }
    throw lose(new Error('the transaction is not open any more'));
  }

  /** A statement of the store's own: whatever goes wrong with one, the transaction is lost. */
  async function control(work: Promise<unknown> | undefined): Promise<void> {
    try {
      if (work) await answered(work);
    } catch (error) {
      throw lose(error);
    }
  }

  return {
    open: async (mode) => {
      lost = undefined;
      riders = [];
      try {
        if (!connection || connection.client.closed) connection = await connect();
      } catch (error) {
        throw lose(error);
      }
      isOpen = true;
      riders = [beginnings[mode]];
    },
    send,
    script: async (sql) => {
      await send('SELECT 1', []);
      if (!connection) return;
      try {
        await answered(connection.stream.sequence(sql), scriptMaxMs);
      } catch (error) {
        throw isOfTheStatement(error) ? error : lose(error);
      }
    },
    ride: (...statements) => {
      riders.push(...statements);
    },
    commit: async () => {
      assert(riders.length === 0, 'savepoints are settled before the commit');
      if (lost) throw lost;
      isOpen = false;
      await control(connection?.stream.run('COMMIT'));
    },
    end: () => {
      if (!isOpen) return;
      isOpen = false;
      // Nobody waits for it: what is sent next comes after it. A transaction that the server has
      // ended already is what it should be.
      if (!lost) connection?.stream.run('ROLLBACK').catch(() => {});
    },
    failure: () => lost,
    sends: () => sends,
    lateness: () => {
      if (underWay > 0) return lose(new Error('no answer in time'));
      const detail = 'a store function awaits nothing but its transaction';
      return lost ?? new Error(`broken invariant: ${detail}`);
    },
    close: () => connection?.client.close(),
  };
}

/** The riders and a statement, each carried out only if the one before it was, in a transaction. */
function batchOn(
  { stream }: ServerConnection,
  riders: readonly string[],
  statement: { sql: string; args: SqlValue[] },
): { sent: Promise<void>; result: Promise<RowsResult | undefined> } {
  const batch = stream.batch(false);
  const inTransaction = BatchCond.not(BatchCond.isAutocommit(batch));
  let before: BatchStep | undefined;
  for (const rider of riders) {
    const step = batch.step();
    if (before) step.condition(BatchCond.ok(before));
    if (!rider.startsWith('BEGIN')) step.condition(inTransaction);
    // Its failure shows in what comes after it.
    step.run(rider).catch(() => {});
    before = step;
  }
  const step = batch.step().condition(inTransaction);
  if (before) step.condition(BatchCond.ok(before));
  const result = step.query([statement.sql, statement.args]);
  result.catch(() => {});
  return { sent: batch.execute(), result };
}

function isOfTheStatement(error: unknown): boolean {
  return error instanceof ResponseError && statementCode.test(error.code ?? '');
}
