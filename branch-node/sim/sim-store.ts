import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { SimCard, SimIdentity, SimState } from './sim-card.ts';

interface SimRow extends SimIdentity {
  state: SimState;
  reservedFor: string | null;
}

const columns = 'iccid, imsi, state, reserved_for AS reservedFor';

export async function findSim(tx: Reader, iccid: string): Promise<SimCard | undefined> {
  const row = await tx.get<SimRow>(`SELECT ${columns} FROM sim_cards WHERE iccid = ?`, iccid);
  return row && cardOf(row);
}

/** The cards that this branch knows under either of the two names. */
export async function findSimsLike(
  tx: Reader,
  { iccid, imsi }: SimIdentity,
): Promise<readonly SimCard[]> {
  const rows = await tx.all<SimRow>(
    `SELECT ${columns} FROM sim_cards WHERE iccid = ? OR imsi = ?`,
    iccid,
    imsi,
  );
  return rows.map(cardOf);
}

/** Writes a card as it is from now on, whether it was known or not. */
export async function saveSim(tx: Transaction, card: SimCard, at: string): Promise<void> {
  await tx.run(
    `INSERT INTO sim_cards (iccid, imsi, state, reserved_for, received_at, changed_at)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (iccid) DO UPDATE SET imsi = excluded.imsi, state = excluded.state,
       reserved_for = excluded.reserved_for, changed_at = excluded.changed_at`,
    card.iccid,
    card.imsi,
    card.state,
    card.reservedFor ?? null,
    at,
    at,
  );
}

/** By ICCID, those after `after`. */
export async function listSims(
  tx: Reader,
  page: { state?: SimState | undefined; after?: string | undefined; limit: number },
): Promise<SimCard[]> {
  const { state, after = '', limit } = page;
  const rows = state
    ? await tx.all<SimRow>(
        `SELECT ${columns} FROM sim_cards WHERE state = ? AND iccid > ? ORDER BY iccid LIMIT ?`,
        ...[state, after, limit],
      )
    : await tx.all<SimRow>(
        `SELECT ${columns} FROM sim_cards WHERE iccid > ? ORDER BY iccid LIMIT ?`,
        ...[after, limit],
      );
  return rows.map(cardOf);
}

function cardOf({ reservedFor, ...row }: SimRow): SimCard {
  return { ...row, ...(reservedFor === null ? {} : { reservedFor }) };
}
