import { headOffice } from '../../shared/ids/ids.ts';
import { verifyStore } from '../../shared/node/maintenance.ts';
import { moneyFaults } from '../support/invariants.ts';
import { bookFaults } from './books.ts';
import { headOfficeFaults } from './head-office-books.ts';
import type { Machine, Snapshot } from './machine.ts';
import { paymentStoryFaults } from './payment-story.ts';
import type { Wish } from './people.ts';
import { type Row, rowsOf } from './rows.ts';
import { storyFaults } from './subscriber-story.ts';

/** Why the federation is not quiet yet; nothing when everything is concluded and told. */
export function unrest(machines: readonly Machine[], wishes: readonly Wish[]): string[] {
  const reasons: string[] = [];
  for (const wish of wishes) {
    if (wish.outcome === 'open') reasons.push(`wish ${wish.number} is open`);
  }
  for (const machine of machines) {
    const { code } = machine;
    const node = machine.node();
    if (!node) reasons.push(`${code} does not run`);
    else if (node.federation.isRecovering()) reasons.push(`${code} is recovering`);
    // A peer's answer that a bad disk could not take is asked for again: until then it does not know what it forgot.
    else if (!node.federation.isCertain()) reasons.push(`${code} is not certain of its past`);
    else reasons.push(...waitingAt(machine).map((what) => `${code}: ${what}`));
    if (reasons.length > 0) return reasons;
  }
  return reasons;
}

const waiting = {
  branch: {
    streams: 'SELECT peer, epoch FROM outbound_streams WHERE acknowledged < position',
    operations: "SELECT id, kind, home FROM operations WHERE state = 'accepted'",
    payouts: "SELECT payment_id FROM payouts WHERE state = 'held'",
    settlements: "SELECT id FROM settlements WHERE state = 'received'",
    entries: 'SELECT peer, kind, reason FROM set_aside_entries',
  },
  centre: {
    streams: 'SELECT peer, epoch FROM outbound_streams WHERE acknowledged < position',
    legs: "SELECT operation_id, attempt, kind FROM collected_operations WHERE state = 'open'",
    cases: "SELECT kind, subject, detail FROM cases WHERE state <> 'closed'",
    settlements: 'SELECT settlement_id FROM lost_windows',
  },
};

function waitingAt(machine: Machine): string[] {
  const { db } = machine.disk.slot;
  const queries = machine.code === headOffice ? waiting.centre : waiting.branch;
  return Object.entries(queries).flatMap(([what, sql]) =>
    rowsOf(db, sql)
      .slice(0, 2)
      .map((row) => `${what} ${Object.values(row).join(' ')}`),
  );
}

interface Known {
  readonly wishes: readonly Wish[];
  readonly paidOut: PaidOut;
  /** Who was set back and could not know it by himself. */
  readonly unseen: ReadonlySet<string>;
}

/** Everything that is wrong with a federation that has become quiet. */
export async function judge(machines: readonly Machine[], known: Known): Promise<string[]> {
  const nodes = machines.flatMap((machine) => {
    const node = machine.node();
    return node ? [{ code: machine.code as string, store: node.store }] : [];
  });
  const branches = nodes.filter(({ code }) => code !== headOffice);
  const centre = nodes.filter(({ code }) => code === headOffice);
  const faults = await moneyFaults(branches);
  for (const { code, store } of centre) {
    faults.push(...(await verifyStore(store)).map((fault) => `${code}: ${fault}`));
  }
  faults.push(...bookFaults(machines));
  faults.push(...headOfficeFaults(machines));
  faults.push(...wishFaults(machines, known.wishes));
  faults.push(...payoutFaults(machines, known));
  const served = machines.filter(({ code }) => code !== headOffice);
  faults.push(...subscriberFaults(served), ...served.flatMap(paymentStoryFaults));
  if (!known.unseen.has(headOffice)) faults.push(...releaseFaults(machines));
  // Who did not know that he was set back decided anew, and then heard what he had decided before.
  const sure = served.filter(({ code }) => !known.unseen.has(code));
  faults.push(...sure.flatMap(storyFaults));
  return faults;
}

/** A number is of one release. */
function releaseFaults(machines: readonly Machine[]): string[] {
  const seen = new Map<string, string>();
  return machines.flatMap(({ code, disk: { slot } }) =>
    rowsOf(slot.db, 'SELECT version, jws_sha256 AS sha FROM releases').flatMap((row) => {
      const version = String(row.version);
      const first = seen.get(version) ?? String(row.sha);
      seen.set(version, first);
      return first === row.sha ? [] : [`${code}: release ${version} is another one elsewhere`];
    }),
  );
}

/** What somebody was told is so must be so; what he was refused must not be. */
function wishFaults(machines: readonly Machine[], wishes: readonly Wish[]): string[] {
  const faults: string[] = [];
  const dbOf = new Map(machines.map(({ code, disk }) => [code, disk.slot.db]));
  for (const wish of wishes) {
    const db = dbOf.get(wish.code);
    const id = operationOf(wish);
    if (!db || wish.isForgotten) continue;
    if (wish.outcome === 'done' && id !== undefined) {
      const found = rowsOf(db, 'SELECT id FROM operations WHERE id = ?', id);
      if (found.length === 0)
        faults.push(`${wish.code}: ${wish.what} ${id} was answered and is lost`);
    }
    if (wish.what !== 'payment' || wish.setBacks < 0) continue;
    const sum = kopecksOf(wish);
    const taken = rowsOf(
      db,
      'SELECT operation_id FROM payments WHERE amount = ? AND source IS NULL',
      sum,
    );
    const most = wish.outcome === 'refused' && !wish.isUnsure ? 0 : 1;
    if (taken.length > most) {
      faults.push(
        `${wish.code}: wish ${wish.number} was ${wish.outcome}, and taken ${taken.length} times`,
      );
    }
  }
  return faults;
}

