import type { NodeCode } from '../ids/ids.ts';
import type { Reader, Transaction } from '../store/store.ts';

/** All SQL of a node's recovery, as the one that asks and as the one that answers. */

export async function recoveringReason(tx: Reader): Promise<string | undefined> {
  const row = await tx.get<{ recovering: bigint; reason: string | null }>(
    'SELECT recovering, reason FROM node_state WHERE id = 1',
  );
  return row?.recovering === 1n ? (row.reason ?? 'set back') : undefined;
}

/** A write that changes nothing: does the store still take one? */
export async function touchState(tx: Transaction): Promise<void> {
  await tx.run('UPDATE node_state SET id = 1 WHERE id = 1');
}

export async function setRecovering(
  tx: Transaction,
  state: { reason: string; since: string } | undefined,
): Promise<void> {
  await tx.run(
    'UPDATE node_state SET recovering = ?, reason = ?, since = ? WHERE id = 1',
    state ? 1 : 0,
    state?.reason ?? null,
    state?.since ?? null,
  );
}

/** Every start of this node with the last entry of it that this node knows. */
export function knownStarts(tx: Reader): Promise<{ epoch: string; seq: bigint }[]> {
  return tx.all('SELECT epoch, last_seq AS seq FROM node_starts ORDER BY ordinal');
}

/** Keeps an own entry that a peer gave back, and says what it is to this node. */
export async function keepRecovered(
  tx: Transaction,
  entry: { epoch: string; seq: number; hash: string; text: string; holder: NodeCode },
): Promise<'known' | 'lost' | 'forked'> {
  const logged = await tx.get<{ hash: string }>(
    'SELECT hash FROM log_entries WHERE epoch = ? AND seq = ?',
    entry.epoch,
    entry.seq,
  );
  if (logged) return logged.hash === entry.hash ? 'known' : 'forked';
  const row = await tx.get<{ hash: string; holders: string; applied: bigint }>(
    'SELECT hash, holders, applied FROM recovered_entries WHERE epoch = ? AND seq = ?',
    entry.epoch,
    entry.seq,
  );
  if (!row) {
    await tx.run(
      'INSERT INTO recovered_entries (epoch, seq, hash, entry, holders) VALUES (?, ?, ?, ?, ?)',
      entry.epoch,
      entry.seq,
      entry.hash,
      entry.text,
      entry.holder,
    );
    return 'lost';
  }
  if (row.hash !== entry.hash) return 'forked';
  const holders = new Set(row.holders.split(' ')).add(entry.holder);
  await tx.run(
    'UPDATE recovered_entries SET holders = ? WHERE epoch = ? AND seq = ?',
    [...holders].join(' '),
    entry.epoch,
    entry.seq,
  );
  return row.applied === 1n ? 'known' : 'lost';
}

/** The next recovered entries to apply, in the order in which this node once wrote them. */
export function unappliedEntries(
  tx: Reader,
  limit: number,
): Promise<{ epoch: string; seq: bigint; entry: string; holders: string }[]> {
  return tx.all(
    `SELECT r.epoch, r.seq, r.entry, r.holders FROM node_starts n
     CROSS JOIN recovered_entries r INDEXED BY recovered_entries_left ON r.epoch = n.epoch
     WHERE r.applied = 0 ORDER BY n.ordinal, r.seq LIMIT ?`,
    limit,
  );
}

export async function markApplied(tx: Transaction, epoch: string, seq: bigint): Promise<void> {
  await tx.run('UPDATE recovered_entries SET applied = 1 WHERE epoch = ? AND seq = ?', epoch, seq);
}

/** Has any own entry ever come back? */
export async function holdsRecovered(tx: Reader): Promise<boolean> {
  return (await tx.get('SELECT 1 AS one FROM recovered_entries LIMIT 1')) !== undefined;
}

/** The own entry that came back for what was asked under this key. */
export async function recoveredUnderKey(
  tx: Reader,
  key: string,
): Promise<{ operationId: string; isApplied: boolean } | undefined> {
  const row = await tx.get<{ operationId: string; applied: bigint }>(
    `SELECT json_extract(entry, '$.operationId') AS operationId, applied FROM recovered_entries
     WHERE json_extract(entry, '$.body.details.key') = ?
     ORDER BY applied DESC LIMIT 1`,
    key,
  );
  return row && { operationId: row.operationId, isApplied: row.applied === 1n };
}

