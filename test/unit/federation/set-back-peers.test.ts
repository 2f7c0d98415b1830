import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLane } from '../../../shared/federation/lane.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { outboundStream } from '../../../shared/federation/log-store.ts';
import type { PeerRequest, PeerResponse } from '../../../shared/federation/peers.ts';
import { createRecovery } from '../../../shared/federation/recovery.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { type Clock, now, systemClock } from '../../../shared/time/clock.ts';
import { sha256 } from '../../../shared/wire/canonical.ts';
import { recoveryRequest, recoveryType } from '../../../shared/wire/peer-messages.ts';
import { until } from '../../support/federation.ts';
import { changeableDirectory, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const opening = { to: [spb], businessDate: '2026-11-22', codeVersion: 'test' };

describe('between a node and a peer, one of which was set back', () => {
  let store: Store;
  let folder: string;
  const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
  const common = { node: msk, clock: systemClock, ids: systemIds, log };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-set-back-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const streamToPeer = () => store.read((tx) => outboundStream(tx, spb, log.epoch()));

  /** MSK's lane to SPB, what it has sent, and SPB's answers to it. */
  async function openLane(clock: Clock = systemClock) {
    const keys = await federationKeys([msk]);
    const sent: { epoch: string; entries: { kind: string }[] }[] = [];
    const answers: ((response: PeerResponse) => void)[] = [];
    const lane = createLane({
      ...{ peer: spb, store, ...common, clock, signer: createSigner(keys.identity(msk)) },
      client: {
        request(_, { body }) {
          sent.push(JSON.parse(body ?? ''));
          return new Promise((resolve) => answers.push(resolve));
        },
      },
      events: {
        acknowledged: async () => {},
        setBack() {},
        forked() {},
        provesFork: async () => false,
        failed() {},
      },
    });
    const answer = (turn: number, position: number) =>
      answers[turn]?.({
        ...{ status: 200, headers: {} },
        body: JSON.stringify({ epoch: sent[turn]?.epoch, position }),
      });
    return { lane, sent, answer };
  }

  it('an answer from before the peer was set back acknowledges nothing', async () => {
    await store.write((tx) => log.start(tx, opening));
    const { lane, sent, answer } = await openLane();
    lane.wake();
    await until('it is told', () => sent.length === 1);
    lane.forget();
    answer(0, 1);
    await until('it is told again', () => sent.length === 2);
    expect((await streamToPeer())?.acknowledged).to.equal(0n);
    answer(1, 1);
    await until('it is acknowledged', async () => (await streamToPeer())?.acknowledged === 1n);
    await lane.stop();
  });

  it('who takes nothing yet is told of the start first, by itself, and of the rest when it is heard again', async () => {
    await store.write((tx) => log.start(tx, opening));
    const before = log.epoch();
    await store.write((tx) => log.start(tx, opening));
    const { to, businessDate } = opening;
    const fact = { kind: 'something', to, businessDate, occurredAt: now(systemClock), body: {} };
    await store.write((tx) => log.append(tx, fact));
    // No pause ends by itself: what is told again is told because the peer was heard.
    const { lane, sent, answer } = await openLane({ ...systemClock, after: () => () => {} });
    lane.wake();
    await until('it is told of the start', () => sent.length === 1);
    answer(0, 1);
    await until('it is told of the start before', () => sent.length === 2);
    answer(1, 0);
    await until('that is refused', () => lane.status().failures === 1);
    expect(sent).to.have.lengthOf(2);
    lane.heard();
    await until('it is told again', () => sent.length === 3);
    answer(2, 1);
    await until('it is told the fact', () => sent.length === 4);
    const said = sent.map(({ epoch, entries }) => [epoch, ...entries.map(({ kind }) => kind)]);
    expect(said).to.deep.equal([
      [log.epoch(), 'node.started'],
      [before, 'node.started'],
      [before, 'node.started'],
      [log.epoch(), 'something'],
    ]);
    answer(3, 2);
    await lane.stop();
  });

  it('an answer counts once the peer has taken the start that asks, which it is told of first', async () => {
    await store.write((tx) => log.start(tx, { ...opening, to: [] }));
    const keys = await federationKeys([msk, spb]);
    const directory = changeableDirectory([keys.peer(spb)]);
    const peer = createSigner(keys.identity(spb));
    let starts: string[] = [];
    let asked = 0;
    let isOver = false;
    let isCertain = false;
    async function answer({ body }: PeerRequest): Promise<PeerResponse> {
      const { nonce } = recoveryRequest.parse(JSON.parse(body ?? ''));
      const told = { node: spb, for: msk, nonce, starts, held: [], batches: [], next: null };
      const text = JSON.stringify(told);
      const signature = await peer.sign(recoveryType, { sha256: sha256(text) });
      asked += 1;
      return { status: 200, headers: {}, body: JSON.stringify({ answer: text, signature }) };
    }
    const recovery = createRecovery({
      ...{ store, directory, ...common },
      client: { request: (_, request) => answer(request) },
      signer: createSigner(keys.identity(msk)),
      verifier: createVerifier({ directory, headOfficeKey: keys.identity(msk).headOfficeKey }),
      replayers: new Map(),
      isRecovering: () => false,
      introduce: () => store.write((tx) => log.introduce(tx, opening)),
      told: () => {},
      marked: async () => {},
      ending: async () => {},
      recovered() {
        isOver = true;
      },
      certain() {
        isCertain = true;
      },
      alarm: () => {},
    });
    await recovery.suspect(spb, 'it says so');
    await until('it has asked twice', () => asked >= 2);
    expect([isOver, isCertain]).to.deep.equal([false, false]);
    expect((await streamToPeer())?.position).to.equal(1n);
    starts = [log.epoch()];
    await until('it has recovered', () => isOver);
    expect(recovery.isRecovering()).to.equal(false);
    await until('it is certain of its past', () => isCertain);
  });
});
