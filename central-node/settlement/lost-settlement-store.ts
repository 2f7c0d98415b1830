import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { LostOutcome } from './lost-words.ts';
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
  /** Both branches say so, or two people; else one of the two alone. */
  readonly isSure: boolean;
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

/** In the place of where one branch alone had named it, if this is sure. */
export async function insertLostObligation(tx: Transaction, lost: LostObligation): Promise<void> {
  await tx.run(
    `INSERT INTO lost_obligations
       (operation_id, attempt, settlement_id, window_id, branch, peer, sure) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (operation_id, attempt) DO UPDATE SET settlement_id = excluded.settlement_id,
       window_id = excluded.window_id, branch = excluded.branch, peer = excluded.peer, sure = 1
     WHERE sure = 0 AND excluded.sure = 1`,
    lost.operationId,
    lost.attempt,
    lost.settlementId,
    lost.windowId,
    lost.branch,
    lost.peer,
    lost.isSure ? 1 : 0,
  );
}

/** Where an operation was settled, as long as its settlement is not back. */
export async function lostObligation(
  tx: Reader,
  { operationId, attempt }: { operationId: string; attempt: number },
): Promise<LostObligation | undefined> {
  const row = await tx.get<Omit<LostObligation, 'attempt' | 'isSure'> & { sure: bigint }>(
    `SELECT settlement_id AS settlementId, window_id AS windowId, operation_id AS operationId,
       branch, peer, sure FROM lost_obligations WHERE operation_id = ? AND attempt = ?`,
    operationId,
    attempt,
  );
  if (!row) return undefined;
  const { sure, ...lost } = row;
  return { ...lost, attempt, isSure: sure === 1n };
}

/** The window that an operation was settled in, as long as its settlement is not back. */
export async function lostPlace(
  tx: Reader,
  of: { operationId: string; attempt: number },
): Promise<string | undefined> {
  return (await lostObligation(tx, of))?.windowId;
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

/** Named by a branch, and owed in a window of the settlement again. */
export async function countBack(tx: Reader, pair: LostPair): Promise<number> {
  const row = await tx.get<{ count: bigint }>(
    `SELECT COUNT(*) AS count FROM lost_obligations lost
     JOIN obligations owed USING (operation_id, attempt)
     JOIN lost_windows of_it ON of_it.window_id = owed.window_id
       AND of_it.settlement_id = lost.settlement_id
     WHERE lost.settlement_id = ? AND lost.branch = ? AND lost.peer = ?`,
    ...[pair.settlementId, pair.branch, pair.peer],
  );
  return Number(row?.count ?? 0n);
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
  /** What was to become of the position, as the second person saw it; null before migration 0005. */
  readonly outcome: LostOutcome | null;
  /** The hash of what the branch said that they do not go by; null: it had no word. */
  readonly despiteWord: string | null;
}

interface LostDecisionRow extends Omit<LostDecision, 'madeBy' | 'approvedBy'> {
  madeBy: string;
  madeByName: string;
  approvedBy: string | null;
  approvedByName: string | null;
}

/** Takes the place of one that nobody has approved, or that is not followed any more. @returns false if it is approved. */
export async function saveLostDecision(
  tx: Transaction,
  decision: Omit<LostDecision, 'approvedBy' | 'approvedAt' | 'outcome' | 'despiteWord'>,
  { isApprovedStale }: { isApprovedStale: boolean },
): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO lost_decisions
       (id, settlement_id, branch, peer, without, reason, made_by, made_by_name, made_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (settlement_id, branch, peer) DO UPDATE SET
       id = excluded.id, without = excluded.without, reason = excluded.reason,
       made_by = excluded.made_by, made_by_name = excluded.made_by_name, made_at = excluded.made_at,
       approved_by = NULL, approved_by_name = NULL, approved_at = NULL, despite_word = NULL, outcome = NULL
     WHERE approved_by IS NULL OR ? = 1`,
    decision.id,
    decision.settlementId,
    decision.branch,
    decision.peer,
    decision.without,
    decision.reason,
    decision.madeBy.id,
    decision.madeBy.name,
    decision.madeAt,
    isApprovedStale ? 1 : 0,
  );
  return changed === 1;
}

export async function approveLostDecision(
  tx: Transaction,
  id: string,
  {
    by,
    at,
    outcome,
    despiteWord,
  }: { by: Person; at: string; outcome: LostOutcome; despiteWord: string | null },
): Promise<void> {
  await tx.run(
    `UPDATE lost_decisions SET approved_by = ?, approved_by_name = ?, approved_at = ?, outcome = ?,
       despite_word = ? WHERE id = ?`,
    by.id,
    by.name,
    at,
    outcome,
    despiteWord,
    id,
  );
}

export async function lostDecisions(tx: Reader, settlementId: string): Promise<LostDecision[]> {
  const rows = await tx.all<LostDecisionRow>(
    `SELECT id, settlement_id AS settlementId, branch, peer, without, reason, made_by AS madeBy,
       made_by_name AS madeByName, made_at AS madeAt, approved_by AS approvedBy,
       approved_by_name AS approvedByName, approved_at AS approvedAt, outcome,
       despite_word AS despiteWord
     FROM lost_decisions WHERE settlement_id = ? ORDER BY branch, peer`,
    settlementId,
  );
  return rows.map(({ madeByName, approvedByName, ...row }) => ({
    ...row,
    madeBy: { id: row.madeBy, name: madeByName },
    approvedBy: row.approvedBy === null ? null : { id: row.approvedBy, name: approvedByName ?? '' },
  }));
}
