import type { NodeCode } from '../../shared/ids/ids.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { NumberMove } from './moved-numbers.ts';

/** @returns false for a move that was collected before. */
export async function insertMove(
  tx: Transaction,
  { operationId, msisdn, from, to }: NumberMove & { operationId: string; msisdn: string },
): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT OR IGNORE INTO number_moves (operation_id, msisdn, from_branch, to_branch)
     VALUES (?, ?, ?, ?)`,
    operationId,
    msisdn,
    from,
    to,
  );
  return inserted === 1;
}

/** In the order of collection. */
export function movesOf(tx: Reader, msisdn: string): Promise<NumberMove[]> {
  return tx.all<{ from: NodeCode; to: NodeCode }>(
    `SELECT from_branch AS "from", to_branch AS "to" FROM number_moves WHERE msisdn = ?
     ORDER BY rowid`,
    msisdn,
  );
}

export async function findBeginning(tx: Reader, msisdn: string): Promise<NodeCode | undefined> {
  const row = await tx.get<{ began: NodeCode }>(
    'SELECT began FROM moved_numbers WHERE msisdn = ?',
    msisdn,
  );
  return row?.began;
}

export async function saveMovedNumber(
  tx: Transaction,
  { msisdn, began, branch }: { msisdn: string; began: NodeCode; branch: NodeCode },
): Promise<void> {
  await tx.run(
    'INSERT OR REPLACE INTO moved_numbers (msisdn, began, branch) VALUES (?, ?, ?)',
    msisdn,
    began,
    branch,
  );
}

export function movedNumbers(tx: Reader): Promise<RowOf<'ported-numbers'>[]> {
  return tx.all('SELECT msisdn, branch FROM moved_numbers ORDER BY msisdn');
}
