import type { NodeCode } from '../ids/ids.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { sha256 } from '../wire/canonical.ts';
import { emptyChain, nextChain } from '../wire/chain.ts';
import type { LogEntry } from '../wire/peer-messages.ts';

/** All SQL of the log and of the streams that leave this node. */

export interface StartRow {
  epoch: string;
  ordinal: bigint;
  lastSeq: bigint;
  learned: bigint;
}

/** This node's starts, the newest first. */
export function starts(tx: Reader, limit: number): Promise<StartRow[]> {
  return tx.all<StartRow>(
    `SELECT epoch, ordinal, last_seq AS lastSeq, learned FROM node_starts
     ORDER BY ordinal DESC LIMIT ?`,
    limit,
  );
}

/** Whose log it is, and how far it goes. */
export async function newestEntry(
  tx: Reader,
): Promise<{ node: string; epoch: string; seq: number } | undefined> {
  const row = await tx.get<{ node: string; epoch: string; seq: bigint }>(
    `SELECT json_extract(entry, '$.node') AS node, epoch, seq FROM log_entries
     ORDER BY id DESC LIMIT 1`,
  );
  return row && { ...row, seq: Number(row.seq) };
}

/** When the newest entry was recorded, by the clock of then. */
export async function lastRecordedAt(tx: Reader): Promise<string | undefined> {
  const row = await tx.get<{ at: string }>(
    `SELECT json_extract(entry, '$.recordedAt') AS at FROM log_entries ORDER BY id DESC LIMIT 1`,
  );
  return row?.at;
}

export async function insertStart(
  tx: Transaction,
  start: { epoch: string; startedAt: string; learned: boolean },
): Promise<void> {
  await tx.run(
    `INSERT INTO node_starts (epoch, ordinal, started_at, learned)
     SELECT ?, COALESCE(MAX(ordinal), 0) + 1, ?, ? FROM node_starts`,
    start.epoch,
    start.startedAt,
    start.learned ? 1 : 0,
  );
}

/** A start that a peer knows and this node forgot takes its place before the newest one. */
export async function insertForgottenStart(
  tx: Transaction,
  start: { epoch: string; startedAt: string; current: string },
): Promise<void> {
  const known = await tx.get('SELECT 1 AS one FROM node_starts WHERE epoch = ?', start.epoch);
  if (known) return;
  await tx.run(
    'UPDATE node_starts SET ordinal = (SELECT MAX(ordinal) + 1 FROM node_starts) WHERE epoch = ?',
    start.current,
  );
  await tx.run(
    `INSERT INTO node_starts (epoch, ordinal, started_at, learned)
     SELECT ?, ordinal - 1, ?, 1 FROM node_starts WHERE epoch = ?`,
    start.epoch,
    start.startedAt,
    start.current,
  );
}

export async function takeSeq(tx: Transaction, epoch: string): Promise<number> {
  const row = await tx.get<{ seq: bigint }>(
    'UPDATE node_starts SET last_seq = last_seq + 1 WHERE epoch = ? RETURNING last_seq AS seq',
    epoch,
  );
  if (!row) throw new Error('broken invariant: the current epoch is in the store');
  return Number(row.seq);
}

