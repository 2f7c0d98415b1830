import type { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { type Driver, storeUnavailable } from './driver.ts';
import type { Transaction } from './store.ts';
import { writeHandle } from './transaction.ts';

/** One caller's work and its promise, whatever the type of the value. */
export interface Work<Tx> {
  readonly fn: (tx: Tx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Outcome {
  readonly work: Work<Transaction>;
  readonly answer: { readonly value: unknown } | { readonly error: unknown };
  readonly afterCommit: readonly (() => void)[];
}

/** A commit that may stand though nobody could be told so. */
export interface Doubtful {
  readonly count: bigint;
  readonly afterCommit: readonly (() => void)[];
}

export interface GroupDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  /** Counts the transaction, inside it. */
  readonly count: () => Promise<bigint>;
  /** Records the count elsewhere, after the commit and before anyone is answered. */
  readonly record: (count: bigint) => Promise<void>;
  /** Takes what was to follow a commit whose answer was lost: by its count it may show that it stands. */
  readonly doubt: (doubtful: Doubtful) => void;
  readonly group: Work<Transaction>[];
  /** How long the group may go on taking in further writes. */
  readonly workMaxMs: number;
  /** Takes back what the group's time was not enough for. */
  readonly back: (left: Work<Transaction>[]) => void;
  /** Everybody of the group before has been answered. */
  readonly before: Promise<void>;
}

export interface Committed {
  /** Everybody has been answered; never rejected. */
  readonly told: Promise<void>;
  /** How long the commit took. */
  readonly commitMs: number;
}

/**
 * Runs the group in one transaction and answers everyone once it is durable and recorded; a refusal
 * waits as well, because what it saw may still be undone. If the transaction is lost, the whole
 * group is refused with `store-unavailable`; what was to follow a commit that may stand all the same
 * is kept. It is over with the commit: the next group may work while this one's count is recorded,
 * and commits when everybody here has been answered, so that the record is never more than one
 * commit behind.
 */
export async function runGroup(deps: GroupDeps): Promise<Committed> {
  const { driver, group, clock, before } = deps;
  const outcomes: Outcome[] = [];
  let count: bigint | undefined;
  let commitMs = 0;
  try {
    await driver.begin();
    await runAll(deps, outcomes);
    await before;
    const lost = driver.failure();
    if (lost) throw lost;
    if (outcomes.every(({ answer }) => 'error' in answer)) {
      await driver.rollback();
    } else {
      count = await deps.count();
      const startedMs = clock.nowMs();
      await driver.commit();
      commitMs = clock.nowMs() - startedMs;
    }
  } catch (error) {
    await driver.rollback();
    const afterCommit = outcomes.flatMap((outcome) => outcome.afterCommit);
    if (count !== undefined) deps.doubt({ count, afterCommit });
    for (const work of group) work.reject(driver.failure() ?? error);
    return { told: before, commitMs };
  }
  return { told: tell(deps, outcomes, count), commitMs };
}

async function tell(
  { record }: GroupDeps,
  outcomes: readonly Outcome[],
  count: bigint | undefined,
): Promise<void> {
  const unrecorded = count === undefined ? undefined : await failureOf(record(count));
  for (const { afterCommit } of outcomes) follow(afterCommit);
  for (const { work, answer } of outcomes) {
    if (unrecorded) work.reject(unrecorded);
    else if ('error' in answer) work.reject(answer.error);
    else work.resolve(answer.value);
  }
}

/**
 * The work stands in the store, but would be forgotten unnoticed if the store were set back: nobody
 * may count on it.
 */
async function failureOf(recording: Promise<void>): Promise<DomainError | undefined> {
  try {
    await recording;
    return undefined;
  } catch (error) {
    return storeUnavailable('The work was stored, but its count could not be kept.', error);
  }
}

async function runAll(deps: GroupDeps, outcomes: Outcome[]): Promise<void> {
  const { driver, clock, group, workMaxMs } = deps;
  const startedMs = clock.nowMs();
  const alone = group.length === 1;
  for (const work of group) {
    if (driver.failure()) return;
    if (outcomes.length > 0 && clock.nowMs() - startedMs >= workMaxMs) break;
    outcomes.push(await runOne(driver, work, alone));
  }
  deps.back(group.splice(outcomes.length));
}

/**
 * Alone, a write needs no savepoint: with nothing to answer for, the group is rolled back as a
 * whole.
 */
async function runOne(driver: Driver, work: Work<Transaction>, alone: boolean): Promise<Outcome> {
  const handle = writeHandle(driver);
  try {
    if (!alone) await driver.savepoint(0);
    const value = await driver.confine(async () => {
      const made = await work.fn(handle.tx);
      await handle.settle();
      return made;
    });
    handle.end();
    handle.assertWhole();
    if (!alone) await driver.release(0);
    return { work, answer: { value }, afterCommit: handle.afterCommit };
  } catch (error) {
    handle.end();
    if (!alone) await driver.undo(0);
    return { work, answer: { error }, afterCommit: [] };
  }
}

/** What was to follow a commit follows it. */
export function follow(afterCommit: Doubtful['afterCommit']): void {
  for (const fn of afterCommit) {
    try {
      fn();
    } catch (error) {
      // The work is durable, its caller must not be told otherwise.
      process.emitWarning(error instanceof Error ? error : String(error), 'AfterCommitWarning');
    }
  }
}
