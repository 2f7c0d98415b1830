import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';

/** In the place of totals: whatever head office was told, it is told once more when the recovery ends. */
export const toBeTold = '';

export interface ClosedDay {
  readonly date: BusinessDate;
  readonly closedAt: string;
  readonly closedBy: string;
  /** JSON of the control totals that head office was told last, or `toBeTold`. */
  readonly totals: string;
}

const closedDay =
  'SELECT date, closed_at AS closedAt, closed_by AS closedBy, totals FROM business_days';

export async function firstClosedDate(tx: Reader): Promise<BusinessDate | undefined> {
  const row = await tx.get<{ date: string | null }>('SELECT MIN(date) AS date FROM business_days');
  return row?.date ?? undefined;
}

export async function lastClosedDate(tx: Reader): Promise<BusinessDate | undefined> {
  const row = await tx.get<{ date: string | null }>('SELECT MAX(date) AS date FROM business_days');
  return row?.date ?? undefined;
}

/** The dates before another that hold legs of the branch and were not closed, the oldest first. */
export async function openDates(
  tx: Reader,
  branch: NodeCode,
  before: BusinessDate,
): Promise<BusinessDate[]> {
  const rows = await tx.all<{ date: string }>(
    `SELECT DISTINCT business_date AS date FROM leg_totals
     WHERE branch = ? AND business_date < ? AND count > 0 AND business_date NOT IN (SELECT date FROM business_days)
     ORDER BY business_date`,
    branch,
    before,
  );
  return rows.map(({ date }) => date);
}

export function findClosedDay(tx: Reader, date: BusinessDate): Promise<ClosedDay | undefined> {
  return tx.get(`${closedDay} WHERE date = ?`, date);
}

export function closedDays(tx: Reader, limit: number): Promise<ClosedDay[]> {
  return tx.all(`${closedDay} ORDER BY date DESC LIMIT ?`, limit);
}

/** The newest ones, and those that are to be told in any case. */
export function daysToCompare(tx: Reader, newest: number): Promise<ClosedDay[]> {
  return tx.all(
    `${closedDay} WHERE totals = ? OR date IN (SELECT date FROM business_days ORDER BY date DESC LIMIT ?)
     ORDER BY date DESC`,
    ...[toBeTold, newest],
  );
}

export async function insertClosedDay(tx: Transaction, day: ClosedDay): Promise<void> {
  await tx.run(
    'INSERT INTO business_days (date, closed_at, closed_by, totals) VALUES (?, ?, ?, ?)',
    day.date,
    day.closedAt,
    day.closedBy,
    day.totals,
  );
}

export async function replaceTotals(
  tx: Transaction,
  { date, totals }: Pick<ClosedDay, 'date' | 'totals'>,
): Promise<void> {
  await tx.run('UPDATE business_days SET totals = ? WHERE date = ?', totals, date);
}