export async function insertEntry(
  tx: Transaction,
  row: Pick<LogEntry, 'epoch' | 'seq' | 'id' | 'kind' | 'operationId' | 'businessDate'> & {
    text: string;
    hash: string;
  },
): Promise<bigint> {
  const inserted = await tx.get<{ id: bigint }>(
    `INSERT INTO log_entries (epoch, seq, entry_id, kind, operation_id, business_date, entry, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    row.epoch,
    row.seq,
    row.id,
    row.kind,
    row.operationId ?? null,
    row.businessDate,
    row.text,
    row.hash,
  );
  if (!inserted) throw new Error('broken invariant: an insert returns its row');
  return inserted.id;
}

/** Gives the entry the next position of the stream to `peer`. */
export async function appendToStream(
  tx: Transaction,
  { peer, epoch, logId, hash }: { peer: NodeCode; epoch: string; logId: bigint; hash: string },
): Promise<void> {
  const stream = await tx.get<{ position: bigint }>(
    `INSERT INTO outbound_streams (peer, epoch, position) VALUES (?, ?, 1)
     ON CONFLICT (peer, epoch) DO UPDATE SET position = position + 1 RETURNING position`,
    peer,
    epoch,
  );
  if (!stream) throw new Error('broken invariant: an upsert returns its row');
  const last = await tx.get<{ chain: string }>(
    'SELECT chain FROM outbound_entries WHERE peer = ? AND epoch = ? AND position = ?',
    peer,
    epoch,
    stream.position - 1n,
  );
  await tx.run(
    'INSERT INTO outbound_entries (peer, epoch, position, log_id, chain) VALUES (?, ?, ?, ?, ?)',
    peer,
    epoch,
    stream.position,
    logId,
    nextChain(last?.chain ?? emptyChain, hash),
  );
}

/**
 * Puts an own entry that peers gave back where it was: into the log, and into the streams of those who hold it. They
 * hold it at the same position, since nothing between is missing.
 */
export async function restoreEntry(
  tx: Transaction,
  { entry, text, holders }: { entry: LogEntry; text: string; holders: readonly NodeCode[] },
): Promise<void> {
  const { epoch, seq } = entry;
  const hash = sha256(text);
  const known = await tx.get<{ id: bigint }>(
    'SELECT id FROM log_entries WHERE epoch = ? AND seq = ?',
    epoch,
    seq,
  );
  const logId = known?.id ?? (await insertEntry(tx, { ...entry, text, hash }));
  await tx.run(
    'UPDATE node_starts SET last_seq = last_seq + 1 WHERE epoch = ? AND last_seq = ? - 1',
    epoch,
    seq,
  );
  for (const peer of holders) {
    const isThere = await tx.get(
      'SELECT 1 AS one FROM outbound_entries WHERE log_id = ? AND peer = ?',
      logId,
      peer,
    );
    if (isThere) continue;
    // Who holds it holds all that was meant for it before: also what others gave back while it was silent.
    for (const before of await unstreamedBefore(tx, { peer, epoch, seq })) {
      await appendToStream(tx, { peer, epoch, ...before });
    }
    await appendToStream(tx, { peer, epoch, logId, hash });
    await tx.run(
      'UPDATE outbound_streams SET acknowledged = position WHERE peer = ? AND epoch = ?',
      peer,
      epoch,
    );
  }
}

/** Own entries of a start before `seq` that were meant for `peer` and stand after the end of its stream here. */
function unstreamedBefore(
  tx: Reader,
  { peer, epoch, seq }: { peer: NodeCode; epoch: string; seq: number },
): Promise<{ logId: bigint; hash: string }[]> {
  return tx.all(
    `SELECT l.id AS logId, l.hash FROM log_entries l
     WHERE l.epoch = ? AND l.seq < ? AND l.seq > COALESCE((
       SELECT MAX(e.seq) FROM outbound_streams s
       JOIN outbound_entries o ON o.peer = s.peer AND o.epoch = s.epoch AND o.position = s.position
       JOIN log_entries e ON e.id = o.log_id WHERE s.peer = ? AND s.epoch = ?), 0)
       AND EXISTS (SELECT 1 FROM json_each(l.entry, '$.to') WHERE value = ?)
     ORDER BY l.seq`,
    ...[epoch, seq, peer, epoch, peer],
  );
}

/** This node's own entries of one kind about an operation in the order of its log, with whether `peer` holds each. */
export async function entriesAbout(
  tx: Reader,
  about: { operationId: string; kind: string; peer: NodeCode },
): Promise<{ entry: string; isHeld: boolean }[]> {
  const rows = await tx.all<{ entry: string; held: bigint }>(
    `SELECT l.entry, EXISTS (
       SELECT 1 FROM outbound_entries o
       JOIN outbound_streams s ON s.peer = o.peer AND s.epoch = o.epoch
       WHERE o.log_id = l.id AND o.peer = ? AND o.position <= s.acknowledged) AS held
     FROM log_entries l JOIN node_starts n ON n.epoch = l.epoch
     WHERE l.operation_id = ? AND l.kind = ? ORDER BY n.ordinal, l.seq`,
    about.peer,
    about.operationId,
    about.kind,
  );
  return rows.map(({ entry, held }) => ({ entry, isHeld: held === 1n }));
}

/** The number of the start in which an operation reached a point first; undefined if no entry tells it. */
export async function firstStartOf(
  tx: Reader,
  about: { operationId: string; kind: string },
): Promise<bigint | undefined> {
  const row = await tx.get<{ first: bigint | null }>(
    `SELECT MIN(n.ordinal) AS first FROM log_entries l JOIN node_starts n ON n.epoch = l.epoch
     WHERE l.operation_id = ? AND l.kind = ?`,
    about.operationId,
    about.kind,
  );
  return row?.first ?? undefined;
}

export interface OutboundBatch {
  readonly epoch: string;
  readonly first: number;
  readonly position: number;
  readonly base: string;
  readonly chain: string;
  /** The entries' canonical JSON, word for word. */
  readonly entries: readonly string[];
}

/**
 * The next entries that `peer` has not acknowledged: the one that opens the present start, by itself, then of the oldest
 * epoch that still owes any.
 */
export async function nextBatch(
  tx: Reader,
  peer: NodeCode,
  { started, entries, bytes: bytesMax }: { started: string; entries: number; bytes: number },
): Promise<OutboundBatch | undefined> {
  const stream = await tx.get<{ epoch: string; acknowledged: bigint }>(
    `SELECT s.epoch, s.acknowledged FROM outbound_streams s INDEXED BY outbound_streams_owing
     JOIN node_starts n ON n.epoch = s.epoch
     WHERE s.peer = ? AND s.acknowledged < s.position AND s.forked = 0
     ORDER BY (s.epoch = ? AND s.acknowledged = 0) DESC, n.ordinal LIMIT 1`,
    peer,
    started,
  );
  if (!stream) return undefined;
  const rows = await tx.all<{ position: bigint; chain: string; entry: string }>(
    `SELECT o.position, o.chain, l.entry FROM outbound_entries o
     JOIN log_entries l ON l.id = o.log_id
     WHERE o.peer = ? AND o.epoch = ? AND o.position > ? ORDER BY o.position LIMIT ?`,
    peer,
    stream.epoch,
    stream.acknowledged,
    stream.epoch === started && stream.acknowledged === 0n ? 1 : entries,
  );
  let bytes = 0;
  const taken = rows.filter((row, index) => {
    bytes += Buffer.byteLength(row.entry);
    return index === 0 || bytes <= bytesMax;
  });
  const last = taken.at(-1);
  const { epoch } = stream;
  const base = await chainAt(tx, { peer, epoch, position: Number(stream.acknowledged) });
  if (!last || base === undefined) throw new Error('broken invariant: a stream has its entries');
  return {
    epoch,
    first: Number(stream.acknowledged) + 1,
    position: Number(last.position),
    base,
    chain: last.chain,
    entries: taken.map((row) => row.entry),
  };
}

/** The chain of a stream up to a position; undefined where it does not go so far. */
export async function chainAt(
  tx: Reader,
  { peer, epoch, position }: { peer: NodeCode; epoch: string; position: number },
): Promise<string | undefined> {
  if (position === 0) return emptyChain;
  const row = await tx.get<{ chain: string }>(
    'SELECT chain FROM outbound_entries WHERE peer = ? AND epoch = ? AND position = ?',
    peer,
    epoch,
    position,
  );
  return row?.chain;
}

export function outboundStream(
  tx: Reader,
  peer: NodeCode,
  epoch: string,
): Promise<{ position: bigint; acknowledged: bigint } | undefined> {
  return tx.get(
    'SELECT position, acknowledged FROM outbound_streams WHERE peer = ? AND epoch = ?',
    peer,
    epoch,
  );
}

export async function setAcknowledged(
  tx: Transaction,
  { peer, epoch, position }: { peer: NodeCode; epoch: string; position: number },
): Promise<void> {
  await tx.run(
    'UPDATE outbound_streams SET acknowledged = MIN(position, ?) WHERE peer = ? AND epoch = ?',
    position,
    peer,
    epoch,
  );
}

export async function markOutboundForked(
  tx: Transaction,
  { peer, epoch, isProven }: { peer: NodeCode; epoch: string; isProven: boolean },
): Promise<void> {
  await tx.run(
    `UPDATE outbound_streams SET forked = 1, fork_proven = MAX(fork_proven, ?)
     WHERE peer = ? AND epoch = ?`,
    isProven ? 1 : 0,
    peer,
    epoch,
  );
}

export interface StreamRow {
  peer: NodeCode;
  epoch: string;
  position: bigint;
  acknowledged: bigint;
  forked: bigint;
}

/**
 * The streams to every peer: of the newest epoch, and of older ones that still owe something. There are as many as starts
 * and peers ever were: only those that count are looked at.
 */
export function outboundStreams(tx: Reader): Promise<StreamRow[]> {
  return tx.all<StreamRow>(
    `SELECT s.peer, s.epoch, s.position, s.acknowledged, s.forked FROM (
       SELECT peer, epoch FROM outbound_streams WHERE acknowledged < position
       UNION SELECT peer, epoch FROM outbound_streams WHERE forked = 1
       UNION SELECT peer, epoch FROM outbound_streams
         WHERE epoch = (SELECT epoch FROM node_starts ORDER BY ordinal DESC LIMIT 1)) c
     CROSS JOIN outbound_streams s ON s.peer = c.peer AND s.epoch = c.epoch
     CROSS JOIN node_starts n ON n.epoch = s.epoch
     ORDER BY s.peer, n.ordinal`,
  );
}

/** Does another node hold an entry of this kind about this operation? */
export async function isHeldByPeer(
  tx: Reader,
  { operationId, kind }: { operationId: string; kind: string },
): Promise<boolean> {
  const row = await tx.get(
    `SELECT 1 AS one FROM log_entries l JOIN outbound_entries o ON o.log_id = l.id
     JOIN outbound_streams s ON s.peer = o.peer AND s.epoch = o.epoch
     WHERE l.operation_id = ? AND l.kind = ? AND s.acknowledged >= o.position LIMIT 1`,
    operationId,
    kind,
  );
  return row !== undefined;
}

/** Did this start of the node log an entry of this kind about this operation? */
export async function isLoggedIn(
  tx: Reader,
  { operationId, kind, epoch }: { operationId: string; kind: string; epoch: string },
): Promise<boolean> {
  const row = await tx.get(
    'SELECT 1 AS one FROM log_entries WHERE operation_id = ? AND kind = ? AND epoch = ? LIMIT 1',
    operationId,
    kind,
    epoch,
  );
  return row !== undefined;
}

/** The operations whose entries of these kinds lie in an acknowledged stretch of a stream. */
export function acknowledgedOperations(
  tx: Reader,
  stretch: { peer: NodeCode; epoch: string; after: number; upTo: number; kinds: readonly string[] },
): Promise<{ kind: string; operationId: string }[]> {
  const marks = stretch.kinds.map(() => '?').join(', ');
  return tx.all(
    `SELECT l.kind, l.operation_id AS operationId FROM outbound_entries o
     JOIN log_entries l ON l.id = o.log_id
     WHERE o.peer = ? AND o.epoch = ? AND o.position > ? AND o.position <= ?
       AND l.operation_id IS NOT NULL AND l.kind IN (${marks}) ORDER BY o.position`,
    stretch.peer,
    stretch.epoch,
    stretch.after,
    stretch.upTo,
    ...stretch.kinds,
  );
}

/** The entries that this node logged about an operation, in order. */
export function entriesOfOperation(
  tx: Reader,
  operationId: string,
): Promise<{ kind: string; entry: string }[]> {
  return tx.all(
    'SELECT kind, entry FROM log_entries WHERE operation_id = ? ORDER BY id',
    operationId,
  );
}
