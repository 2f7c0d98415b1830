import { z } from 'zod';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { isConstraintError } from '../../shared/store/constraint.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { settlementCompleted, type WireObligation } from '../../shared/wire/settlement-messages.ts';
import type { CheckedSum, OwnSettlement } from './settlement.ts';

/** All SQL of the settlements that head office tells this branch. */

interface SettlementRow extends Omit<OwnSettlement, 'told' | 'positions' | 'faults'> {
  told: string;
  recalled: string;
  faults: string;
}

const columns = `id, state, told, received_at AS receivedAt, fetched, decided_at AS decidedAt, faults,
  (SELECT json_group_array(peer) FROM settlement_recalls WHERE settlement_id = id) AS recalled`;
const texts = z.array(z.string());

function settlementOf({ recalled, ...row }: SettlementRow): OwnSettlement {
  const told = settlementCompleted.parse(JSON.parse(row.told));
  const without = texts.parse(JSON.parse(recalled));
  return {
    ...row,
    told,
    positions: told.positions.filter(({ peer }) => !without.includes(peer)),
    faults: texts.parse(JSON.parse(row.faults)),
  };
}

/** Told again, it changes nothing. `told` is the body as it came. */
export async function insertSettlement(
  tx: Transaction,
  row: { id: string; currency: string; told: string; receivedAt: string },
): Promise<void> {
  await tx.run(
    `INSERT OR IGNORE INTO settlements (id, state, currency, told, received_at)
     VALUES (?, 'received', ?, ?, ?)`,
    row.id,
    row.currency,
    row.told,
    row.receivedAt,
  );
}

export async function findSettlement(tx: Reader, id: string): Promise<OwnSettlement | undefined> {
  const row = await tx.get<SettlementRow>(`SELECT ${columns} FROM settlements WHERE id = ?`, id);
  return row && settlementOf(row);
}

export async function insertRecall(
  tx: Transaction,
  { id, peer }: { id: string; peer: NodeCode },
): Promise<void> {
  await tx.run(
    'INSERT OR IGNORE INTO settlement_recalls (settlement_id, peer) VALUES (?, ?)',
    id,
    peer,
  );
}

export interface Mirror {
  readonly peer: NodeCode;
  readonly count: number;
  readonly net: bigint;
}

/** What another branch confirmed of its position with this one; the first word stays. */
export async function saveMirror(
  tx: Transaction,
  settlementId: string,
  { peer, count, net }: Mirror,
): Promise<void> {
  await tx.run(
    'INSERT OR IGNORE INTO settlement_mirrors (settlement_id, peer, count, net) VALUES (?, ?, ?, ?)',
    settlementId,
    peer,
    count,
    net,
  );
}

