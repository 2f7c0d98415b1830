import type { Reader } from '../../shared/store/store.ts';

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