function kopecksOf(wish: Wish): bigint {
  const body = wish.body ?? {};
  const money: unknown = 'money' in body ? body.money : undefined;
  const amount = typeof money === 'object' && money && 'amount' in money ? money.amount : '0';
  return BigInt(String(amount).replace('.', ''));
}

export function operationOf({ answer, method, code }: Wish): string | undefined {
  if (method !== 'POST' || code === headOffice) return undefined;
  const id: unknown = answer?.body?.operationId;
  return typeof id === 'string' ? id : undefined;
}

/** Cash that left a desk whose node was set back afterwards: of which payment, and when. */
export type PaidOut = Map<string, Map<string, string>>;

/** It is known for ever, and no desk is ever told to pay it again. */
function payoutFaults(machines: readonly Machine[], { paidOut }: Known): string[] {
  const ofPayment = 'SELECT state, released_at AS at FROM payouts WHERE payment_id = ?';
  return machines.flatMap(({ code, disk: { slot } }) =>
    [...(paidOut.get(code) ?? [])].flatMap(([id, releasedAt]) => {
      const [payout] = rowsOf(slot.db, ofPayment, id);
      if (payout?.state === 'presumed-paid') return [];
      if (payout?.state !== 'released') return [`${code}: cash of ${id} left, and nobody knows`];
      return payout.at === releasedAt ? [] : [`${code}: cash of ${id} left once more`];
    }),
  );
}

/** A number is given to one customer, served by one branch, and a card is in one telephone. */
function subscriberFaults(branches: readonly Machine[]): string[] {
  const places = new Map<string, string[]>();
  const note = (what: string, code: string) =>
    places.set(what, [...(places.get(what) ?? []), code]);
  for (const { code, disk } of branches) {
    const served = "SELECT msisdn, iccid FROM subscribers WHERE status IN ('active', 'blocked')";
    for (const { msisdn, iccid } of rowsOf(disk.slot.db, served)) {
      note(`number ${msisdn}`, code);
      note(`card ${iccid}`, code);
    }
    const given =
      "SELECT msisdn FROM decisions WHERE kind = 'registration' AND outcome = 'executed'";
    for (const { msisdn } of rowsOf(disk.slot.db, given)) note(`customer of ${msisdn}`, code);
    for (const { msisdn } of rowsOf(disk.slot.db, 'SELECT msisdn FROM awaited_changes')) {
      note(`change of ${msisdn}`, `waiting at ${code}`);
      note(`change of ${msisdn}`, 'for ever');
    }
    const reserved = "SELECT iccid FROM sim_cards WHERE state = 'reserved'";
    for (const { iccid } of rowsOf(disk.slot.db, reserved)) {
      note(`card ${iccid}`, `reserved at ${code}`);
      note(`card ${iccid}`, 'for ever');
    }
  }
  return [...places].flatMap(([what, where]) =>
    where.length > 1 ? [`${what} is at ${where.join(' and ')}`] : [],
  );
}

/**
 * Before a machine is set back: what it was told to be durable here only is forgotten with it, unless another node
 * holds it. Cash that left is remembered.
 */
export function forgottenBy(
  machine: Machine,
  known: {
    to: Snapshot;
    machines: readonly Machine[];
    wishes: readonly Wish[];
    paidOut: PaidOut;
  },
): void {
  const { code } = machine;
  const { db } = machine.disk.slot;
  if (code === headOffice) return;
  const released = rowsOf(
    db,
    "SELECT payment_id, released_at FROM payouts WHERE state = 'released'",
  );
  const out = known.paidOut.get(code) ?? new Map<string, string>();
  for (const { payment_id: id, released_at: at } of released) {
    if (!out.has(String(id))) out.set(String(id), String(at));
  }
  known.paidOut.set(code, out);
  for (const wish of known.wishes) {
    const id = operationOf(wish);
    if (wish.code !== code || id === undefined) continue;
    const isHeld = known.machines.some(
      (each) => each !== machine && heldBy(each, { code, id }).length > 0,
    );
    if (!isHeld && !hadIt(known.to, id)) wish.isForgotten = true;
  }
}

function heldBy(machine: Machine, { code, id }: { code: string; id: string }): Row[] {
  // The operation itself, alone or with a payout; an account of its name is no operation.
  const sql =
    'SELECT 1 AS held FROM inbound_entries WHERE peer = ? AND instr(entry, ?) > 0 LIMIT 1';
  return rowsOf(machine.disk.slot.db, sql, code, `"id":"${id}"`);
}

/** The text of an operation's id stands in the pages of a store that has it. */
function hadIt({ image }: Snapshot, id: string): boolean {
  return image.includes(id);
}
