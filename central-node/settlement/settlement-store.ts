import type { NodeCode } from '../../shared/ids/ids.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Person, Settlement, SettlementAnswer, SettlementState } from './settlement.ts';

/** All SQL of settlements, their positions and the branches' answers. */

interface SettlementRow extends Omit<Settlement, 'madeBy' | 'decidedBy'> {
  madeBy: string;
  madeByName: string;
  decidedBy: string | null;
  decidedByName: string | null;
}

const columns = `id, currency, model, state, made_by AS madeBy, made_by_name AS madeByName,
  made_at AS madeAt, decided_by AS decidedBy, decided_by_name AS decidedByName,
  decided_at AS decidedAt`;

function settlementOf(row: SettlementRow): Settlement {
  const { madeByName, decidedByName, ...rest } = row;
  const decidedBy =
    row.decidedBy === null ? null : { id: row.decidedBy, name: decidedByName ?? '' };
  return { ...rest, madeBy: { id: row.madeBy, name: madeByName }, decidedBy };
}

export async function insertSettlement(
  tx: Transaction,
  settlement: Settlement & { windowIds: readonly string[]; positions: readonly PairPosition[] },
): Promise<void> {
  await tx.run(
    `INSERT INTO settlements (id, currency, model, state, made_by, made_by_name, made_at,
       decided_by, decided_by_name, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    settlement.id,
    settlement.currency,
    settlement.model,
    settlement.state,
    settlement.madeBy.id,
    settlement.madeBy.name,
    settlement.madeAt,
    settlement.decidedBy?.id ?? null,
    settlement.decidedBy?.name ?? null,
    settlement.decidedAt,
  );
  for (const windowId of settlement.windowIds) {
    await tx.run(
      'INSERT INTO settlement_members (settlement_id, window_id) VALUES (?, ?)',
      settlement.id,
      windowId,
    );
  }
  for (const position of settlement.positions) await insertPosition(tx, settlement.id, position);
}

export async function insertPosition(
  tx: Transaction,
  settlementId: string,
  position: PairPosition,
): Promise<void> {
  await tx.run(
    `INSERT OR IGNORE INTO settlement_positions
       (settlement_id, branch, peer, count, gross, commission, fees, net)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    settlementId,
    position.branch,
    position.peer,
    position.count,
    position.gross,
    position.commission,
    position.fees,
    position.net,
  );
}

/** Both sides of what was settled between two branches. */
export async function deletePositions(
  tx: Transaction,
  settlementId: string,
  [one, other]: readonly [NodeCode, NodeCode],
): Promise<void> {
  await tx.run(
    `DELETE FROM settlement_positions
     WHERE settlement_id = ? AND (branch, peer) IN ((?, ?), (?, ?))`,
    settlementId,
    ...[one, other, other, one],
  );
}

export async function decideSettlement(
  tx: Transaction,
  id: string,
  { state, by, at }: { state: SettlementState; by: Person; at: string },
): Promise<void> {
  await tx.run(
    `UPDATE settlements SET state = ?, decided_by = ?, decided_by_name = ?, decided_at = ?
     WHERE id = ?`,
    state,
    by.id,
    by.name,
    at,
    id,
  );
}

export async function findSettlement(tx: Reader, id: string): Promise<Settlement | undefined> {
  const row = await tx.get<SettlementRow>(`SELECT ${columns} FROM settlements WHERE id = ?`, id);
  return row && settlementOf(row);
}

/** The settlement that waits for its checker and has this obligation. */
export async function pendingSettlementOf(
  tx: Reader,
  { operationId, attempt }: { operationId: string; attempt: number },
): Promise<string | undefined> {
  const row = await tx.get<{ id: string }>(
    `SELECT s.id FROM obligations o JOIN settlement_members m ON m.window_id = o.window_id
     JOIN settlements s ON s.id = m.settlement_id
     WHERE o.operation_id = ? AND o.attempt = ? AND s.state = 'PENDING_SETTLEMENT'`,
    operationId,
    attempt,
  );
  return row?.id;
}

/** The newest first. */
export async function listSettlements(
  tx: Reader,
  filter: { state?: SettlementState | undefined; before?: string | undefined; limit: number },
): Promise<Settlement[]> {
  const rows = await tx.all<SettlementRow>(
    `SELECT ${columns} FROM settlements
     WHERE state = COALESCE(?, state) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?`,
    filter.state ?? null,
    filter.before ?? null,
    filter.before ?? null,
    filter.limit,
  );
  return rows.map(settlementOf);
}

export async function windowIdsOf(tx: Reader, settlementId: string): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    'SELECT window_id AS id FROM settlement_members WHERE settlement_id = ? ORDER BY window_id',
    settlementId,
  );
  return rows.map((row) => row.id);
}

/** The netting matrix as it was when the settlement was made, without what cases had emptied: that was kept once. */
export async function positionsOf(tx: Reader, settlementId: string): Promise<PairPosition[]> {
  const rows = await tx.all<Omit<PairPosition, 'count'> & { count: bigint }>(
    `SELECT branch, peer, count, gross, commission, fees, net FROM settlement_positions
     WHERE settlement_id = ? AND count > 0 ORDER BY branch, peer`,
    settlementId,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

export async function saveAnswer(
  tx: Transaction,
  settlementId: string,
  { branch, outcome, detail, at }: SettlementAnswer,
): Promise<void> {
  await tx.run(
    `INSERT INTO settlement_answers (settlement_id, branch, outcome, detail, at)
     VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (settlement_id, branch) DO UPDATE SET
       outcome = excluded.outcome, detail = excluded.detail, at = excluded.at`,
    settlementId,
    branch,
    outcome,
    detail,
    at,
  );
}

export function answersOf(tx: Reader, settlementId: string): Promise<SettlementAnswer[]> {
  return tx.all(
    `SELECT branch, outcome, detail, at FROM settlement_answers
     WHERE settlement_id = ? ORDER BY branch`,
    settlementId,
  );
}

/** By whoever still has a position there: whose positions were all recalled has nothing more to confirm. */
export function disputedSettlements(
  tx: Reader,
): Promise<{ branch: NodeCode; settlementId: string }[]> {
  return tx.all(
    `SELECT branch, settlement_id AS settlementId FROM settlement_answers
     WHERE outcome = 'disputed' AND EXISTS (
       SELECT 1 FROM settlement_positions p
       WHERE p.settlement_id = settlement_answers.settlement_id
         AND p.branch = settlement_answers.branch)
     ORDER BY settlement_id, branch`,
  );
}

export async function isMember(
  tx: Reader,
  { settlementId, branch }: { settlementId: string; branch: NodeCode },
): Promise<boolean> {
  const row = await tx.get(
    'SELECT 1 AS one FROM settlement_positions WHERE settlement_id = ? AND branch = ? LIMIT 1',
    settlementId,
    branch,
  );
  return row !== undefined;
}
