import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Person } from './settlement.ts';

/** All SQL of the settlements that head office lost with a backup. */

export interface LostWindow {
  readonly windowId: string;
  /** The backup has its closing. */
  readonly recorded: boolean;
}

/** The place of an operation that a branch says was settled; `branch` is the first of the two by code. */
export interface LostObligation {
  readonly settlementId: string;
  readonly windowId: string;
  readonly operationId: string;
  readonly attempt: number;
  readonly branch: NodeCode;
  readonly peer: NodeCode;
}

export async function insertLostWindow(
  tx: Transaction,
  settlementId: string,
  { windowId, recorded }: LostWindow,
): Promise<void> {
  await tx.run(
    'INSERT OR IGNORE INTO lost_windows (settlement_id, window_id, recorded) VALUES (?, ?, ?)',
    settlementId,
    windowId,
    recorded ? 1 : 0,
  );
}

export async function lostSettlementIds(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    'SELECT DISTINCT settlement_id AS id FROM lost_windows ORDER BY settlement_id',
  );
  return rows.map((row) => row.id);
}

export async function isLost(tx: Reader, settlementId: string): Promise<boolean> {
  return (await lostWindows(tx, settlementId)).length > 0;
}

export async function lostWindows(tx: Reader, settlementId: string): Promise<LostWindow[]> {
  const rows = await tx.all<{ windowId: string; recorded: bigint }>(
    `SELECT window_id AS windowId, recorded FROM lost_windows
     WHERE settlement_id = ? ORDER BY recorded, window_id`,
    settlementId,
  );
  return rows.map(({ windowId, recorded }) => ({ windowId, recorded: recorded === 1n }));
}

/** The settlement that a window was lost with, as long as that is not back. */
export async function lostWindow(
  tx: Reader,
  windowId: string,
): Promise<{ settlementId: string; recorded: boolean } | undefined> {
  const row = await tx.get<{ settlementId: string; recorded: bigint }>(
    'SELECT settlement_id AS settlementId, recorded FROM lost_windows WHERE window_id = ?',
    windowId,
  );
  return row && { ...row, recorded: row.recorded === 1n };
}

export async function insertLostObligation(tx: Transaction, lost: LostObligation): Promise<void> {
  await tx.run(
    `INSERT OR IGNORE INTO lost_obligations
       (operation_id, attempt, settlement_id, window_id, branch, peer) VALUES (?, ?, ?, ?, ?, ?)`,
    lost.operationId,
    lost.attempt,
    lost.settlementId,
    lost.windowId,
    lost.branch,
    lost.peer,
  );
}

/** The window that an operation was settled in, as long as its settlement is not back. */
export async function lostPlace(
  tx: Reader,
  { operationId, attempt }: { operationId: string; attempt: number },
): Promise<string | undefined> {
  const row = await tx.get<{ windowId: string }>(
    'SELECT window_id AS windowId FROM lost_obligations WHERE operation_id = ? AND attempt = ?',
    operationId,
    attempt,
  );
  return row?.windowId;
}

