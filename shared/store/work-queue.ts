import { DomainError } from '../problem/problem.ts';
import { type Driver, type MaybePromise, storeUnavailable } from './driver.ts';
import type { Reader, Transaction } from './store.ts';
import { readHandle } from './transaction.ts';
import { type GroupDeps, runGroup, type Work } from './write-group.ts';

/**
 * More than this many waiting callers are refused with `overloaded`: they would wait for seconds.
 */
export const waitingMax = 10_000;
export const groupCountMax = 256;
/** A group works this many times as long as the commit before took: a slow disk is not waited for half of the time. */
const workPerCommit = 4;
/** Nobody else has a turn meanwhile. */
const workCeilingMs = 50;

export interface WorkQueue {
  read<T>(fn: (tx: Reader) => Promise<T>): Promise<T>;
  write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Between two groups, outside any transaction. */
  between<T>(fn: () => MaybePromise<T>): Promise<T>;
  /** Refuses what comes later; resolves when what came before is done. */
  finish(): Promise<void>;
}

export interface WorkQueueDeps
  extends Pick<GroupDeps, 'driver' | 'clock' | 'count' | 'record' | 'doubt'> {
  /** Gives everything else a turn, then calls; `setImmediate` unless given. */
  readonly later?: (turn: () => void) => void;
}

/**
 * The one way to the driver. A turn of the queue runs the reads that wait, then a group of writes in
 * one transaction; between turns the event loop does everything else. Nobody hears of a commit, as
 * its caller or as a reader, before its count is recorded, or could not be; the next turn goes on
 * meanwhile.
 */
export function createWorkQueue(deps: WorkQueueDeps): WorkQueue {
  const reads: Work<Reader>[] = [];
  const writes: Work<Transaction>[] = [];
  const errands: Work<void>[] = [];
  const { later = setImmediate } = deps;
  let awake = false;
  let told = Promise.resolve();
  let workMaxMs = deps.driver.groupTimeMaxMs;
  let finishing: { promise: Promise<void>; done: () => void } | undefined;

  function enqueue<Tx, T>(queue: Work<Tx>[], fn: (tx: Tx) => Promise<T>): Promise<T> {
    if (finishing) return Promise.reject(storeUnavailable('The store is closed.'));
    if (queue.length >= waitingMax) return Promise.reject(new DomainError('overloaded'));
    return new Promise<T>((resolve, reject) => {
      // Only what this very function returned is ever given to this very promise.
      queue.push({ fn, resolve: (value) => resolve(value as T), reject });
      wake();
    });
  }

  function wake(): void {
    if (awake) return;
    awake = true;
    later(turn);
  }

  async function turn(): Promise<void> {
    // The driver's confinement counts on being in a microtask.
    await null;
    await runReads(deps, reads, told);
    const errand = errands.shift();
    if (errand) await settle(errand, () => errand.fn(), told);
    if (writes.length > 0) {
      const group = writes.splice(0, groupCountMax);
      const committed = await runGroup({ ...deps, group, workMaxMs, back, before: told });
      told = committed.told;
      workMaxMs = workTimeMs(deps.driver, committed.commitMs);
    }
    awake = false;
    if (reads.length + writes.length + errands.length > 0) wake();
    else if (finishing) void told.then(finishing.done);
  }

  function back(left: Work<Transaction>[]): void {
    writes.unshift(...left);
  }

  return {
    read: (fn) => enqueue(reads, fn),
    write: (fn) => enqueue(writes, fn),
    between: (fn) => enqueue(errands, async () => fn()),
    finish: () => {
      if (!finishing) {
        const { promise, resolve: done } = newPromise();
        finishing = { promise, done };
        if (!awake) void told.then(done);
      }
      return finishing.promise;
    },
  };
}

function workTimeMs({ groupTimeMaxMs }: Driver, commitMs: number): number {
  return Math.max(groupTimeMaxMs, Math.min(workCeilingMs, workPerCommit * commitMs));
}

async function runReads(
  { driver, clock }: WorkQueueDeps,
  reads: Work<Reader>[],
  told: Promise<void>,
): Promise<void> {
  if (reads.length === 0) return;
  const startedMs = clock.nowMs();
  try {
    await driver.beginReads();
  } catch (error) {
    for (const work of reads.splice(0, groupCountMax)) work.reject(error);
    return;
  }
  for (let taken = 0; taken < groupCountMax && reads.length > 0; ) {
    const together = reads.splice(0, driver.readsTogetherMax);
    taken += together.length;
    await Promise.all(together.map((work) => runRead(driver, work, told)));
    if (clock.nowMs() - startedMs >= driver.groupTimeMaxMs) break;
  }
  await driver.endReads();
}

async function runRead(driver: Driver, work: Work<Reader>, told: Promise<void>): Promise<void> {
  const handle = readHandle(driver);
  await settle(work, () => driver.confine(() => work.fn(handle.tx)), told);
  handle.end();
}

/** What it says may have been seen in a commit that others are still to be told of. */
async function settle<Tx>(
  work: Work<Tx>,
  run: () => Promise<unknown>,
  told: Promise<void>,
): Promise<void> {
  try {
    const value = await run();
    void told.then(() => work.resolve(value));
  } catch (error) {
    void told.then(() => work.reject(error));
  }
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settled) => {
    resolve = settled;
  });
  return { promise, resolve };
}
