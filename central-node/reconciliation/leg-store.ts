import type { NodeCode } from '../../shared/ids/ids.ts';
import type { LegTotal } from '../../shared/reconciliation/leg-totals-store.ts';
import type { PriceFacts } from '../../shared/settlement/obligation.ts';
import type { Reader, SumTable, Transaction } from '../../shared/store/store.ts';
import type { OperationPoint } from '../../shared/wire/operation-kinds.ts';
import type { CollectedLeg, CollectedOperation, CollectedState } from './matching.ts';

/** All SQL of legs, of the operations that they make up, and of closed dates. */

interface LegRow {
  operationId: string;
  attempt: bigint;
  point: OperationPoint;
  branch: NodeCode;
  kind: string;
  serving: NodeCode;
  home: NodeCode;
  msisdn: string;
  businessDate: string;
  operationDate: string;
  amount: bigint | null;
  currency: string | null;
  outcome: 'executed' | 'refused' | null;
  facts: string | null;
  acceptedSha256: string | null;
  decisionSha256: string | null;
  epoch: string | null;
  seq: bigint | null;
}

const legColumns = `operation_id AS operationId, attempt, point, branch, kind, serving, home, msisdn,
  business_date AS businessDate, operation_date AS operationDate, amount, currency, outcome, facts,
  accepted_sha256 AS acceptedSha256, decision_sha256 AS decisionSha256, epoch, seq`;

function legOfRow(stored: LegRow): CollectedLeg {
  const { amount, currency, outcome, facts, epoch, seq, ...rest } = stored;
  const { acceptedSha256, decisionSha256, ...row } = rest;
  return {
    ...row,
    attempt: Number(row.attempt),
    ...(amount === null || currency === null ? {} : { money: { amount, currency } }),
    ...(outcome === null ? {} : { outcome }),
    ...(facts === null ? {} : { facts: JSON.parse(facts) as PriceFacts }),
    ...(acceptedSha256 === null ? {} : { acceptedSha256 }),
    ...(decisionSha256 === null ? {} : { decisionSha256 }),
    ...(epoch === null || seq === null ? {} : { place: { epoch, seq: Number(seq) } }),
  };
}

