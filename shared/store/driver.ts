import { DomainError, isDomainError } from '../problem/problem.ts';
import type { Row, SqlParameter } from './store.ts';

export type MaybePromise<T> = T | Promise<T>;

/** How much of a statement's result is wanted: the first row alone is cheaper. */
export type Wanted = 'all' | 'first';

/** What a copy needs of the queue that goes on meanwhile. */
export interface BackupTurns {
  /** Runs what must not meet a transaction. */
  between<T>(fn: () => MaybePromise<T>): Promise<T>;
  isClosing(): boolean;
}

/**
 * One connection as the work queue uses it: one thing at a time, either a stretch of reads or one
 * transaction.
 *
 * A refused statement throws its own error and leaves the transaction as it was. Anything that took
 * the transaction away (a full disk, a lost connection) throws `store-unavailable`, and `failure`
 * tells it until the next `begin`.
 */
export interface Driver {
  /** How long a group of writes may go on taking in further ones. */
  readonly groupTimeMaxMs: number;
  /** How many reads are worth running at the same time. */
  readonly readsTogetherMax: number;

  /** Carries a statement out whole, and gives back the rows that are wanted. */
  all(sql: string, params: readonly SqlParameter[], wanted?: Wanted): MaybePromise<Row[]>;
  run(sql: string, params: readonly SqlParameter[]): MaybePromise<number>;
  /** Several statements, ours, without parameters. */
  script(sql: string): MaybePromise<void>;

  beginReads(): MaybePromise<void>;
  /** Refuses what is not a mere read. */
  read(sql: string, params: readonly SqlParameter[], wanted?: Wanted): MaybePromise<Row[]>;
  /** Does not throw. */
  endReads(): MaybePromise<void>;

  begin(): MaybePromise<void>;
  commit(): MaybePromise<void>;
  /** Does not throw: what cannot be rolled back is gone already. */
  rollback(): MaybePromise<void>;
  /** Savepoints are named by their depth; `undo` goes back to it and ends it. */
  savepoint(depth: number): MaybePromise<void>;
  release(depth: number): MaybePromise<void>;
  undo(depth: number): MaybePromise<void>;
  failure(): DomainError | undefined;

  /**
   * Runs a store function and gives up on one that waits for something else than its transaction.
   */
  confine<T>(work: () => Promise<T>): Promise<T>;

  /** Writes a consistent copy to a new file. @returns the copy's SHA-256. */
  backup(path: string, turns: BackupTurns): Promise<string>;
  close(): MaybePromise<void>;
}

export function storeUnavailable(detail: string, cause?: unknown): DomainError {
  return new DomainError('store-unavailable', detail, { cause });
}

/** The store could not do it now, or has too much to do: it may later, and nobody else is to blame. */
export function isOfTheStore(error: unknown): boolean {
  return isDomainError(error, 'store-unavailable') || isDomainError(error, 'overloaded');
}
