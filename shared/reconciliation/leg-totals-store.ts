import { z } from 'zod';
import type { NodeCode } from '../ids/ids.ts';
import type { Reader, SumTable, Transaction } from '../store/store.ts';
import { dropCounted, keepCounted } from './counted-legs-store.ts';
import { directionOf, fingerprintText, type Leg, legFingerprint, peerOf } from './leg.ts';

/** Count, sum (minor units) and fingerprint of the legs of one group; the form in which `day.closed` carries it. */
export const legTotal = z.strictObject({
  kind: z.string(),
  point: z.string(),
  direction: z.string(),
  peer: z.string(),
  currency: z.string(),
  count: z.int().min(0),
  sum: z.string().regex(/^-?\d+$/),
  fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
});
export type LegTotal = z.infer<typeof legTotal>;

const totals: SumTable = {
  table: 'leg_totals',
  sql: `INSERT INTO leg_totals (branch, business_date, kind, point, direction, peer, currency,
      count, sum, h0, h1, h2, h3)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ? & 4294967295, ? & 4294967295, ? & 4294967295, ? & 4294967295)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum,
      h0 = (h0 + excluded.h0) & 4294967295, h1 = (h1 + excluded.h1) & 4294967295,
      h2 = (h2 + excluded.h2) & 4294967295, h3 = (h3 + excluded.h3) & 4294967295`,
};

/** Adds a leg that was not known before to its group. */
export async function addToTotals(tx: Transaction, leg: Leg): Promise<void> {
  const limbs = legFingerprint(leg);
  addToGroup(tx, leg, [1n, leg.money?.amount ?? 0n, ...limbs.map(BigInt)]);
  await keepCounted(tx, leg, limbs);
}

/** Takes a leg that is counted out again. */
export async function takeFromTotals(tx: Transaction, leg: Leg): Promise<void> {
  const limbs = legFingerprint(leg);
  addToGroup(tx, leg, [-1n, -(leg.money?.amount ?? 0n), ...limbs.map((limb) => -BigInt(limb))]);
  await dropCounted(tx, leg, limbs);
}

function addToGroup(tx: Transaction, leg: Leg, amounts: readonly bigint[]): void {
  const group = [leg.kind, leg.point, directionOf(leg), peerOf(leg), leg.money?.currency ?? ''];
  tx.add(totals, [leg.branch, leg.businessDate, ...group], amounts);
}

/** The control totals of one branch and business date, in a fixed order. */
export async function totalsOf(
  tx: Reader,
  branch: NodeCode,
  businessDate: string,
): Promise<LegTotal[]> {
  const rows = await tx.all<TotalRow>(
    `SELECT kind, point, direction, peer, currency, count, sum, h0, h1, h2, h3 FROM leg_totals
     WHERE branch = ? AND business_date = ? AND count > 0
     ORDER BY kind, point, direction, peer, currency`,
    branch,
    businessDate,
  );
  return rows.map((row) => ({
    kind: row.kind,
    point: row.point,
    direction: row.direction,
    peer: row.peer,
    currency: row.currency,
    count: Number(row.count),
    sum: row.sum.toString(),
    fingerprint: fingerprintText([row.h0, row.h1, row.h2, row.h3]),
  }));
}

/** The first date of which legs of a branch are counted. */
export async function firstCountedDate(tx: Reader, branch: NodeCode): Promise<string | undefined> {
  const row = await tx.get<{ date: string | null }>(
    'SELECT MIN(business_date) AS date FROM leg_totals WHERE branch = ? AND count > 0',
    branch,
  );
  return row?.date ?? undefined;
}

interface TotalRow {
  kind: string;
  point: string;
  direction: string;
  peer: string;
  currency: string;
  count: bigint;
  sum: bigint;
  h0: bigint;
  h1: bigint;
  h2: bigint;
  h3: bigint;
}
