import type { NodeCode } from '../../shared/ids/ids.ts';
import type { OwedSum } from '../../shared/settlement/netting.ts';
import type { Obligation } from '../../shared/settlement/obligation.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';

/** All SQL of obligations and of the sums that are kept of them. */

export interface RecordedObligation extends Obligation {
  readonly id: bigint;
  readonly operationId: string;
  readonly attempt: number;
  readonly kind: string;
  readonly windowId: string | null;
  readonly businessDate: string;
  readonly caseId: string | null;
}

type ObligationRow = Omit<RecordedObligation, 'attempt'> & { attempt: bigint };

const columns = `id, operation_id AS operationId, attempt, kind, window_id AS windowId, debtor,
  creditor, currency, gross, commission, fee, net, business_date AS businessDate,
  case_id AS caseId`;

function recorded(row: ObligationRow): RecordedObligation {
  return { ...row, attempt: Number(row.attempt) };
}

/** @returns false when the operation has its obligation already. */
export async function insertObligation(
  tx: Transaction,
  row: Omit<RecordedObligation, 'id'> & { readonly cancels: string | null },
): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO obligations (operation_id, attempt, kind, window_id, debtor, creditor, currency,
       gross, commission, fee, net, business_date, case_id, cancels)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (operation_id, attempt) DO NOTHING`,
    row.operationId,
    row.attempt,
    row.kind,
    row.windowId,
    row.debtor,
    row.creditor,
    row.currency,
    row.gross,
    row.commission,
    row.fee,
    row.net,
    row.businessDate,
    row.caseId,
    row.cancels,
  );
  return inserted === 1;
}

export async function findObligation(
  tx: Reader,
  { operationId, attempt }: { operationId: string; attempt: number },
): Promise<RecordedObligation | undefined> {
  const row = await tx.get<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE operation_id = ? AND attempt = ?`,
    operationId,
    attempt,
  );
  return row && recorded(row);
}

/** The obligation of an operation, whichever attempt was executed. */
export async function obligationOfOperation(
  tx: Reader,
  operationId: string,
): Promise<RecordedObligation | undefined> {
  const row = await tx.get<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE operation_id = ? ORDER BY attempt DESC LIMIT 1`,
    operationId,
  );
  return row && recorded(row);
}

/** What cancellations of a payment give back. */
export async function cancellationsOf(tx: Reader, payment: string): Promise<RecordedObligation[]> {
  const rows = await tx.all<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE cancels = ?`,
    payment,
  );
  return rows.map(recorded);
}

export async function obligationsInCase(tx: Reader, caseId: string): Promise<RecordedObligation[]> {
  const rows = await tx.all<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE case_id = ?`,
    caseId,
  );
  return rows.map(recorded);
}

/** The obligations of a window that cases hold: few, and found by their cases (`+`), not among all of the window. */
export async function heldObligations(tx: Reader, windowId: string): Promise<RecordedObligation[]> {
  const rows = await tx.all<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE case_id IS NOT NULL AND +window_id = ?`,
    windowId,
  );
  return rows.map(recorded);
}

/** What two branches owe each other in a window. */
export async function obligationsBetween(
  tx: Reader,
  windowId: string,
  [one, other]: readonly [NodeCode, NodeCode],
): Promise<RecordedObligation[]> {
  const rows = await tx.all<ObligationRow>(
    `SELECT ${columns} FROM obligations
     WHERE window_id = ? AND (debtor, creditor) IN ((?, ?), (?, ?))`,
    windowId,
    ...[one, other, other, one],
  );
  return rows.map(recorded);
}

export async function placeObligation(
  tx: Transaction,
  id: bigint,
  { windowId, caseId }: { windowId: string | null; caseId: string | null },
): Promise<void> {
  await tx.run(
    'UPDATE obligations SET window_id = ?, case_id = ? WHERE id = ?',
    windowId,
    caseId,
    id,
  );
}

export async function setTerms(
  tx: Transaction,
  id: bigint,
  { currency, commission, fee, net }: Pick<Obligation, 'currency' | 'commission' | 'fee' | 'net'>,
): Promise<void> {
  await tx.run(
    'UPDATE obligations SET currency = ?, commission = ?, fee = ?, net = ? WHERE id = ?',
    currency,
    commission,
    fee,
    net,
    id,
  );
}

type SummedObligation = Obligation & { readonly kind: string };

/** Adds one obligation to the sums of a window. */
export async function addToSums(
  tx: Transaction,
  windowId: string,
  obligation: SummedObligation,
): Promise<void> {
  await tx.run(
    `INSERT INTO obligation_sums
       (window_id, debtor, creditor, kind, count, gross, commission, fee, net)
     VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)
     ON CONFLICT (window_id, debtor, creditor, kind) DO UPDATE SET
       count = count + 1, gross = gross + excluded.gross,
       commission = commission + excluded.commission, fee = fee + excluded.fee,
       net = net + excluded.net`,
    windowId,
    obligation.debtor,
    obligation.creditor,
    obligation.kind,
    obligation.gross,
    obligation.commission,
    obligation.fee,
    obligation.net,
  );
}

