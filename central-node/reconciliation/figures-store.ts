import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { StepCount } from './credit-times.ts';

/** The operations of one date in one currency; `''` for those without money. */
export interface FigureRow {
  readonly date: string;
  readonly currency: string;
  readonly operations: bigint;
  /** Served by another branch than the home branch. */
  readonly crossing: bigint;
  /** In a case, or adjusted after one. */
  readonly mismatched: bigint;
  readonly payments: bigint;
  readonly paid: bigint;
}

/** Reads counts that are kept as the legs come: its cost does not grow with them. */
export function figuresOf(
  tx: Reader,
  { from, to }: { from: string; to: string },
): Promise<FigureRow[]> {
  return tx.all(
    `SELECT operation_date AS date, currency,
       SUM(count) AS operations,
       SUM(CASE WHEN serving <> home THEN count ELSE 0 END) AS crossing,
       SUM(CASE WHEN state IN ('case', 'adjusted') THEN count ELSE 0 END) AS mismatched,
       SUM(CASE WHEN kind = 'payment' AND state <> 'refused' THEN count ELSE 0 END) AS payments,
       SUM(CASE WHEN kind = 'payment' AND state <> 'refused' THEN sum ELSE 0 END) AS paid
     FROM operation_counts
     WHERE operation_date BETWEEN ? AND ? AND count > 0
     GROUP BY operation_date, currency ORDER BY operation_date, currency`,
    from,
    to,
  );
}

export async function countCredit(
  tx: Transaction,
  { date, step }: { date: string; step: number },
): Promise<void> {
  await tx.run(
    `INSERT INTO credit_times (operation_date, step, count) VALUES (?, ?, 1)
     ON CONFLICT DO UPDATE SET count = count + 1`,
    date,
    step,
  );
}

/** Of each date, in how many steps of time payments of it were credited. */
export async function creditStepsOf(
  tx: Reader,
  { from, to }: { from: string; to: string },
): Promise<ReadonlyMap<string, StepCount[]>> {
  const rows = await tx.all<{ date: string; step: bigint; count: bigint }>(
    `SELECT operation_date AS date, step, count FROM credit_times
     WHERE operation_date BETWEEN ? AND ?`,
    from,
    to,
  );
  const dates = new Map<string, StepCount[]>();
  for (const { date, step, count } of rows) {
    const counted = { step: Number(step), count: Number(count) };
    dates.set(date, [...(dates.get(date) ?? []), counted]);
  }
  return dates;
}
