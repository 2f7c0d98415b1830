import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { SettlementWindow, WindowState } from './settlement.ts';

/** All SQL of settlement windows. */

const columns = 'id, currency, state, opened_at AS openedAt, closed_at AS closedAt';

export function findWindow(tx: Reader, id: string): Promise<SettlementWindow | undefined> {
  return tx.get(`SELECT ${columns} FROM settlement_windows WHERE id = ?`, id);
}

export function openWindowOf(tx: Reader, currency: string): Promise<SettlementWindow | undefined> {
  return tx.get(
    `SELECT ${columns} FROM settlement_windows WHERE currency = ? AND state = 'OPEN'`,
    currency,
  );
}

export async function windowCurrencies(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ currency: string }>(
    'SELECT DISTINCT currency FROM settlement_windows ORDER BY currency',
  );
  return rows.map(({ currency }) => currency);
}

export async function insertWindow(tx: Transaction, window: SettlementWindow): Promise<void> {
  await tx.run(
    `INSERT INTO settlement_windows (id, currency, state, opened_at, closed_at)
     VALUES (?, ?, ?, ?, ?)`,
    window.id,
    window.currency,
    window.state,
    window.openedAt,
    window.closedAt,
  );
}

export async function setWindowState(
  tx: Transaction,
  id: string,
  { state, closedAt }: { state: WindowState; closedAt?: string },
): Promise<void> {
  await tx.run(
    'UPDATE settlement_windows SET state = ?, closed_at = COALESCE(closed_at, ?) WHERE id = ?',
    state,
    closedAt ?? null,
    id,
  );
}

/** The newest first. */
export function listWindows(
  tx: Reader,
  filter: { state?: WindowState | undefined; before?: string | undefined; limit: number },
): Promise<SettlementWindow[]> {
  return tx.all(
    `SELECT ${columns} FROM settlement_windows
     WHERE state = COALESCE(?, state) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?`,
    filter.state ?? null,
    filter.before ?? null,
    filter.before ?? null,
    filter.limit,
  );
}
