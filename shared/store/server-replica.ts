import { BatchCond, type RowsResult } from '@libsql/hrana-client';
import { assert } from '../problem/problem.ts';
import { pause } from '../time/clock.ts';
import { boundedCache } from './bounded-cache.ts';
import { storeUnavailable } from './driver.ts';
import {
  dialServer,
  inTime,
  type ServerConnection,
  type StoreServer,
} from './server-connection.ts';
import { rowsIn } from './server-store.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Reader, Row, SqlParameter, SqlValue, Store } from './store.ts';
import { readHandle } from './transaction.ts';

/** Where the primary's commits go as well, a few milliseconds later. */
export interface ReplicaOptions {
  readonly url: string;
  /** Nothing is answered before the replica has it: it can take the primary's place at any time. */
  readonly isAwaited: boolean;
}

export interface Replica {
  readonly isAwaited: boolean;
  /** Waits until it has the commit of this count. @throws DomainError `store-unavailable` */
  reach(count: bigint): Promise<void>;
  /** Reads there what the primary would show, once all that was answered is there; else `otherwise`. */
  readOr(otherwise: Store['read'], answered: () => bigint): Store['read'];
  close(): void;
}

interface Answer {
  /** The commits that its rows are of. */
  readonly count: bigint;
  readonly result: RowsResult;
}

interface Statement {
  readonly sql: string;
  readonly args: SqlValue[];
}

const reachMaxMs = 5_000;
/** A read is worth this much waiting, no more: the primary has everything. */
const readWaitMaxMs = 20;
const busyAfterMs = 100;
const askMaxMs = 2_000;
const pollPauseMs = 1;
const behindMaxMs = 500;
/** How long reads go to the primary before a replica that was away or behind is asked again. */
const restMs = 500;
const awayPauseMs = 20;
const readCount: Statement = { sql: 'SELECT count FROM store_commits', args: [] };

export function openReplica(
  { url, isAwaited }: ReplicaOptions,
  { authToken, clock }: Pick<StoreServer, 'authToken' | 'clock'>,
): Replica {
  const shapes = boundedCache(cachedStatementsMax, statementShape);
  let connection: ServerConnection | undefined;
  let dialling: Promise<ServerConnection> | undefined;
  let isClosed = false;
  let restUntilMs = 0;
  const asked = new Set<{ readonly atMs: number }>();

  /** Who comes while a connection is being made waits for that one: each further one would stay open, and nobody's. */
  async function connected(): Promise<ServerConnection> {
    if (connection && !connection.client.closed) return connection;
    if (isClosed) throw storeUnavailable('The store is closed.');
    dialling ??= dial().finally(() => {
      dialling = undefined;
    });
    return dialling;
  }

  async function dial(): Promise<ServerConnection> {
    connection = await dialServer({ url, authToken, clock });
    if (isClosed) leave();
    return connection;
  }

  async function ask(statement: Statement): Promise<Answer> {
    const question = { atMs: clock.nowMs() };
    asked.add(question);
    try {
      const { stream, client } = await connected();
      const { sent, answer } = sendProgram(stream, statement);
      await inTime(clock, sent, askMaxMs).catch((error: unknown) => {
        client.close();
        throw error;
      });
      return await answer();
    } finally {
      asked.delete(question);
    }
  }

  /** Its questions wait for each other: behind a long report, or before a server that hangs. */
  function isBusy(): boolean {
    const [oldest] = asked;
    const nowMs = clock.nowMs();
    return nowMs < restUntilMs || (oldest !== undefined && nowMs - oldest.atMs > busyAfterMs);
  }

  /**
   * A replica whose primary was started anew may begin anew as well; connections from before go on
   * showing what it had then.
   */
  function leave(): void {
    connection?.client.close();
  }

  async function reach(wanted: bigint): Promise<void> {
    const late = timer(reachMaxMs);
    let behind = timer(behindMaxMs);
    try {
      for (;;) {
        const count = await countThere();
        if (count >= wanted) return;
        if (late.isOver() || isClosed) {
          const detail = 'The replica does not have what was written; nothing was answered.';
          throw storeUnavailable(detail);
        }
        if (behind.isOver()) {
          leave();
          behind = timer(behindMaxMs);
        }
        await pause(clock, pollPauseMs);
      }
    } finally {
      late.stop();
      behind.stop();
    }
  }

  /** The time of day may be set back while a commit waits. */
  function timer(ms: number): { isOver(): boolean; stop(): void } {
    let over = false;
    const stop = clock.after(ms, () => {
      over = true;
    });
    return { isOver: () => over, stop };
  }

  /** Nothing, where nobody answers or the table is not there yet. */
  async function countThere(): Promise<bigint> {
    try {
      return (await ask(readCount)).count;
    } catch {
      await pause(clock, awayPauseMs);
      return -1n;
    }
  }

  /** The first statement waits for all that was answered; the others have to be of the same commits. */
  function snapshotReader(wanted: bigint) {
    const untilMs = clock.nowMs() + readWaitMaxMs;
    let snapshot: bigint | undefined;
    return async (sql: string, params: readonly SqlParameter[]): Promise<Row[]> => {
      const shape = shapes(sql);
      assert(shape.readsOnly, 'a read does not write');
      const statement = { sql, args: boundValues(shape, params) };
      for (;;) {
        const { count, result } = await ask(statement);
        if (count >= wanted) snapshot ??= count;
        if (count === snapshot) return rowsIn(result);
        if (snapshot !== undefined) throw new Error('the replica has gone on since');
        if (clock.nowMs() > untilMs) throw new Error('the replica is behind');
        await pause(clock, pollPauseMs);
      }
    };
  }

  /** @returns nothing if it has to be read elsewhere. */
  async function readHere<T>(
    fn: (tx: Reader) => Promise<T>,
    wanted: bigint,
  ): Promise<{ value: T } | undefined> {
    const query = snapshotReader(wanted);
    let isAnswered = true;
    const handle = readHandle({
      read: (sql, params) =>
        query(sql, params).catch((error: unknown) => {
          isAnswered = false;
          throw error;
        }),
    });
    try {
      const value = await fn(handle.tx);
      return isAnswered ? { value } : undefined;
    } catch (error) {
      if (isAnswered) throw error;
      return undefined;
    } finally {
      handle.end();
    }
  }

  return {
    isAwaited,
    reach,
    readOr: (otherwise, answered) => async (fn) => {
      if (!isBusy()) {
        const read = await readHere(fn, answered());
        if (read) return read.value;
        restUntilMs = clock.nowMs() + restMs;
        leave();
      }
      return otherwise(fn);
    },
    close: () => {
      isClosed = true;
      leave();
    },
  };
}

/**
 * The statement and the count of commits in one snapshot. All of it is one program: a replica hands
 * one that leaves a transaction open to the primary.
 */
function sendProgram(
  stream: ServerConnection['stream'],
  { sql, args }: Statement,
): { sent: Promise<void>; answer: () => Promise<Answer> } {
  const batch = stream.batch(false);
  const begin = batch.step();
  begin.run('BEGIN READONLY').catch(() => {});
  const begun = BatchCond.ok(begin);
  const counted = batch.step().condition(begun).queryValue(readCount.sql);
  const read = batch.step().condition(begun).query([sql, args]);
  batch
    .step()
    .condition(begun)
    .run('ROLLBACK')
    .catch(() => {});
  const both = Promise.all([counted, read]);
  both.catch(() => {});
  return {
    sent: batch.execute(),
    answer: async () => {
      const [count, result] = await both;
      if (result && typeof count?.value === 'bigint') return { count: count.value, result };
      throw new Error('the replica did not begin');
    },
  };
}