export async function mirrorsOf(tx: Reader, settlementId: string): Promise<Mirror[]> {
  const rows = await tx.all<{ peer: NodeCode; count: bigint; net: bigint }>(
    'SELECT peer, count, net FROM settlement_mirrors WHERE settlement_id = ? ORDER BY peer',
    settlementId,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** The newest first. */
export async function listSettlements(
  tx: Reader,
  { before, limit }: { before?: string | undefined; limit: number },
): Promise<OwnSettlement[]> {
  const rows = await tx.all<SettlementRow>(
    `SELECT ${columns} FROM settlements WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?`,
    before ?? null,
    before ?? null,
    limit,
  );
  return rows.map(settlementOf);
}

/** Settlements that are still to be checked: those after one of them, the oldest first, then the others. */
export async function settlementsToCheck(
  tx: Reader,
  { after, limit }: { after: string; limit: number },
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    "SELECT id FROM settlements WHERE state = 'received' ORDER BY id <= ?, id LIMIT ?",
    after,
    limit,
  );
  return rows.map((row) => row.id);
}

export async function saveFetched(tx: Transaction, id: string, fetched: string): Promise<void> {
  await tx.run('UPDATE settlements SET fetched = ? WHERE id = ?', fetched, id);
}

export async function decideSettlement(
  tx: Transaction,
  id: string,
  made: { state: 'confirmed' | 'disputed'; at: string; faults: readonly string[] },
): Promise<void> {
  await tx.run(
    'UPDATE settlements SET state = ?, decided_at = ?, faults = ? WHERE id = ?',
    made.state,
    made.at,
    JSON.stringify(made.faults),
    id,
  );
}

export async function saveObligation(
  tx: Transaction,
  settlementId: string,
  { fault, ...obligation }: WireObligation & { fault: string | null },
): Promise<void> {
  await tx.run(
    `INSERT OR REPLACE INTO settlement_obligations (settlement_id, operation_id, attempt, kind,
       peer, direction, gross, commission, fee, net, fault)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    settlementId,
    obligation.operationId,
    obligation.attempt,
    obligation.kind,
    obligation.peer,
    obligation.direction,
    obligation.gross,
    obligation.commission,
    obligation.fee,
    obligation.net,
    fault,
  );
}

/** The obligations of a settlement as they were checked, by operation; each page goes on where one ended. */
export async function checkedObligations(
  tx: Reader,
  page: {
    settlementId: string;
    /** Those with this branch alone. */
    peer?: string | undefined;
    after: { operationId: string; attempt: number } | undefined;
    limit: number;
  },
): Promise<WireObligation[]> {
  const rows = await tx.all<Omit<WireObligation, 'attempt'> & { attempt: bigint }>(
    `SELECT operation_id AS operationId, attempt, kind, peer, direction, gross, commission, fee, net
     FROM settlement_obligations WHERE settlement_id = ? AND peer = COALESCE(?, peer)
       AND (operation_id, attempt) > (?, ?)
     ORDER BY operation_id, attempt LIMIT ?`,
    page.settlementId,
    page.peer ?? null,
    page.after?.operationId ?? '',
    page.after?.attempt ?? 0,
    page.limit,
  );
  return rows.map((row) => ({ ...row, attempt: Number(row.attempt) }));
}

/** A settlement that is not confirmed is as if it had just come. */
export async function forgetCheck(tx: Transaction, id: string): Promise<void> {
  await tx.run('DELETE FROM settlement_obligations WHERE settlement_id = ?', id);
  await tx.run(
    `UPDATE settlements SET state = 'received', fetched = '', decided_at = NULL, faults = '[]'
     WHERE id = ?`,
    id,
  );
}

/** The settlement that an operation was settled in. */
export async function settledIn(
  tx: Reader,
  { operationId, attempt }: { operationId: string; attempt: number },
): Promise<string | undefined> {
  const row = await tx.get<{ id: string }>(
    `SELECT settlement_id AS id FROM settlement_obligations
     WHERE operation_id = ? AND attempt = ? AND settled = 1`,
    operationId,
    attempt,
  );
  return row?.id;
}

/** @returns false, and nothing is marked, if an operation was settled in another settlement since it was checked. */
export async function markSettled(tx: Transaction, settlementId: string): Promise<boolean> {
  try {
    await tx.run(
      'UPDATE settlement_obligations SET settled = 1 WHERE settlement_id = ?',
      settlementId,
    );
    return true;
  } catch (error) {
    if (isConstraintError(error)) return false;
    throw error;
  }
}

/** The obligations of a settlement that are settled in another one, and in which. */
export async function settledElsewhere(
  tx: Reader,
  settlementId: string,
): Promise<{ operationId: string; attempt: bigint; settlement: string }[]> {
  return tx.all(
    `SELECT own.operation_id AS operationId, own.attempt, other.settlement_id AS settlement
     FROM settlement_obligations own JOIN settlement_obligations other
       ON other.operation_id = own.operation_id AND other.attempt = own.attempt
     WHERE own.settlement_id = ? AND own.settled = 0 AND other.settled = 1`,
    settlementId,
  );
}

export async function saveFault(
  tx: Transaction,
  settlementId: string,
  of: { operationId: string; attempt: bigint; fault: string },
): Promise<void> {
  await tx.run(
    `UPDATE settlement_obligations SET fault = ?
     WHERE settlement_id = ? AND operation_id = ? AND attempt = ?`,
    of.fault,
    settlementId,
    of.operationId,
    of.attempt,
  );
}

export async function checkedSums(tx: Reader, settlementId: string): Promise<CheckedSum[]> {
  const rows = await tx.all<Omit<CheckedSum, 'count'> & { count: bigint }>(
    `SELECT peer, kind, direction, COUNT(*) AS count, SUM(gross) AS gross,
       SUM(commission) AS commission, SUM(fee) AS fee, SUM(net) AS net
     FROM settlement_obligations WHERE settlement_id = ?
     GROUP BY peer, kind, direction ORDER BY peer, kind, direction`,
    settlementId,
  );
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Obligations that this branch's books do not bear out: how many, and the first of them. */
export async function faultsOf(
  tx: Reader,
  settlementId: string,
  limit: number,
): Promise<{ count: number; faults: string[] }> {
  const counted = await tx.get<{ count: bigint }>(
    `SELECT COUNT(*) AS count FROM settlement_obligations
     WHERE settlement_id = ? AND fault IS NOT NULL`,
    settlementId,
  );
  const rows = await tx.all<{ operationId: string; attempt: bigint; fault: string }>(
    `SELECT operation_id AS operationId, attempt, fault FROM settlement_obligations
     WHERE settlement_id = ? AND fault IS NOT NULL ORDER BY operation_id, attempt LIMIT ?`,
    settlementId,
    limit,
  );
  return {
    count: Number(counted?.count ?? 0n),
    faults: rows.map((row) => `${row.operationId}/${row.attempt} ${row.fault}`),
  };
}