/** How many obligations of each pair are known again. */
export async function lostCounts(
  tx: Reader,
  settlementId: string,
): Promise<{ branch: NodeCode; peer: NodeCode; count: number }[]> {
  const rows = await tx.all<{ branch: NodeCode; peer: NodeCode; count: bigint }>(
    `SELECT branch, peer, COUNT(*) AS count FROM lost_obligations
     WHERE settlement_id = ? GROUP BY branch, peer`,
    settlementId,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

interface LostPair {
  readonly settlementId: string;
  /** The first of the two by code. */
  readonly branch: NodeCode;
  readonly peer: NodeCode;
}

const withoutObligation = `FROM lost_obligations lost
  WHERE lost.settlement_id = ? AND lost.branch = ? AND lost.peer = ? AND NOT EXISTS
    (SELECT 1 FROM obligations WHERE operation_id = lost.operation_id AND attempt = lost.attempt)`;

/** Named by a branch, and nothing is owed for it by today's terms, or its legs are not there again. */
export async function countWithoutObligation(tx: Reader, pair: LostPair): Promise<number> {
  const row = await tx.get<{ count: bigint }>(
    `SELECT COUNT(*) AS count ${withoutObligation}`,
    ...[pair.settlementId, pair.branch, pair.peer],
  );
  return Number(row?.count ?? 0n);
}

/** The same, in their order; each page goes on where one ended. */
export async function lostWithoutObligation(
  tx: Reader,
  pair: LostPair & { after: { operationId: string; attempt: number }; limit: number },
): Promise<{ operationId: string; attempt: number }[]> {
  const rows = await tx.all<{ operationId: string; attempt: bigint }>(
    `SELECT lost.operation_id AS operationId, lost.attempt ${withoutObligation}
       AND (lost.operation_id, lost.attempt) > (?, ?)
     ORDER BY lost.operation_id, lost.attempt LIMIT ?`,
    ...[pair.settlementId, pair.branch, pair.peer],
    ...[pair.after.operationId, pair.after.attempt, pair.limit],
  );
  return rows.map((row) => ({ ...row, attempt: Number(row.attempt) }));
}

/** What was known again of two branches counts no more. */
export async function forgetLostPair(
  tx: Transaction,
  settlementId: string,
  pair: readonly [NodeCode, NodeCode],
): Promise<void> {
  await tx.run(
    'DELETE FROM lost_obligations WHERE settlement_id = ? AND branch = MIN(?, ?) AND peer = MAX(?, ?)',
    settlementId,
    ...pair,
    ...pair,
  );
}

/** All of the settlement is back. */
export async function forgetLost(tx: Transaction, settlementId: string): Promise<void> {
  await tx.run('DELETE FROM lost_obligations WHERE settlement_id = ?', settlementId);
  await tx.run('DELETE FROM lost_windows WHERE settlement_id = ?', settlementId);
}

/** People's decision not to wait for one of the two branches of a lost position; `branch` is the first by code. */
export interface LostDecision {
  readonly id: string;
  readonly settlementId: string;
  readonly branch: NodeCode;
  readonly peer: NodeCode;
  readonly without: NodeCode;
  readonly reason: string;
  readonly madeBy: Person;
  readonly madeAt: string;
  readonly approvedBy: Person | null;
  readonly approvedAt: string | null;
}

interface LostDecisionRow extends Omit<LostDecision, 'madeBy' | 'approvedBy'> {
  madeBy: string;
  madeByName: string;
  approvedBy: string | null;
  approvedByName: string | null;
}

/** Takes the place of one that nobody has approved yet. @returns false if one is approved. */
export async function saveLostDecision(
  tx: Transaction,
  decision: Omit<LostDecision, 'approvedBy' | 'approvedAt'>,
): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO lost_decisions
       (id, settlement_id, branch, peer, without, reason, made_by, made_by_name, made_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (settlement_id, branch, peer) DO UPDATE SET
       id = excluded.id, without = excluded.without, reason = excluded.reason,
       made_by = excluded.made_by, made_by_name = excluded.made_by_name, made_at = excluded.made_at
     WHERE approved_by IS NULL`,
    decision.id,
    decision.settlementId,
    decision.branch,
    decision.peer,
    decision.without,
    decision.reason,
    decision.madeBy.id,
    decision.madeBy.name,
    decision.madeAt,
  );
  return changed === 1;
}

export async function approveLostDecision(
  tx: Transaction,
  id: string,
  { by, at }: { by: Person; at: string },
): Promise<void> {
  await tx.run(
    'UPDATE lost_decisions SET approved_by = ?, approved_by_name = ?, approved_at = ? WHERE id = ?',
    by.id,
    by.name,
    at,
    id,
  );
}

export async function lostDecisions(tx: Reader, settlementId: string): Promise<LostDecision[]> {
  const rows = await tx.all<LostDecisionRow>(
    `SELECT id, settlement_id AS settlementId, branch, peer, without, reason, made_by AS madeBy,
       made_by_name AS madeByName, made_at AS madeAt, approved_by AS approvedBy,
       approved_by_name AS approvedByName, approved_at AS approvedAt
     FROM lost_decisions WHERE settlement_id = ? ORDER BY branch, peer`,
    settlementId,
  );
  return rows.map(({ madeByName, approvedByName, ...row }) => ({
    ...row,
    madeBy: { id: row.madeBy, name: madeByName },
    approvedBy: row.approvedBy === null ? null : { id: row.approvedBy, name: approvedByName ?? '' },
  }));
}
