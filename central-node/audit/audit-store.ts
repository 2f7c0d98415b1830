import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader } from '../../shared/store/store.ts';

/** All SQL of what is handed to a third party; everything else only reads it. */

export interface StreamName {
  readonly peer: NodeCode;
  readonly epoch: string;
}

/** Every start of every peer that told anything, in the order in which they came. */
export function inboundStarts(tx: Reader): Promise<(StreamName & { position: bigint })[]> {
  return tx.all(
    `SELECT s.peer, s.epoch, s.position FROM inbound_streams s
     JOIN peer_starts p ON p.peer = s.peer AND p.epoch = s.epoch
     WHERE s.position > 0 ORDER BY s.peer, p.rank`,
  );
}

export interface StreamRow {
  readonly position: bigint;
  readonly hash: string;
  readonly entry: string;
}

interface Stretch extends StreamName {
  readonly first: number;
  readonly last: number;
}

export function inboundRows(tx: Reader, stretch: Stretch): Promise<StreamRow[]> {
  return tx.all(
    `SELECT position, hash, entry FROM inbound_entries
     WHERE peer = ? AND epoch = ? AND position BETWEEN ? AND ? ORDER BY position`,
    stretch.peer,
    stretch.epoch,
    stretch.first,
    stretch.last,
  );
}

/** The business dates of a stretch of a stream, by position. */
export function inboundDates(
  tx: Reader,
  stretch: Stretch,
): Promise<{ position: bigint; date: string }[]> {
  return tx.all(
    `SELECT position, json_extract(entry, '$.businessDate') AS date FROM inbound_entries
     WHERE peer = ? AND epoch = ? AND position BETWEEN ? AND ? ORDER BY position`,
    stretch.peer,
    stretch.epoch,
    stretch.first,
    stretch.last,
  );
}

/** Head office's own streams, start by start. */
export function outboundStarts(tx: Reader): Promise<(StreamName & { position: bigint })[]> {
  return tx.all(
    `SELECT s.peer, s.epoch, s.position FROM outbound_streams s
     JOIN node_starts n ON n.epoch = s.epoch
     WHERE s.position > 0 ORDER BY s.peer, n.ordinal`,
  );
}

export function outboundRows(
  tx: Reader,
  stretch: Stretch,
): Promise<(StreamRow & { chain: string; date: string })[]> {
  return tx.all(
    `SELECT o.position, o.chain, l.hash, l.entry, l.business_date AS date FROM outbound_entries o
     JOIN log_entries l ON l.id = o.log_id
     WHERE o.peer = ? AND o.epoch = ? AND o.position BETWEEN ? AND ? ORDER BY o.position`,
    stretch.peer,
    stretch.epoch,
    stretch.first,
    stretch.last,
  );
}

/** Where head office's own entries about an operation, a case or a settlement stand in its streams. */
export function outboundPlaces(
  tx: Reader,
  operationId: string,
): Promise<(StreamName & { position: bigint })[]> {
  return tx.all(
    `SELECT o.peer, o.epoch, o.position FROM log_entries l
     JOIN outbound_entries o ON o.log_id = l.id WHERE l.operation_id = ?`,
    operationId,
  );
}

/** Where the entries of an operation's legs stand in the streams that reached head office. */
export async function legPlaces(
  tx: Reader,
  operationId: string,
): Promise<(StreamName & { position: bigint })[]> {
  const legs = await tx.all<StreamName & { seq: bigint }>(
    `SELECT branch AS peer, epoch, seq FROM legs WHERE operation_id = ? AND epoch IS NOT NULL`,
    operationId,
  );
  const places: (StreamName & { position: bigint })[] = [];
  for (const { peer, epoch, seq } of legs) {
    // A position is never beyond the entry's number: looking back from there finds it at once.
    const row = await tx.get<{ position: bigint }>(
      `SELECT position FROM inbound_entries
       WHERE peer = ? AND epoch = ? AND position <= ? AND seq = ? ORDER BY position DESC LIMIT 1`,
      peer,
      epoch,
      seq,
      seq,
    );
    if (row) places.push({ peer, epoch, position: row.position });
  }
  return places;
}

/** The payment that a cancellation takes back, as its execution names it. */
export async function reversedPayment(
  tx: Reader,
  operationId: string,
): Promise<string | undefined> {
  const row = await tx.get<{ payment: string | null }>(
    `SELECT json_extract(facts, '$.payment') AS payment FROM legs
     WHERE operation_id = ? AND facts IS NOT NULL LIMIT 1`,
    operationId,
  );
  return row?.payment ?? undefined;
}
