import type { Reader } from '../store/store.ts';
import { sha256 } from '../wire/canonical.ts';
import { emptyChain, nextChain } from '../wire/chain.ts';

const entriesPerLook = 1_000;

/** What is wrong with the node's log and streams: hashes, chains, gaps. Reads all of them. */
export async function logFaults(tx: Reader): Promise<string[]> {
  return [
    ...(await seqFaults(tx)),
    ...(await hashFaults(tx)),
    ...(await chainFaults(tx)),
    ...(await inboundFaults(tx)),
  ];
}

/** What this store wrote itself has no gaps; beyond that is what peers gave back, as far as they held it. */
async function seqFaults(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ epoch: string; count: bigint; last: bigint; known: bigint }>(
    `SELECT n.epoch, COUNT(l.id) AS count, COALESCE(MAX(l.seq), 0) AS last, n.last_seq AS known
     FROM node_starts n LEFT JOIN log_entries l ON l.epoch = n.epoch AND l.seq <= n.last_seq
     GROUP BY n.epoch HAVING count <> last OR last <> known`,
  );
  const strangers = await tx.all<{ epoch: string; seq: bigint }>(
    `SELECT l.epoch, l.seq FROM log_entries l JOIN node_starts n ON n.epoch = l.epoch
     LEFT JOIN recovered_entries r ON r.epoch = l.epoch AND r.seq = l.seq AND r.hash = l.hash
     WHERE l.seq > n.last_seq AND r.hash IS NULL`,
  );
  return [
    ...rows.map((row) => `log ${row.epoch}: ${row.count} entries, last seq ${row.last}`),
    ...strangers.map(({ epoch, seq }) => `log ${epoch}: nobody gave ${seq} back`),
  ];
}

async function hashFaults(tx: Reader): Promise<string[]> {
  const faults: string[] = [];
  let after = 0n;
  for (;;) {
    const rows = await tx.all<{ id: bigint; entry: string; hash: string }>(
      'SELECT id, entry, hash FROM log_entries WHERE id > ? ORDER BY id LIMIT ?',
      after,
      entriesPerLook,
    );
    for (const { id, entry, hash } of rows) {
      if (sha256(entry) !== hash) faults.push(`log entry ${id}: its hash is another one`);
      after = id;
    }
    if (rows.length < entriesPerLook) return faults;
  }
}

async function chainFaults(tx: Reader): Promise<string[]> {
  const faults: string[] = [];
  const streams = await tx.all<{ peer: string; epoch: string; position: bigint }>(
    'SELECT peer, epoch, position FROM outbound_streams',
  );
  for (const { peer, epoch, position } of streams) {
    let chain = emptyChain;
    let last = 0n;
    for (;;) {
      const rows = await tx.all<{ position: bigint; chain: string; hash: string }>(
        `SELECT o.position, o.chain, l.hash FROM outbound_entries o
         JOIN log_entries l ON l.id = o.log_id
         WHERE o.peer = ? AND o.epoch = ? AND o.position > ? ORDER BY o.position LIMIT ?`,
        peer,
        epoch,
        last,
        entriesPerLook,
      );
      for (const row of rows) {
        chain = nextChain(chain, row.hash);
        if (row.position !== last + 1n || row.chain !== chain) {
          faults.push(`stream to ${peer}, ${epoch}: broken at ${row.position}`);
        }
        last = row.position;
      }
      if (rows.length < entriesPerLook) break;
    }
    if (last !== position) faults.push(`stream to ${peer}, ${epoch}: ends at ${last}`);
  }
  return faults;
}

async function inboundFaults(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ peer: string; epoch: string; position: bigint; count: bigint }>(
    `SELECT s.peer, s.epoch, s.position, COUNT(e.position) AS count
     FROM inbound_streams s LEFT JOIN inbound_entries e ON e.peer = s.peer AND e.epoch = s.epoch
     GROUP BY s.peer, s.epoch HAVING count <> s.position`,
  );
  return rows.map((row) => `stream from ${row.peer}, ${row.epoch}: ${row.count} entries held`);
}
