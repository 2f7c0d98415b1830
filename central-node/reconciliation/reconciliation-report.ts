import type { NodeCode } from '../../shared/ids/ids.ts';
import { differencesOf, type TotalsDifference } from '../../shared/reconciliation/day-closed.ts';
import { firstCountedDate, totalsOf } from '../../shared/reconciliation/leg-totals-store.ts';
import type { Reader } from '../../shared/store/store.ts';
import type { CollectedFilter } from './leg-store.ts';
import {
  type CountRow,
  countsOf,
  findDayClosing,
  firstClosedDate,
  legsOf,
  listCollected,
} from './leg-store.ts';
import type { CollectedLeg, CollectedOperation } from './matching.ts';

export interface BranchDay {
  readonly branch: NodeCode;
  readonly closed: boolean;
  readonly closedAt: string | null;
  /** Null until the branch has closed the date. */
  readonly equal: boolean | null;
  readonly differences: readonly TotalsDifference[];
}

/** The operations of one pair, kind and currency; sums in minor units, 0 without a currency. */
export interface PairDay {
  readonly serving: NodeCode;
  readonly home: NodeCode;
  readonly kind: string;
  readonly currency: string;
  readonly count: number;
  readonly sum: bigint;
  readonly matched: number;
  readonly refused: number;
  readonly open: number;
  readonly inCase: number;
  readonly adjusted: number;
}

export interface ReconciliationReport {
  readonly businessDate: string;
  readonly branches: readonly BranchDay[];
  readonly pairs: readonly PairDay[];
  /** Every branch has closed the date with head office's totals, and nothing is open outside a case. */
  readonly complete: boolean;
}

const maxDifferences = 100;

/** How a business date stands. It reads counts that are kept as the legs come: its cost does not grow with them. */
export async function reconciliationReport(
  tx: Reader,
  { businessDate, branches }: { businessDate: string; branches: readonly NodeCode[] },
): Promise<ReconciliationReport> {
  const days: BranchDay[] = [];
  for (const branch of branches) {
    const day = await branchDay(tx, branch, businessDate);
    // Of a date before its first one a branch that joined later has nothing to close.
    const known = day.closed
      ? []
      : [await firstCountedDate(tx, branch), await firstClosedDate(tx, branch)];
    const firsts = known.filter((date) => date !== undefined);
    if (firsts.length === 0 || firsts.some((first) => first <= businessDate)) days.push(day);
  }
  const pairs = pairDays(await countsOf(tx, businessDate));
  const isClosed = days.every(({ equal }) => equal === true);
  const isSettled = pairs.every(({ open }) => open === 0);
  return { businessDate, branches: days, pairs, complete: isClosed && isSettled };
}

/** Compared anew each time: a leg may come after the date was closed. */
async function branchDay(tx: Reader, branch: NodeCode, businessDate: string): Promise<BranchDay> {
  const closing = await findDayClosing(tx, { branch, businessDate });
  if (!closing) return { branch, closed: false, closedAt: null, equal: null, differences: [] };
  const ours = await totalsOf(tx, branch, businessDate);
  const differences = differencesOf(closing.totals, ours);
  return {
    branch,
    closed: true,
    closedAt: closing.receivedAt,
    equal: differences.length === 0,
    differences: differences.slice(0, maxDifferences),
  };
}

const countedAs = {
  matched: 'matched',
  refused: 'refused',
  open: 'open',
  case: 'inCase',
  adjusted: 'adjusted',
} as const;

function pairDays(rows: readonly CountRow[]): PairDay[] {
  const pairs = new Map<string, PairDay>();
  for (const { serving, home, kind, currency, state, count, sum } of rows) {
    const key = `${serving} ${home} ${kind} ${currency}`;
    const none = { count: 0, sum: 0n, matched: 0, refused: 0, open: 0, inCase: 0, adjusted: 0 };
    const known = pairs.get(key) ?? { serving, home, kind, currency, ...none };
    const name = countedAs[state];
    pairs.set(key, {
      ...known,
      count: known.count + Number(count),
      sum: known.sum + sum,
      [name]: known[name] + Number(count),
    });
  }
  return [...pairs.values()];
}

export interface OperationWithLegs extends CollectedOperation {
  readonly legs: readonly CollectedLeg[];
}

/** The operations of a date, each with its legs side by side; one more than `limit` tells that there is more. */
export async function operationsOfDay(
  tx: Reader,
  filter: CollectedFilter,
): Promise<OperationWithLegs[]> {
  const operations: OperationWithLegs[] = [];
  for (const operation of await listCollected(tx, filter)) {
    operations.push({ ...operation, legs: await legsOf(tx, operation) });
  }
  return operations;
}
