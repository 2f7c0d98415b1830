import { expect } from 'chai';
import { readBranchConfig } from '../../branch-node/config.ts';
import { enrolWithCentre } from '../../shared/federation/enrolment.ts';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { askPeerPort, stolenIdentity } from '../support/rogue.ts';

/** Payments from every branch for every branch, one after the other, until it is stopped. */
async function keepPaying(federation: TestFederation, codes: readonly string[]) {
  const subscribers = await Promise.all(
    codes.map((code) => registerSubscriber(federation.branch(code))),
  );
  const refused: string[] = [];
  const taken: { code: string; id: string }[] = [];
  let paused: string | undefined;
  let stopped = false;
  async function payAt(code: string): Promise<void> {
    for (let turn = 0; !stopped; turn += 1) {
      const msisdn = subscribers[turn % subscribers.length];
      if (paused === code) await until('it is back', () => paused !== code || stopped);
      try {
        const { manager } = federation.branch(code);
        const answer = await manager.post('/api/v1/payments', { msisdn, ...cash('10.00') });
        if (answer.status === 201) taken.push({ code, id: answer.body.operationId });
        else refused.push(`${code}: ${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        refused.push(`${code}: ${error}`);
      }
    }
  }
  const desks = codes.map(payAt);
  return {
    refused,
    taken,
    /** Nobody pays at a branch whose process is down. */
    async without(code: string, work: () => Promise<void>): Promise<void> {
      paused = code;
      await new Promise((resolve) => setTimeout(resolve, 200));
      await work();
      paused = undefined;
    },
    async end(): Promise<void> {
      stopped = true;
      await Promise.all(desks);
    },
  };
}

describe('keys and certificates', () => {
  const codes = ['MSK', 'SPB'];
  let federation: TestFederation;
  let desks: Awaited<ReturnType<typeof keepPaying>>;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
  });
  after(() => federation.stop());

  beforeEach(async () => {
    desks = await keepPaying(federation, codes);
  });
  /** Nothing was refused, all of it arrived, and the books are sound. */
  afterEach(async () => {
    await desks.end();
    expect(desks.refused).to.deep.equal([]);
    expect(desks.taken.length).to.be.greaterThan(10);
    await federation.untilQuiet();
    for (const { code, id } of desks.taken) {
      const { body } = await federation.branch(code).manager.get(`/api/v1/payments/${id}`);
      expect(body.outcome, JSON.stringify(body)).to.equal('credited');
    }
    const running = codes.map((code) => federation.running(code));
    expect(await moneyFaults(running)).to.deep.equal([]);
  });

  const hello = (identity: NodeIdentity, to: string) =>
    askPeerPort(federation.branch(to).peerUrl, '/peer/v1/releases/1', { identity });

  async function enrolAgain(code: string, token: string): Promise<void> {
    const config = readBranchConfig(federation.branch(code).environment);
    await enrolWithCentre({
      ...{ centreUrl: config.centreUrl, token, dir: config.identityDir, code: config.code },
      ...{ peerUrl: config.peer.url, frontUrl: config.front.url, again: true },
    });
  }

  it('a branch whose keys were stolen gets new ones and keeps its store, log and history', async () => {
    const stolen = await stolenIdentity(federation.branch('SPB'));
    expect((await hello(stolen, 'MSK')).status).to.equal(200);
    const { manager } = federation.hq;
    const { status, body } = await manager.post('/api/v1/nodes/SPB/rekeying', {});
    expect([status, body.release], JSON.stringify(body)).to.deep.equal([201, 2]);
    expect((await hello(stolen, 'HQ')).status).to.equal(403);
    await until(
      'MSK refuses the stolen key',
      async () => (await hello(stolen, 'MSK')).status === 403,
    );
    // Cut off, it takes payments on; they wait for it to be a peer again.
    const before = desks.taken.length;
    await until('payments go on', () => desks.taken.length > before + 20);
    await desks.without('SPB', async () => {
      await federation.stopNode('SPB');
      await enrolAgain('SPB', body.token);
      await federation.startNode('SPB');
    });
    const now = await stolenIdentity(federation.branch('SPB'));
    expect(now.signingKey.x).not.to.equal(stolen.signingKey.x);
    await until('MSK hears the new key', async () => (await hello(now, 'MSK')).status === 200);
    expect((await hello(stolen, 'MSK')).status).to.equal(403);
    expect(federation.running('SPB').federation.isRecovering()).to.equal(false);
  }).timeout(120_000);
});