export async function recordAnswer(
  tx: Transaction,
  answer: { epoch: string; peer: NodeCode; at: string },
): Promise<void> {
  await tx.run(
    'INSERT OR IGNORE INTO recovery_answers (epoch, peer, answered_at) VALUES (?, ?, ?)',
    answer.epoch,
    answer.peer,
    answer.at,
  );
}

export async function answeredPeers(tx: Reader, epoch: string): Promise<NodeCode[]> {
  const rows = await tx.all<{ peer: NodeCode }>(
    'SELECT peer FROM recovery_answers WHERE epoch = ?',
    epoch,
  );
  return rows.map((row) => row.peer);
}

export async function recordOverride(
  tx: Transaction,
  override: { epoch: string; operator: string; reason: string; at: string },
): Promise<void> {
  await tx.run(
    'INSERT OR IGNORE INTO recovery_overrides (epoch, operator, reason, at) VALUES (?, ?, ?, ?)',
    override.epoch,
    override.operator,
    override.reason,
    override.at,
  );
}

/** Who has answered for the silent ones in this start, by operator id. */
export async function overriders(tx: Reader, epoch: string): Promise<string[]> {
  const rows = await tx.all<{ operator: string }>(
    'SELECT operator FROM recovery_overrides WHERE epoch = ?',
    epoch,
  );
  return rows.map(({ operator }) => operator);
}

/** As the one that answers: the peer forgot what it had acknowledged, so it is told again from where it still knows. */
export async function rewindStreams(
  tx: Transaction,
  peer: NodeCode,
  received: ReadonlyMap<string, number>,
): Promise<void> {
  const streams = await tx.all<{ epoch: string }>(
    'SELECT epoch FROM outbound_streams WHERE peer = ?',
    peer,
  );
  for (const { epoch } of streams) {
    await tx.run(
      `UPDATE outbound_streams SET acknowledged = MIN(acknowledged, ?)
       WHERE peer = ? AND epoch = ?`,
      received.get(epoch) ?? 0,
      peer,
      epoch,
    );
  }
  // What it gave back before it was set back itself, it may not hold any more.
  await tx.run(
    `UPDATE recovered_entries INDEXED BY recovered_entries_left SET holders = trim(replace(' ' || holders || ' ', ?, ' '))
     WHERE applied = 0`,
    ` ${peer} `,
  );
}

/** How far each start of `peer` is held here. */
export function heldStreams(
  tx: Reader,
  peer: NodeCode,
): Promise<{ epoch: string; position: bigint; seq: bigint }[]> {
  return tx.all(
    'SELECT epoch, position, seq FROM inbound_streams WHERE peer = ? ORDER BY epoch',
    peer,
  );
}

/**
 * The first position of a start, held up to `last`, with an entry beyond `seq`: both only grow, so it is found by halves.
 */
export async function firstPositionBeyond(
  tx: Reader,
  place: { peer: NodeCode; epoch: string; seq: number; last: number },
): Promise<number> {
  let [known, beyond] = [0, place.last];
  while (beyond - known > 1) {
    const middle = Math.floor((known + beyond) / 2);
    const row = await tx.get<{ seq: bigint }>(
      'SELECT seq FROM inbound_entries WHERE peer = ? AND epoch = ? AND position = ?',
      ...[place.peer, place.epoch, middle],
    );
    if (Number(row?.seq ?? 0n) > place.seq) beyond = middle;
    else known = middle;
  }
  return beyond;
}

/** The signed heads from the one that covers `position` on. */
export async function headsFrom(
  tx: Reader,
  place: { peer: NodeCode; epoch: string; position: number; limit: number },
): Promise<{ position: number; head: string }[]> {
  const rows = await tx.all<{ position: bigint; head: string }>(
    `SELECT position, head FROM inbound_heads
     WHERE peer = ? AND epoch = ? AND position >= ? ORDER BY position LIMIT ?`,
    place.peer,
    place.epoch,
    place.position,
    place.limit,
  );
  return rows.map((row) => ({ position: Number(row.position), head: row.head }));
}

export async function heldEntries(
  tx: Reader,
  range: { peer: NodeCode; epoch: string; first: number; last: number },
): Promise<string[]> {
  const rows = await tx.all<{ entry: string }>(
    `SELECT entry FROM inbound_entries
     WHERE peer = ? AND epoch = ? AND position BETWEEN ? AND ? ORDER BY position`,
    range.peer,
    range.epoch,
    range.first,
    range.last,
  );
  return rows.map((row) => row.entry);
}
