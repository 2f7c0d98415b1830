import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { insertInboundEntry } from '../../../shared/federation/inbox-store.ts';
import { insertStart } from '../../../shared/federation/log-store.ts';
import {
  firstPositionBeyond,
  keepRecovered,
  markApplied,
  rewindStreams,
  unappliedEntries,
} from '../../../shared/federation/recovery-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { plansOf } from '../../support/query-plans.ts';

const [msk, spb] = ['MSK', 'SPB'] as [NodeCode, NodeCode];
/** The older start has the greater name. */
const [older, newer] = ['f'.repeat(32), 'a'.repeat(32)] as const;
const limit = 3;

/** What a lost disk takes is millions of entries, and a recovery asks for the next ones thousands of times. */
describe('what a set-back took', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-lost-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'node.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('is applied in the order in which it was written, without a look at what is applied', async () => {
    await store.write(async (tx) => {
      for (const epoch of [older, newer]) {
        await insertStart(tx, { epoch, startedAt: '2025-06-30T09:00:00.000Z', learned: false });
      }
      for (const [epoch, seq] of [
        ...([
          [newer, 1],
          [older, 9],
          [older, 2],
        ] as const),
        ...([
          [newer, 3],
          [older, 10],
        ] as const),
      ]) {
        const entry = { epoch, seq, hash: 'h', text: '{}', holder: msk };
        expect(await keepRecovered(tx, entry)).to.equal('lost');
      }
      await markApplied(tx, older, 9n);
    });
    const next = await store.read((tx) => unappliedEntries(tx, limit));
    expect(next.map(({ epoch, seq }) => `${epoch[0]} ${seq}`)).to.deep.equal([
      'f 2',
      'f 10',
      'a 1',
    ]);
    const steps = await plansOf(store, (tx) => unappliedEntries(tx, limit));
    expect(steps.join('\n'))
      .to.include('recovered_entries_left')
      .and.not.match(/SCAN r|TEMP/);
    await store.write((tx) => rewindStreams(tx, msk, new Map()));
    const holders = await store.read((tx) =>
      tx.all('SELECT seq FROM recovered_entries WHERE holders = ? ORDER BY seq', msk),
    );
    expect(holders, 'what is applied stays as it is').to.deep.equal([{ seq: 9n }]);
  });

  it('is found in the stream of a long start without reading what is known', async () => {
    const seqs = [3, 7, 8, 20, 21];
    const place = { peer: spb, epoch: older, last: seqs.length };
    await store.write(async (tx) => {
      for (const [index, seq] of seqs.entries()) {
        const entry = { ...place, position: index + 1, seq, kind: 'a.fact', hash: 'h', text: '{}' };
        await insertInboundEntry(tx, entry);
      }
    });
    for (let seq = 0; seq < 21; seq += 1) {
      const found = await store.read((tx) => firstPositionBeyond(tx, { ...place, seq }));
      expect(found, `beyond ${seq}`).to.equal(seqs.findIndex((each) => each > seq) + 1);
    }
    const steps = await plansOf(store, (tx) => firstPositionBeyond(tx, { ...place, seq: 8 }));
    for (const step of steps) expect(step).to.include('position=?');
    expect(steps).to.have.length.below(seqs.length);
  });
});
