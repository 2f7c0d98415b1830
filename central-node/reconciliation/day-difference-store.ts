import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';

export const holders = ['branch', 'head-office', 'both'] as const;
/** Who has counted the leg; both, if not the same of it. */
export type Holder = (typeof holders)[number];

export interface LegDifference {
  readonly operationId: string;
  readonly attempt: number;
  readonly point: string;
  readonly heldBy: Holder;
}

export interface DaySearch {
  readonly searchedAt: string;
  /** False: there may be more than was found. */
  readonly whole: boolean;
  readonly differences: readonly LegDifference[];
}

export interface BranchDate {
  readonly branch: NodeCode;
  readonly businessDate: string;
}

/** What was found takes the place of what was found before. */
export async function saveSearch(
  tx: Transaction,
  { branch, businessDate }: BranchDate,
  { searchedAt, whole, differences }: DaySearch,
): Promise<void> {
  await forgetSearch(tx, { branch, businessDate });
  await tx.run(
    'INSERT INTO day_searches (branch, business_date, searched_at, whole) VALUES (?, ?, ?, ?)',
    ...[branch, businessDate, searchedAt, whole ? 1 : 0],
  );
  for (const { operationId, attempt, point, heldBy } of differences) {
    await tx.run(
      `INSERT INTO day_differences (branch, business_date, operation_id, attempt, point, held_by)
       VALUES (?, ?, ?, ?, ?, ?)`,
      ...[branch, businessDate, operationId, attempt, point, heldBy],
    );
  }
}

export async function forgetSearch(
  tx: Transaction,
  { branch, businessDate }: BranchDate,
): Promise<void> {
  for (const table of ['day_searches', 'day_differences']) {
    await tx.run(
      `DELETE FROM ${table} WHERE branch = ? AND business_date = ?`,
      branch,
      businessDate,
    );
  }
}

export async function findSearch(
  tx: Reader,
  { branch, businessDate }: BranchDate,
): Promise<DaySearch | undefined> {
  const row = await tx.get<{ searchedAt: string; whole: bigint }>(
    `SELECT searched_at AS searchedAt, whole FROM day_searches
     WHERE branch = ? AND business_date = ?`,
    branch,
    businessDate,
  );
  if (!row) return undefined;
  const rows = await tx.all<Omit<LegDifference, 'attempt'> & { attempt: bigint }>(
    `SELECT operation_id AS operationId, attempt, point, held_by AS heldBy FROM day_differences
     WHERE branch = ? AND business_date = ? ORDER BY operation_id, attempt, point`,
    branch,
    businessDate,
  );
  const differences = rows.map((each) => ({ ...each, attempt: Number(each.attempt) }));
  return { searchedAt: row.searchedAt, whole: row.whole === 1n, differences };
}