/** Takes one obligation out of the sums of the window that it was in. */
export async function takeFromSums(
  tx: Transaction,
  windowId: string,
  obligation: SummedObligation,
): Promise<void> {
  await tx.run(
    `UPDATE obligation_sums SET count = count - 1, gross = gross - ?,
       commission = commission - ?, fee = fee - ?, net = net - ?
     WHERE window_id = ? AND debtor = ? AND creditor = ? AND kind = ?`,
    obligation.gross,
    obligation.commission,
    obligation.fee,
    obligation.net,
    windowId,
    obligation.debtor,
    obligation.creditor,
    obligation.kind,
  );
}

export interface KindSum extends OwedSum {
  readonly kind: string;
}

/** Nothing for what cases have emptied: branches are told of no position without operations. */
export async function sumsOf(tx: Reader, windowIds: readonly string[]): Promise<KindSum[]> {
  const rows = await tx.all<Omit<KindSum, 'count'> & { count: bigint }>(
    `SELECT debtor, creditor, kind, SUM(count) AS count, SUM(gross) AS gross,
       SUM(commission) AS commission, SUM(fee) AS fee, SUM(net) AS net
     FROM obligation_sums WHERE window_id IN (${windowIds.map(() => '?').join(', ')})
     GROUP BY debtor, creditor, kind HAVING SUM(count) > 0 ORDER BY debtor, creditor, kind`,
    ...windowIds,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Moves all of an aborted window's obligations and sums into another window. */
export async function moveObligations(tx: Transaction, from: string, to: string): Promise<void> {
  await tx.run('UPDATE obligations SET window_id = ? WHERE window_id = ?', to, from);
  await tx.run(
    `INSERT INTO obligation_sums
       (window_id, debtor, creditor, kind, count, gross, commission, fee, net)
     SELECT ?, debtor, creditor, kind, count, gross, commission, fee, net
     FROM obligation_sums WHERE window_id = ?
     ON CONFLICT (window_id, debtor, creditor, kind) DO UPDATE SET
       count = count + excluded.count, gross = gross + excluded.gross,
       commission = commission + excluded.commission, fee = fee + excluded.fee,
       net = net + excluded.net`,
    to,
    from,
  );
  await tx.run('DELETE FROM obligation_sums WHERE window_id = ?', from);
}

/** @returns the branch's exposure after the change. */
export async function addToExposure(
  tx: Transaction,
  { branch, currency, net }: { branch: NodeCode; currency: string; net: bigint },
): Promise<bigint> {
  const row = await tx.get<{ net: bigint }>(
    `INSERT INTO branch_exposures (branch, currency, net) VALUES (?, ?, ?)
     ON CONFLICT (branch, currency) DO UPDATE SET net = net + excluded.net RETURNING net`,
    branch,
    currency,
    net,
  );
  return row?.net ?? 0n;
}

export function exposures(
  tx: Reader,
): Promise<{ branch: NodeCode; currency: string; net: bigint }[]> {
  return tx.all('SELECT branch, currency, net FROM branch_exposures ORDER BY branch, currency');
}

export interface ObligationFilter {
  readonly settlementId: string;
  /** Only what this branch owes or receives. */
  readonly branch?: NodeCode | undefined;
  readonly debtor?: NodeCode | undefined;
  readonly creditor?: NodeCode | undefined;
  readonly after?: { readonly windowId: string; readonly id: bigint } | undefined;
  readonly limit: number;
}

/** The obligations of a settlement, in the order of its windows and of their ids; each page goes on where one ended. */
export async function settlementObligations(
  tx: Reader,
  { settlementId, after, limit, ...pair }: ObligationFilter,
): Promise<RecordedObligation[]> {
  const windows = await tx.all<{ id: string }>(
    `SELECT window_id AS id FROM settlement_members
     WHERE settlement_id = ? AND window_id >= ? ORDER BY window_id`,
    settlementId,
    after?.windowId ?? '',
  );
  const found: RecordedObligation[] = [];
  for (const { id: windowId } of windows) {
    if (found.length >= limit) break;
    const afterId = windowId === after?.windowId ? after.id : 0n;
    const rest = limit - found.length;
    found.push(...(await windowObligations(tx, { ...pair, windowId, afterId, limit: rest })));
  }
  return found;
}

async function windowObligations(
  tx: Reader,
  filter: Pick<ObligationFilter, 'branch' | 'debtor' | 'creditor' | 'limit'> & {
    readonly windowId: string;
    readonly afterId: bigint;
  },
): Promise<RecordedObligation[]> {
  const { branch = null, debtor = null, creditor = null } = filter;
  const rows = await tx.all<ObligationRow>(
    `SELECT ${columns} FROM obligations WHERE window_id = ? AND id > ?
       AND debtor = COALESCE(?, debtor) AND creditor = COALESCE(?, creditor)
       AND (? IS NULL OR debtor = ? OR creditor = ?)
     ORDER BY id LIMIT ?`,
    filter.windowId,
    filter.afterId,
    debtor,
    creditor,
    branch,
    branch,
    branch,
    filter.limit,
  );
  return rows.map(recorded);
}
