import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  forkedInbound,
  forkedPeers,
  saveInboundStream,
} from '../../../shared/federation/inbox-store.ts';
import {
  appendToStream,
  insertEntry,
  insertStart,
  nextBatch,
  outboundStreams,
} from '../../../shared/federation/log-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Reader, Store } from '../../../shared/store/store.ts';
import { emptyChain } from '../../../shared/wire/chain.ts';
import { plansOf } from '../../support/query-plans.ts';

const [msk, spb, nsk, tul] = ['MSK', 'SPB', 'NSK', 'TUL'] as [
  NodeCode,
  NodeCode,
  NodeCode,
  NodeCode,
];
const peers = [msk, spb, nsk];
const epochOf = (start: number) => String(start).padStart(32, '0');
const startedAt = '2025-06-30T09:00:00.000Z';

/** A node of a year has a stream for each peer and each of its starts, and nearly all are done. */
describe('streams that count, among those of all starts', () => {
  let folder: string;
  let store: Store;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-streams-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'node.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
    await store.write(async (tx) => {
      for (let start = 1; start <= 9; start += 1) {
        const epoch = epochOf(start);
        await insertStart(tx, { epoch, startedAt, learned: false });
        for (const peer of peers) {
          const sql = 'INSERT INTO outbound_streams (peer, epoch, position, acknowledged) VALUES';
          await tx.run(`${sql} (?, ?, 5, ?)`, peer, epoch, peer === spb && start === 4 ? 3 : 5);
          const stream = { position: 1, chain: emptyChain, seq: 1, forked: false };
          const forked = peer === msk && start === 7;
          await saveInboundStream(tx, { peer, epoch, stream: { ...stream, forked } });
        }
      }
      const forked = 'UPDATE outbound_streams SET forked = 1, fork_proven = ? WHERE';
      await tx.run(`${forked} peer = ? AND epoch = ?`, 0, msk, epochOf(2));
      await tx.run(`${forked} peer = ? AND epoch = ?`, 1, nsk, epochOf(3));
    });
  });
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const limits = { started: epochOf(9), entries: 1, bytes: 1 };
  const readings: Record<string, (tx: Reader) => Promise<unknown>> = {
    'of a hello': outboundStreams,
    'before money goes out': forkedPeers,
    'of a sweep': forkedInbound,
    'of a lane': (tx) => nextBatch(tx, msk, limits),
  };

  it('are those of this start, that owe something, or have two histories', async () => {
    const streams = await store.read(outboundStreams);
    expect(streams.map(({ peer, epoch }) => `${peer} ${Number(epoch)}`)).to.deep.equal([
      ...['MSK 2', 'MSK 9', 'NSK 3', 'NSK 9', 'SPB 4', 'SPB 9'],
    ]);
    expect((await store.read(forkedPeers)).sort()).to.deep.equal(['MSK', 'NSK']);
    expect(await store.read(forkedInbound)).to.deep.equal([{ peer: 'MSK', epoch: epochOf(7) }]);
  });

  it('are sent in batches that are measured in bytes, whatever the alphabet', async () => {
    const batch = await store.write(async (tx) => {
      const epoch = epochOf(10);
      await insertStart(tx, { epoch, startedAt, learned: false });
      for (let seq = 1; seq <= 4; seq += 1) {
        const about = { epoch, seq, id: `${seq}`, kind: 'a.fact', businessDate: '2025-06-30' };
        const text = JSON.stringify('я'.repeat(100));
        const logId = await insertEntry(tx, { ...about, text, hash: 'f'.repeat(64) });
        await appendToStream(tx, { peer: tul, epoch, logId, hash: 'f'.repeat(64) });
      }
      return nextBatch(tx, tul, { started: epochOf(9), entries: 128, bytes: 500 });
    });
    expect(batch?.entries).to.have.length(2);
  });

  for (const [when, reading] of Object.entries(readings)) {
    it(`are found without a look at the others: ${when}`, async () => {
      const steps = await plansOf(store, reading);
      const all = /SCAN (s|\w*bound_streams)$|USING PRIMARY KEY \(peer=\?\)/;
      expect(steps.filter((step) => all.test(step))).to.deep.equal([]);
      expect(steps.join('\n')).to.match(/_(owing|forked)\b/);
    });
  }
});
