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

/** The numbers that wait for this customer. */
export async function numbersReservedFor(tx: Reader, customerId: string): Promise<string[]> {
  const rows = await tx.all<{ msisdn: string }>(
    "SELECT msisdn FROM numbers WHERE state = 'reserved' AND reserved_for = ? ORDER BY msisdn",
    customerId,
  );
  return rows.map(({ msisdn }) => msisdn);
}

/** Reservations that end between these two count. */
export interface Kept {
  readonly from: string;
  readonly to: string;
}

export const isKept = (until: string, { from, to }: Kept): boolean => from < until && until <= to;

/** Later than any instant. */
const never = '~';

/**
 * The first number that nobody has, of those that may be given out; else the one whose reservation ran out first, as a
 * registration for a later one may be on its way yet.
 */
export async function firstFree(
  tx: Reader,
  { from, to }: Kept,
  mayGive: (msisdn: string) => boolean,
): Promise<string | undefined> {
  return (
    (await firstOf((after) => freeAfter(tx, after), mayGive)) ??
    (await firstOf((after) => reservedAfter(tx, after, { from: '', to: from }), mayGive)) ??
    (await firstOf((after) => reservedAfter(tx, after, { from: to, to: never }), mayGive))
  );
}

interface Place {
  readonly until: string;
  readonly msisdn: string;
}

async function firstOf(
  pageAfter: (after: Place) => Promise<Place[]>,
  mayGive: (msisdn: string) => boolean,
): Promise<string | undefined> {
  let after: Place = { until: '', msisdn: '' };
  for (let page = 0; page < poolPagesMax; page += 1) {
    const rows = await pageAfter(after);
    const found = rows.find(({ msisdn }) => mayGive(msisdn));
    const last = rows.at(-1);
    if (found || !last) return found?.msisdn;
    after = last;
  }
  return undefined;
}

function freeAfter(tx: Reader, { msisdn }: Place): Promise<Place[]> {
  return tx.all<Place>(
    `SELECT '' AS until, msisdn FROM numbers WHERE state = 'free' AND msisdn > ?
     ORDER BY msisdn LIMIT ?`,
    ...[msisdn, poolPageMax],
  );
}

function reservedAfter(tx: Reader, after: Place, { from, to }: Kept): Promise<Place[]> {
  return tx.all<Place>(
    `SELECT reserved_until AS until, msisdn FROM numbers INDEXED BY numbers_reserved
     WHERE state = 'reserved' AND reserved_until > ? AND reserved_until <= ?
       AND (reserved_until, msisdn) > (?, ?)
     ORDER BY reserved_until, msisdn LIMIT ?`,
    ...[from, to, after.until, after.msisdn, poolPageMax],
  );
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
