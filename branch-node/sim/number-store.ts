import type { Reader, Transaction } from '../../shared/store/store.ts';

export const numberStates = ['free', 'reserved', 'in-use'] as const;
export type NumberState = (typeof numberStates)[number];

export interface PoolNumber {
  readonly msisdn: string;
  readonly state: NumberState;
  /** The customer who chose it. */
  readonly reservedFor: string | null;
  readonly reservedUntil: string | null;
}

const poolPageMax = 100;
const poolPagesMax = 10_000;

const columns = 'msisdn, state, reserved_for AS reservedFor, reserved_until AS reservedUntil';

export function findNumber(tx: Reader, msisdn: string): Promise<PoolNumber | undefined> {
  return tx.get<PoolNumber>(`SELECT ${columns} FROM numbers WHERE msisdn = ?`, msisdn);
}

/** The number that waits for this customer. */
export async function numberReservedFor(
  tx: Reader,
  customerId: string,
): Promise<string | undefined> {
  const row = await tx.get<{ msisdn: string }>(
    "SELECT msisdn FROM numbers WHERE state = 'reserved' AND reserved_for = ? LIMIT 1",
    customerId,
  );
  return row?.msisdn;
}

/** Reservations that end between these two count. */
export interface Kept {
  readonly from: string;
  readonly to: string;
}

export const isKept = (until: string, { from, to }: Kept): boolean => from < until && until <= to;

/** The first number that nobody has, else whose reservation has run out, of those that may be given out. */
export async function firstFree(
  tx: Reader,
  { from, to }: Kept,
  mayGive: (msisdn: string) => boolean,
): Promise<string | undefined> {
  for (const state of ['free', 'reserved'] as const) {
    let after = '';
    for (let page = 0; page < poolPagesMax; page += 1) {
      const rows = await tx.all<{ msisdn: string }>(
        `SELECT msisdn FROM numbers
         WHERE state = ? AND msisdn > ?
           AND NOT (COALESCE(reserved_until, '') > ? AND reserved_until <= ?)
         ORDER BY msisdn LIMIT ?`,
        ...[state, after, from, to, poolPageMax],
      );
      const found = rows.find(({ msisdn }) => mayGive(msisdn));
      if (found) return found.msisdn;
      if (rows.length < poolPageMax) break;
      after = rows.at(-1)?.msisdn ?? after;
    }
  }
  return undefined;
}

/** @returns whether the number was new here. */
export async function insertNumber(tx: Transaction, msisdn: string, at: string): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO numbers (msisdn, state, received_at) VALUES (?, 'free', ?)
     ON CONFLICT (msisdn) DO NOTHING`,
    ...[msisdn, at],
  );
  return inserted === 1;
}

export async function reserveNumber(
  tx: Transaction,
  { msisdn, customerId, until }: { msisdn: string; customerId: string; until: string },
): Promise<void> {
  await tx.run(
    `UPDATE numbers SET state = 'reserved', reserved_for = ?, reserved_until = ? WHERE msisdn = ?`,
    ...[customerId, until, msisdn],
  );
}

export async function takeNumber(tx: Transaction, msisdn: string, at: string): Promise<void> {
  await tx.run(
    `INSERT INTO numbers (msisdn, state, received_at) VALUES (?, 'in-use', ?)
     ON CONFLICT (msisdn) DO UPDATE SET state = 'in-use', reserved_for = NULL,
       reserved_until = NULL`,
    ...[msisdn, at],
  );
}

/** By number, those after `after`. */
export async function listNumbers(
  tx: Reader,
  page: { state?: NumberState | undefined; after?: string | undefined; limit: number },
): Promise<PoolNumber[]> {
  const { state, after = '', limit } = page;
  return state
    ? tx.all<PoolNumber>(
        `SELECT ${columns} FROM numbers WHERE state = ? AND msisdn > ? ORDER BY msisdn LIMIT ?`,
        ...[state, after, limit],
      )
    : tx.all<PoolNumber>(
        `SELECT ${columns} FROM numbers WHERE msisdn > ? ORDER BY msisdn LIMIT ?`,
        ...[after, limit],
      );
}