/** @returns false when this branch has told this point before; what it told first stays. */
export async function insertLeg(
  tx: Transaction,
  leg: CollectedLeg,
  receivedAt: string,
): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO legs (operation_id, attempt, point, branch, kind, serving, home, msisdn,
       business_date, operation_date, amount, currency, outcome, facts, accepted_sha256,
       decision_sha256, epoch, seq, received_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (operation_id, attempt, point, branch) DO NOTHING`,
    leg.operationId,
    leg.attempt,
    leg.point,
    leg.branch,
    leg.kind,
    leg.serving,
    leg.home,
    leg.msisdn,
    leg.businessDate,
    leg.operationDate,
    leg.money?.amount ?? null,
    leg.money?.currency ?? null,
    leg.outcome ?? null,
    leg.facts ? JSON.stringify(leg.facts) : null,
    leg.acceptedSha256 ?? null,
    leg.decisionSha256 ?? null,
    leg.place?.epoch ?? null,
    leg.place?.seq ?? null,
    receivedAt,
  );
  return inserted === 1;
}

export interface AttemptKey {
  readonly operationId: string;
  readonly attempt: number;
}

/** The legs of one attempt: a handful. */
export async function legsOf(
  tx: Reader,
  { operationId, attempt }: AttemptKey,
): Promise<CollectedLeg[]> {
  const rows = await tx.all<LegRow>(
    `SELECT ${legColumns} FROM legs WHERE operation_id = ? AND attempt = ? ORDER BY point, branch`,
    operationId,
    attempt,
  );
  return rows.map(legOfRow);
}

/** What the home branch told of an operation that it executed, whichever attempt that was. */
export async function executedLeg(
  tx: Reader,
  operationId: string,
): Promise<CollectedLeg | undefined> {
  const row = await tx.get<LegRow>(
    `SELECT ${legColumns} FROM legs WHERE operation_id = ? AND point = 'executed'
     ORDER BY attempt DESC LIMIT 1`,
    operationId,
  );
  return row && legOfRow(row);
}

interface OperationRow extends Omit<CollectedOperation, 'attempt' | 'money' | 'contradicted'> {
  attempt: bigint;
  amount: bigint;
  currency: string;
  contradicted: bigint;
}

const operationColumns = `operation_id AS operationId, attempt, kind, serving, home,
  operation_date AS operationDate, amount, currency, state, contradicted, since,
  case_id AS caseId`;

function operationOfRow({ amount, currency, ...row }: OperationRow): CollectedOperation {
  return {
    ...row,
    attempt: Number(row.attempt),
    contradicted: row.contradicted === 1n,
    money: currency === '' ? null : { amount, currency },
  };
}

export async function findCollected(
  tx: Reader,
  { operationId, attempt }: AttemptKey,
): Promise<CollectedOperation | undefined> {
  const row = await tx.get<OperationRow>(
    `SELECT ${operationColumns} FROM collected_operations
     WHERE operation_id = ? AND attempt = ?`,
    operationId,
    attempt,
  );
  return row && operationOfRow(row);
}

/** Keeps the operation and its date's counts: it leaves the group that it was in, if it was in one. */
export async function saveCollected(
  tx: Transaction,
  before: CollectedOperation | undefined,
  after: CollectedOperation,
): Promise<void> {
  await tx.run(
    `INSERT INTO collected_operations (operation_id, attempt, kind, serving, home, operation_date,
       amount, currency, state, contradicted, since, case_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (operation_id, attempt) DO UPDATE SET home = excluded.home,
       kind = excluded.kind, operation_date = excluded.operation_date, amount = excluded.amount,
       currency = excluded.currency, state = excluded.state,
       contradicted = excluded.contradicted, case_id = excluded.case_id`,
    after.operationId,
    after.attempt,
    after.kind,
    after.serving,
    after.home,
    after.operationDate,
    after.money?.amount ?? 0n,
    after.money?.currency ?? '',
    after.state,
    after.contradicted ? 1 : 0,
    after.since,
    after.caseId,
  );
  if (before && isSameGroup(before, after)) return;
  if (before) count(tx, before, -1n);
  count(tx, after, 1n);
}

function isSameGroup(before: CollectedOperation, after: CollectedOperation): boolean {
  return (
    before.state === after.state &&
    before.home === after.home &&
    before.kind === after.kind &&
    before.operationDate === after.operationDate &&
    before.money?.amount === after.money?.amount &&
    before.money?.currency === after.money?.currency
  );
}

const counts: SumTable = {
  table: 'operation_counts',
  sql: `INSERT INTO operation_counts (operation_date, serving, home, kind, currency, state, count, sum)
    VALUES (?, ?, ?, ?, ?, ?, max(?, 0), ?)
    ON CONFLICT DO UPDATE SET count = count + ?, sum = sum + excluded.sum`,
};

function count(tx: Transaction, operation: CollectedOperation, sign: 1n | -1n): void {
  const { operationDate, serving, home, kind, money, state } = operation;
  const group = [operationDate, serving, home, kind, money?.currency ?? '', state];
  // A row is never made below zero: the table's own check looks before the conflict does.
  tx.add(counts, group, [sign, sign * (money?.amount ?? 0n), sign]);
}

/** Open operations whose first leg came before `cutoff`, the oldest first. */
export async function openSince(
  tx: Reader,
  { cutoff, limit }: { cutoff: string; limit: number },
): Promise<CollectedOperation[]> {
  const rows = await tx.all<OperationRow>(
    `SELECT ${operationColumns} FROM collected_operations
     WHERE state = 'open' AND since <= ? ORDER BY since LIMIT ?`,
    cutoff,
    limit,
  );
  return rows.map(operationOfRow);
}

export interface CountRow {
  readonly serving: NodeCode;
  readonly home: NodeCode;
  readonly kind: string;
  readonly currency: string;
  readonly state: CollectedState;
  readonly count: bigint;
  readonly sum: bigint;
}

export function countsOf(tx: Reader, operationDate: string): Promise<CountRow[]> {
  return tx.all(
    `SELECT serving, home, kind, currency, state, count, sum FROM operation_counts
     WHERE operation_date = ? AND count > 0
     ORDER BY serving, home, kind, currency, state`,
    operationDate,
  );
}

export interface CollectedFilter {
  readonly operationDate: string;
  readonly serving?: string | undefined;
  readonly home?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: CollectedState | undefined;
  readonly after?: AttemptKey | undefined;
  readonly limit: number;
}

/** The operations of a date in the order of their ids. */
export async function listCollected(
  tx: Reader,
  filter: CollectedFilter,
): Promise<CollectedOperation[]> {
  const rows = await tx.all<OperationRow>(
    `SELECT ${operationColumns} FROM collected_operations
     WHERE operation_date = ? AND (operation_id, attempt) > (?, ?)
       AND serving = COALESCE(?, serving) AND home = COALESCE(?, home)
       AND kind = COALESCE(?, kind) AND state = COALESCE(?, state)
     ORDER BY operation_id, attempt LIMIT ?`,
    filter.operationDate,
    filter.after?.operationId ?? '',
    filter.after?.attempt ?? 0,
    filter.serving ?? null,
    filter.home ?? null,
    filter.kind ?? null,
    filter.state ?? null,
    filter.limit,
  );
  return rows.map(operationOfRow);
}

export interface DayClosing {
  readonly branch: NodeCode;
  readonly totals: readonly LegTotal[];
  readonly receivedAt: string;
}

export async function saveDayClosing(
  tx: Transaction,
  closing: DayClosing & { businessDate: string; reaches: { epoch: string; seq: number } },
): Promise<void> {
  await tx.run(
    `INSERT INTO day_closings (branch, business_date, totals, epoch, seq, received_at)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (branch, business_date) DO UPDATE SET totals = excluded.totals,
       epoch = excluded.epoch, seq = excluded.seq, received_at = excluded.received_at
     WHERE excluded.epoch <> epoch OR excluded.seq >= seq`,
    closing.branch,
    closing.businessDate,
    JSON.stringify(closing.totals),
    closing.reaches.epoch,
    closing.reaches.seq,
    closing.receivedAt,
  );
}

interface ClosingRow extends Omit<DayClosing, 'totals'> {
  totals: string;
}

function closingOf(row: ClosingRow): DayClosing {
  return { ...row, totals: JSON.parse(row.totals) as LegTotal[] };
}

export async function findDayClosing(
  tx: Reader,
  { branch, businessDate }: { branch: NodeCode; businessDate: string },
): Promise<DayClosing | undefined> {
  const row = await tx.get<ClosingRow>(
    `SELECT branch, totals, received_at AS receivedAt FROM day_closings
     WHERE branch = ? AND business_date = ?`,
    branch,
    businessDate,
  );
  return row && closingOf(row);
}

/** The first date that a branch has closed. */
export async function firstClosedDate(tx: Reader, branch: NodeCode): Promise<string | undefined> {
  const row = await tx.get<{ date: string | null }>(
    'SELECT MIN(business_date) AS date FROM day_closings WHERE branch = ?',
    branch,
  );
  return row?.date ?? undefined;
}
