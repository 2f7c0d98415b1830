import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLiveness, skewOf } from '../../../shared/federation/liveness.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { createPeerStarts } from '../../../shared/federation/peer-starts.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { instantOf, systemClock } from '../../../shared/time/clock.ts';
import { until } from '../../support/federation.ts';
import { changeableDirectory, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const nsk = 'NSK' as NodeCode;

describe('the skew of a peer’s clock', () => {
  const hourMs = 3_600_000;
  const asked = { askedMs: 10_000, heardMs: 10_200, known: undefined };

  it('is none between asking and hearing, and what is beyond', () => {
    expect(skewOf(10_100, asked)).to.equal(0);
    expect(skewOf(12_200, asked)).to.equal(2_000);
    expect(skewOf(8_000, asked)).to.equal(-2_000);
  });

  it('is what was measured last where this clock jumped meanwhile, forward or back', () => {
    const known = -2 * hourMs;
    const jumped = 10_200 + 2 * hourMs;
    expect(skewOf(10_100, { askedMs: 10_000, heardMs: jumped, known })).to.equal(known);
    expect(skewOf(10_100, { askedMs: jumped, heardMs: 10_200, known })).to.equal(known);
  });
});

describe('liveness at a start', () => {
  let store: Store;
  let folder: string;
  const log = createLog({ node: msk, clock: systemClock, ids: systemIds });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-liveness-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
    const opening = { to: [spb, nsk], businessDate: '2026-11-29', codeVersion: 'test' };
    await store.write((tx) => log.start(tx, opening));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const helloOf = (node: NodeCode) => ({
    ...{ node, codeVersion: 'test', release: 0, started: 'a'.repeat(32), previous: [] },
    ...{ head: { epoch: 'a'.repeat(32), seq: 1 }, recovering: false, behind: {} },
    at: instantOf(systemClock.nowMs()),
  });

  /** SPB answers, NSK is away. */
  async function livenessOn(
    own: Pick<Store, 'read'>,
    { isRecovering, calls }: { isRecovering: boolean; calls: NodeCode[] },
  ) {
    const keys = await federationKeys([spb, nsk]);
    return createLiveness({
      ...{ node: msk, codeVersion: 'test', store: own, log, clock: systemClock },
      ...{ release: () => 0, peerStarts: createPeerStarts(), isRecovering: () => isRecovering },
      ...{ heard() {}, async setBack() {}, alarm() {}, calm() {} },
      directory: changeableDirectory([keys.peer(spb), keys.peer(nsk)]),
      client: {
        async request(peer) {
          calls.push(peer);
          if (peer === nsk) throw new DomainError('peer-unreachable');
          return { status: 200, headers: {}, body: JSON.stringify(helloOf(peer)) };
        },
      },
    });
  }

  /** Whom a start greets. */
  async function greeted(isRecovering: boolean): Promise<NodeCode[]> {
    const calls: NodeCode[] = [];
    const liveness = await livenessOn(store, { isRecovering, calls });
    await liveness.probe();
    expect(calls.splice(0).sort()).to.deep.equal([nsk, spb]);
    liveness.start();
    await until('who was away is asked again', () => calls.includes(nsk));
    // All are asked in one turn, before any of them answers.
    await store.read(async () => undefined);
    liveness.stop();
    return calls.sort();
  }

  it('asks again at once whom the first question did not reach, and nobody else', async () => {
    expect(await greeted(false)).to.deep.equal([nsk]);
  });

  it('tells everybody at once that it has begun to recover', async () => {
    expect(await greeted(true)).to.deep.equal([nsk, spb]);
  });

  it('blames no peer for what its own store cannot do', async () => {
    let trouble: 'store-unavailable' | 'overloaded' | undefined;
    const own: Pick<Store, 'read'> = {
      read: async (fn) => {
        if (trouble) throw new DomainError(trouble);
        return store.read(fn);
      },
    };
    const liveness = await livenessOn(own, { isRecovering: false, calls: [] });
    const reached = () => liveness.statuses().map(({ peer, reachable }) => `${peer} ${reachable}`);
    await liveness.probe();
    expect(reached()).to.have.members(['SPB true', 'NSK false']);
    for (trouble of ['store-unavailable', 'overloaded'] as const) {
      expect(await liveness.greet(spb)).to.equal(false);
      expect(reached()).to.have.members(['SPB true', 'NSK false']);
    }
  });
});
