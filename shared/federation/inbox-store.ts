import type { NodeCode } from '../ids/ids.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { emptyChain } from '../wire/chain.ts';

/** All SQL of the streams that reach this node. */

export interface InboundStream {
  position: number;
  chain: string;
  /** `seq` of the last entry received in this epoch. */
  seq: number;
  forked: boolean;
}

export async function inboundStream(
  tx: Reader,
  peer: NodeCode,
  epoch: string,
): Promise<InboundStream> {
  const row = await tx.get<{ position: bigint; chain: string; seq: bigint; forked: bigint }>(
    'SELECT position, chain, seq, forked FROM inbound_streams WHERE peer = ? AND epoch = ?',
    peer,
    epoch,
  );
  if (!row) return { position: 0, chain: emptyChain, seq: 0, forked: false };
  return {
    position: Number(row.position),
    chain: row.chain,
    seq: Number(row.seq),
    forked: row.forked === 1n,
  };
}

export async function saveInboundStream(
  tx: Transaction,
  { peer, epoch, stream }: { peer: NodeCode; epoch: string; stream: InboundStream },
): Promise<void> {
  await tx.run(
    `INSERT INTO inbound_streams (peer, epoch, position, chain, seq, forked)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (peer, epoch) DO UPDATE SET position = excluded.position,
       chain = excluded.chain, seq = excluded.seq, forked = excluded.forked`,
    peer,
    epoch,
    stream.position,
    stream.chain,
    stream.seq,
    stream.forked ? 1 : 0,
  );
}

export async function insertInboundEntry(
  tx: Transaction,
  row: {
    peer: NodeCode;
    epoch: string;
    position: number;
    seq: number;
    kind: string;
    hash: string;
    text: string;
  },
): Promise<void> {
  await tx.run(
    `INSERT INTO inbound_entries (peer, epoch, position, seq, kind, hash, entry)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    row.peer,
    row.epoch,
    row.position,
    row.seq,
    row.kind,
    row.hash,
    row.text,
  );
}

export async function inboundHash(
  tx: Reader,
  place: { peer: NodeCode; epoch: string; position: number },
): Promise<string | undefined> {
  const row = await tx.get<{ hash: string }>(
    'SELECT hash FROM inbound_entries WHERE peer = ? AND epoch = ? AND position = ?',
    place.peer,
    place.epoch,
    place.position,
  );
  return row?.hash;
}

export async function insertHead(
  tx: Transaction,
  row: { peer: NodeCode; epoch: string; position: number; head: string },
): Promise<void> {
  await tx.run(
    'INSERT OR REPLACE INTO inbound_heads (peer, epoch, position, head) VALUES (?, ?, ?, ?)',
    row.peer,
    row.epoch,
    row.position,
    row.head,
  );
}

/** The newest head by which a peer signed its stream of an epoch. */
export async function lastHead(
  tx: Reader,
  peer: NodeCode,
  epoch: string,
): Promise<string | undefined> {
  const row = await tx.get<{ head: string }>(
    `SELECT head FROM inbound_heads WHERE peer = ? AND epoch = ? ORDER BY position DESC LIMIT 1`,
    peer,
    epoch,
  );
  return row?.head;
}

/** The starts of a peer that were heard of, oldest first. */
export async function peerStarts(tx: Reader, peer: NodeCode): Promise<string[]> {
  const rows = await tx.all<{ epoch: string }>(
    'SELECT epoch FROM peer_starts WHERE peer = ? ORDER BY rank',
    peer,
  );
  return rows.map((row) => row.epoch);
}

/** The one of them that may speak. */
export async function newestPeerStart(tx: Reader, peer: NodeCode): Promise<string | undefined> {
  const row = await tx.get<{ epoch: string }>(
    'SELECT epoch FROM peer_starts WHERE peer = ? ORDER BY rank DESC LIMIT 1',
    peer,
  );
  return row?.epoch;
}

export function allPeerStarts(tx: Reader): Promise<{ peer: NodeCode; epoch: string }[]> {
  return tx.all('SELECT peer, epoch FROM peer_starts ORDER BY peer, rank');
}

export async function appendPeerStart(
  tx: Transaction,
  peer: NodeCode,
  epoch: string,
): Promise<void> {
  await tx.run(
    `INSERT INTO peer_starts (peer, rank, epoch)
     SELECT ?, COALESCE(MAX(rank), 0) + 1, ? FROM peer_starts WHERE peer = ?`,
    peer,
    epoch,
    peer,
  );
}

export function inboundStreams(
  tx: Reader,
): Promise<{ peer: NodeCode; epoch: string; position: bigint; forked: bigint }[]> {
  return tx.all('SELECT peer, epoch, position, forked FROM inbound_streams ORDER BY peer');
}

/** Of which a peer has signed two histories. */
export function forkedInbound(tx: Reader): Promise<{ peer: NodeCode; epoch: string }[]> {
  return tx.all('SELECT peer, epoch FROM inbound_streams WHERE forked = 1 ORDER BY peer');
}

/** With whom there are two histories, as signatures show. */
export async function forkedPeers(tx: Reader): Promise<NodeCode[]> {
  const rows = await tx.all<{ peer: NodeCode }>(
    `SELECT peer FROM inbound_streams WHERE forked = 1
     UNION SELECT peer FROM outbound_streams WHERE forked = 1 AND fork_proven = 1`,
  );
  return rows.map(({ peer }) => peer);
}
