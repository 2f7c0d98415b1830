import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { createInbox } from '../../../shared/federation/inbox.ts';
import { createLane } from '../../../shared/federation/lane.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { createPeerStarts } from '../../../shared/federation/peer-starts.ts';
import type { PeerRequest, PeerResponse } from '../../../shared/federation/peers.ts';
import { createRecovery } from '../../../shared/federation/recovery.ts';
import { createRecoveryAnswers } from '../../../shared/federation/recovery-answers.ts';
import { knownStarts } from '../../../shared/federation/recovery-store.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { type Driver, storeUnavailable } from '../../../shared/store/driver.ts';
import { openEmbeddedDriver } from '../../../shared/store/embedded-store.ts';
import { openStore, storeOn } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { type Clock, now, systemClock } from '../../../shared/time/clock.ts';
import { canonicalJson, sha256 } from '../../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../../shared/wire/chain.ts';
import { headType, recoveryRequest, recoveryType } from '../../../shared/wire/peer-messages.ts';
import { until } from '../../support/federation.ts';
import { changeableDirectory, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const migrations = [{ room: 'federation', directory: 'shared/federation/migrations' }];
const at = '2025-06-30T09:00:00.000Z';

describe('a peer, at the worst of moments', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hb-'));
    ({ store } = await openStore({ url: `file:${join(folder, 'store.db')}`, migrations }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** A recovering MSK whose only peer answers well signed, never counts, and names four starts that never were. */
  it('that is asked again and again adds no starts without end', async () => {
    const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
    const opening = { to: [spb], businessDate: '2025-06-30', codeVersion: 'test' };
    await store.write((tx) => log.start(tx, opening));
    const keys = await federationKeys([msk, spb]);
    const directory = changeableDirectory([keys.peer(spb)]);
    const peer = createSigner(keys.identity(spb));
    const clock: Clock = { ...systemClock, after: (_ms, fn) => systemClock.after(0, fn) };
    const wanted = 20;
    let asked = 0;
    let refused = '';
    async function answer({ body }: PeerRequest): Promise<PeerResponse> {
      asked += 1;
      const request = recoveryRequest.safeParse(JSON.parse(body ?? ''));
      // What every honest peer does with such a question (recovery-answers.ts).
      if (!request.success) {
        refused = request.error.issues[0]?.message ?? '';
        return { status: 403, headers: {}, body: '' };
      }
      const starts = Array.from({ length: 4 }, () => randomBytes(16).toString('hex'));
      const { nonce } = request.data;
      const told = { node: spb, for: msk, nonce, starts, held: [], batches: [], next: null };
      const text = JSON.stringify(told);
      const signature = await peer.sign(recoveryType, { sha256: sha256(text) });
      return { status: 200, headers: {}, body: JSON.stringify({ answer: text, signature }) };
    }
    const recovery = createRecovery({
      ...{ node: msk, store, directory, log, clock, ids: systemIds },
      client: { request: (_, request) => answer(request) },
      signer: createSigner(keys.identity(msk)),
      verifier: createVerifier({ directory, headOfficeKey: keys.identity(msk).headOfficeKey }),
      replayers: new Map(),
      isRecovering: () => false,
      introduce: async () => {},
      told: () => {},
      marked: async () => {},
      ending: async () => {},
      recovered: () => {},
      certain: () => {},
      alarm: () => {},
    });
    await recovery.suspect(spb, 'it says so');
    await until('it has asked often', () => asked >= wanted || refused !== '');
    recovery.stop();
    const starts = await store.read(knownStarts);
    expect(starts.length).to.be.at.most(17);
  });

  it('that says set-back of a start that is known is not sent the same as fast as it answers', async () => {
    const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
    const opening = { to: [spb], businessDate: '2025-06-30', codeVersion: 'test' };
    await store.write((tx) => log.start(tx, opening));
    const keys = await federationKeys([msk]);
    let sent = 0;
    const lane = createLane({
      ...{
        peer: spb,
        store,
        log,
        ids: systemIds,
        clock: { ...systemClock, after: () => () => {} },
      },
      signer: createSigner(keys.identity(msk)),
      client: {
        async request() {
          sent += 1;
          const body = JSON.stringify({ code: 'set-back', newest: log.epoch() });
          return { status: 409, headers: {}, body };
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
    lane.wake();
    await pause(2_000);
    const { failures } = lane.status();
    await lane.stop();
    expect(failures).to.equal(1);
    expect(sent).to.be.at.most(65);
  });

  /** MSK's inbox on a store whose driver and sentinel the test holds, and what two starts of SPB sign for it. */
  async function openInbox(
    made: (driver: Driver) => Driver,
    sentinel: { record(count: bigint): Promise<void> },
  ) {
    await store.close();
    store = storeOn({
      driver: made(openEmbeddedDriver(join(folder, 'store.db'))),
      clock: systemClock,
      sentinel: { found: 0n, close: async () => {}, ...sentinel },
    });
    const keys = await federationKeys([msk, spb]);
    const signer = createSigner(keys.identity(spb));
    const directory = changeableDirectory([keys.peer(spb)]);
    const { headOfficeKey } = keys.identity(spb);
    const inbox = createInbox({
      ...{ node: msk, store, peerStarts: createPeerStarts(), handlers: new Map() },
      verifier: createVerifier({ directory, headOfficeKey }),
      codeVersion: 'test',
      ...{ prepare: async () => {}, hasTold: () => true },
      events: { forked: () => {}, early: () => {}, setAside: () => {} },
    });
    async function batchOf(of: {
      epoch: string;
      previous: string[];
      seq: number;
      base: string;
      kind?: string;
    }) {
      const { epoch, previous, seq, base, kind = 'node.started' } = of;
      const entry = {
        ...{ node: spb, epoch, seq, id: systemIds.uuid(), kind, to: [msk] },
        ...{ occurredAt: at, recordedAt: at, businessDate: '2025-06-30', body: {} },
      };
      const said = { from: spb, to: msk, started: epoch, epoch, first: seq };
      const chain = nextChain(base, sha256(canonicalJson(entry)));
      const head = { ...said, previous, base, position: seq, chain, at: now(systemClock) };
      const batch = { ...said, entries: [entry], head: await signer.sign(headType, head) };
      return { batch, chain };
    }
    const answers = createRecoveryAnswers({ store, signer: createSigner(keys.identity(msk)) });
    return { inbox, batchOf, answers };
  }
  const [older, newer] = ['a'.repeat(32), 'b'.repeat(32)];

  it('once it says that it has a new start, it takes nothing more of the one before', async () => {
    let isHeld = false;
    const held: (() => void)[] = [];
    const { inbox, batchOf, answers } = await openInbox((driver) => driver, {
      record: () =>
        isHeld ? new Promise<void>((resolve) => held.push(resolve)) : Promise.resolve(),
    });
    const first = await batchOf({ epoch: older, previous: [], seq: 1, base: emptyChain });
    await inbox.receive(spb, first.batch);
    // On its way when SPB's machine fails, is set back and starts again.
    const late = await batchOf({
      ...{ epoch: older, previous: [], seq: 2, base: first.chain, kind: 'payment.accepted' },
    });
    const next = await batchOf({ epoch: newer, previous: [older], seq: 1, base: emptyChain });
    // A sentinel's sync that takes a moment.
    isHeld = true;
    const taken = inbox.receive(spb, next.batch);
    const question = {
      ...{ node: spb, nonce: 'n'.repeat(32), started: newer, received: [] },
      known: [
        { epoch: older, seq: 1 },
        { epoch: newer, seq: 1 },
      ],
    };
    const asked = answers.answer(spb, { ...question, after: { epoch: older, position: 1 } });
    await until('it is on the disk', () => held.length === 1);
    const again = answers.answer(spb, { ...question, after: { epoch: older, position: 1 } });
    const lateTaken = inbox.receive(spb, late.batch).then(
      () => 'taken',
      (error: { code: string }) => error.code,
    );
    await pause(100);
    isHeld = false;
    for (const go of held) go();
    await Promise.all([taken, asked]);
    const { starts, batches } = JSON.parse((await again).answer);
    const outcome = await lateTaken;
    expect(starts.at(-1)).to.equal(newer);
    expect(batches).to.have.lengthOf(0);
    expect(outcome).to.equal('stale-start');
  });

  it('a commit whose answer was lost does not stop a peer until this node starts again', async () => {
    let isLost = false;
    const { inbox, batchOf } = await openInbox(
      (driver) => {
        let failure: ReturnType<Driver['failure']>;
        return {
          ...driver,
          begin: () => {
            failure = undefined;
            return driver.begin();
          },
          // As a server's COMMIT when the connection breaks after it was done.
          commit: async () => {
            await driver.commit();
            if (!isLost) return;
            isLost = false;
            failure = storeUnavailable('The store server did not do this; nothing was answered.');
            throw failure;
          },
          failure: () => failure ?? driver.failure(),
        };
      },
      { record: async () => {} },
    );
    const first = await batchOf({ epoch: older, previous: [], seq: 1, base: emptyChain });
    await inbox.receive(spb, first.batch);
    const next = await batchOf({ epoch: newer, previous: [older], seq: 1, base: emptyChain });
    const outcomeOf = (work: Promise<object>) =>
      work.then(
        () => 'taken',
        (error: Error) => `${(error as { code?: string }).code} ${error.message}`,
      );
    isLost = true;
    const outcomes: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      outcomes.push(await outcomeOf(inbox.receive(spb, next.batch)));
    }
    expect(outcomes.at(-1)).to.equal('taken');
  });
});
