import type { NodeCode } from '../ids/ids.ts';
import type { Reader, SumTable, Transaction } from '../store/store.ts';
import { fingerprintText, type Leg, type Limbs, minuteOf } from './leg.ts';

/** The legs of one branch and date whose operations were begun in one minute. */
export interface LegMinute {
  /** Minutes since 1970. */
  readonly minute: number;
  readonly count: number;
  readonly fingerprint: string;
}

export interface CountedLeg {
  readonly operationId: string;
  readonly attempt: number;
  readonly point: string;
  readonly fingerprint: string;
}

interface Day {
  readonly branch: NodeCode;
  readonly businessDate: string;
}

const minutes: SumTable = {
  table: 'leg_minutes',
  sql: `INSERT INTO leg_minutes (branch, business_date, minute, count, h0, h1, h2, h3)
    VALUES (?, ?, ?, ?, ? & 4294967295, ? & 4294967295, ? & 4294967295, ? & 4294967295)
    ON CONFLICT DO UPDATE SET count = count + excluded.count,
      h0 = (h0 + excluded.h0) & 4294967295, h1 = (h1 + excluded.h1) & 4294967295,
      h2 = (h2 + excluded.h2) & 4294967295, h3 = (h3 + excluded.h3) & 4294967295`,
};

/** Keeps a leg that is counted in the control totals, so that it can be found when these differ. */
export async function keepCounted(tx: Transaction, leg: Leg, limbs: Limbs): Promise<void> {
  const minute = minuteOf(leg.operationId);
  await tx.run(
    `INSERT INTO counted_legs (branch, business_date, minute, operation_id, attempt, point,
       fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    leg.branch,
    leg.businessDate,
    minute,
    leg.operationId,
    leg.attempt,
    leg.point,
    fingerprintText(limbs),
  );
  tx.add(minutes, [leg.branch, leg.businessDate, minute], [1n, ...limbs.map(BigInt)]);
}

/** What `keepCounted` kept is not counted any more. */
export async function dropCounted(tx: Transaction, leg: Leg, limbs: Limbs): Promise<void> {
  await tx.run(`DELETE FROM counted_legs WHERE ${oneLeg}`, ...placeOf(leg));
  const minute = minuteOf(leg.operationId);
  const amounts = [-1n, ...limbs.map((limb) => -BigInt(limb))];
  tx.add(minutes, [leg.branch, leg.businessDate, minute], amounts);
}

/** Whether the leg is in the control totals of the date that it names. */
export async function isCounted(tx: Reader, leg: Leg): Promise<boolean> {
  const found = await tx.get(`SELECT 1 AS one FROM counted_legs WHERE ${oneLeg}`, ...placeOf(leg));
  return found !== undefined;
}

const oneLeg =
  'branch = ? AND business_date = ? AND minute = ? AND operation_id = ? AND attempt = ? AND point = ?';

const placeOf = ({ branch, businessDate, operationId, attempt, point }: Leg) =>
  [branch, businessDate, minuteOf(operationId), operationId, attempt, point] as const;

/** The minutes of a date after one of them, in order. */
export async function minutesOf(
  tx: Reader,
  { branch, businessDate, after, limit }: Day & { after: number; limit: number },
): Promise<LegMinute[]> {
  const rows = await tx.all<MinuteRow>(
    `SELECT minute, count, h0, h1, h2, h3 FROM leg_minutes
     WHERE branch = ? AND business_date = ? AND minute > ? AND count > 0 ORDER BY minute LIMIT ?`,
    branch,
    businessDate,
    after,
    limit,
  );
  return rows.map(({ minute, count, h0, h1, h2, h3 }) => ({
    minute: Number(minute),
    count: Number(count),
    fingerprint: fingerprintText([h0, h1, h2, h3]),
  }));
}

interface MinuteRow {
  minute: bigint;
  count: bigint;
  h0: bigint;
  h1: bigint;
  h2: bigint;
  h3: bigint;
}

/** The legs of one minute after one of them, in order. */
export async function countedLegs(
  tx: Reader,
  page: Day & { minute: number; after?: Omit<CountedLeg, 'fingerprint'>; limit: number },
): Promise<CountedLeg[]> {
  const { branch, businessDate, minute, limit } = page;
  const after = page.after ?? { operationId: '', attempt: 0, point: '' };
  const rows = await tx.all<Omit<CountedLeg, 'attempt'> & { attempt: bigint }>(
    `SELECT operation_id AS operationId, attempt, point, fingerprint FROM counted_legs
     WHERE branch = ? AND business_date = ? AND minute = ?
       AND (operation_id, attempt, point) > (?, ?, ?)
     ORDER BY operation_id, attempt, point LIMIT ?`,
    branch,
    businessDate,
    minute,
    after.operationId,
    after.attempt,
    after.point,
    limit,
  );
  return rows.map((row) => ({ ...row, attempt: Number(row.attempt) }));
}

/** Is every leg in the totals of this date kept? Those that an older version counted are not. */
export async function isEveryLegKept(tx: Reader, { branch, businessDate }: Day): Promise<boolean> {
  const row = await tx.get<{ counted: bigint; kept: bigint }>(
    `SELECT
       (SELECT COALESCE(SUM(count), 0) FROM leg_totals WHERE branch = ? AND business_date = ?)
         AS counted,
       (SELECT COALESCE(SUM(count), 0) FROM leg_minutes WHERE branch = ? AND business_date = ?)
         AS kept`,
    ...[branch, businessDate, branch, businessDate],
  );
  return row !== undefined && row.counted === row.kept;
}
