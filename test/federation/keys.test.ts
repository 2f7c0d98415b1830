import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { readBranchConfig } from '../../branch-node/config.ts';
import { openAuthority } from '../../central-node/directory/authority.ts';
import { enrolWithCentre } from '../../shared/federation/enrolment.ts';
import {
  createIdentity,
  type NodeIdentity,
  replaceCertificate,
} from '../../shared/federation/identity.ts';
import { headOffice, systemIds } from '../../shared/ids/ids.ts';
import { nextFolderOf } from '../../shared/store/adopted-files.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { nodeCode } from '../../shared/wire/peer-messages.ts';
import { runCommand } from '../support/commands.ts';
import {
  cash,
  password,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { certificateFor } from '../support/federation-keys.ts';
import { moneyFaults } from '../support/invariants.ts';
import { askPeerPort, stolenIdentity } from '../support/rogue.ts';

const dayMs = 86_400_000;
/** Of a certificate: long enough for a start on a busy machine. */
const lifeLeftMs = 20_000;

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
      // What runs beside it needs the processor, too.
      await pause(50);
    }
  }
  const desks = codes.map(payAt);
  return {
    refused,
    taken,
    /** Nobody pays at a branch whose process is down. */
    async without(code: string, work: () => Promise<void>): Promise<void> {
      paused = code;
      await pause(200);
      await work();
    },
    resume(): void {
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

  /** Whether a node takes requests of this identity; a connection that is cut is a no. */
  async function isHeard(identity: NodeIdentity, to: string): Promise<boolean> {
    const { peerUrl } = federation.branch(to);
    const asked = askPeerPort(peerUrl, '/peer/v1/releases/1', { identity });
    return asked.then(
      ({ status }) => status === 200,
      () => false,
    );
  }
  const isRefused = async (identity: NodeIdentity, to: string) => !(await isHeard(identity, to));

  async function enrol(
    code: string,
    { token, again = false }: { token: string; again?: boolean },
  ): Promise<void> {
    const config = readBranchConfig(federation.branch(code).environment);
    await enrolWithCentre({
      ...{ centreUrl: config.centreUrl, token, dir: config.identityDir, code: config.code },
      ...{ peerUrl: config.peer.url, frontUrl: config.front.url, again },
    });
  }

  it('a branch whose keys were stolen gets new ones and keeps its store, log and history', async () => {
    const stolen = await stolenIdentity(federation.branch('SPB'));
    expect(await isHeard(stolen, 'MSK')).to.equal(true);
    const { manager } = federation.hq;
    const backup = await federation.backup('HQ');
    const { status, body } = await manager.post('/api/v1/nodes/SPB/rekeying', {});
    expect([status, body.release], JSON.stringify(body)).to.deep.equal([201, 2]);
    expect(await isHeard(stolen, 'HQ')).to.equal(false);
    await until('MSK refuses the stolen key', () => isRefused(stolen, 'MSK'));
    // Cut off, it takes payments on; they wait for it to be a peer again.
    const before = desks.taken.length;
    await until('payments go on', () => desks.taken.length > before + 20);
    await desks.without('SPB', async () => {
      await federation.stopNode('SPB');
      await enrol('SPB', { token: body.token, again: true });
      await federation.startNode('SPB');
    });
    desks.resume();
    const now = await stolenIdentity(federation.branch('SPB'));
    expect(now.signingKey.x).not.to.equal(stolen.signingKey.x);
    await until('MSK hears the new key', () => isHeard(now, 'MSK'));
    expect(await isHeard(stolen, 'MSK')).to.equal(false);
    expect(federation.running('SPB').federation.isRecovering()).to.equal(false);

    // Head office goes back to before all of that: its own releases, which the branches hold, say who is who.
    await federation.stopNode('HQ');
    await federation.restore('HQ', backup);
    await federation.startNode('HQ');
    await until('head office hears the new key again', () => isHeard(now, 'HQ'));
    expect(await isHeard(stolen, 'HQ')).to.equal(false);
    await until('it has recovered', () => !federation.centre().federation.isRecovering());
    const { drafts } = federation.centre();
    await until('it goes on from its last release', async () => {
      return (await drafts.publications({ limit: 1 }))[0]?.version === 3;
    });
    expect(await drafts.diff(), 'the next one would take nothing back').to.deep.equal([]);
  }).timeout(120_000);

  it("rotates the keys of both branches and head office's at once, while all work", async () => {
    const identities = () =>
      Promise.all([...codes.map(federation.branch), federation.hq].map(stolenIdentity));
    const before = await identities();
    const branchKeys = '/api/v1/keys';
    const begun = await Promise.all([
      ...codes.map((code) => federation.branch(code).manager.post(`${branchKeys}/rotation`, {})),
      federation.hq.manager.post('/api/v1/head-office-key/rotation', {}),
    ]);
    expect(begun.map(({ status }) => status)).to.deep.equal([202, 202, 201]);
    const states = async () => {
      const views = await Promise.all([
        ...codes.map((code) => federation.branch(code).manager.get(branchKeys)),
        federation.hq.manager.get('/api/v1/authority'),
      ]);
      return views.map(({ body }) => body.rotation).join();
    };
    await until('all three are over', async () => (await states()) === 'none,none,none', 120_000);
    const after = await identities();
    for (const [index, { signingKey, tlsKeyPem }] of after.entries()) {
      expect(signingKey.x).not.to.equal(before[index]?.signingKey.x);
      // Head office's TLS key is its authority's matter.
      if (index < codes.length) expect(tlsKeyPem).not.to.equal(before[index]?.tlsKeyPem);
    }
    const [oldMsk, oldSpb] = before;
    const [msk, spb, hq] = after;
    if (!oldMsk || !oldSpb || !msk || !spb) throw new Error('two branches');
    for (const to of ['SPB', 'HQ']) {
      await until(`${to} refuses the old key of MSK`, () => isRefused(oldMsk, to));
      await until(`${to} hears the new one`, () => isHeard(msk, to));
    }
    await until('MSK refuses the old key of SPB', () => isRefused(oldSpb, 'MSK'));
    await until('MSK hears the new one', () => isHeard(spb, 'MSK'));
    await until('both pin the new key of head office', async () => {
      const keys = (await identities()).map(({ headOfficeKey }) => headOfficeKey.x);
      return keys.every((x) => x === hq?.signingKey.x);
    });
  }).timeout(240_000);

  it("rotates head office's keys, and a branch that was away follows", async () => {
    const before = await stolenIdentity(federation.hq);
    const retiredKeys = () => {
      const rows = federation.running('MSK').references.current()?.rows('node-keys') ?? [];
      return rows.filter(({ node, state }) => node === 'HQ' && state === 'retired').length;
    };
    const retiredBefore = retiredKeys();
    await desks.without('SPB', () => federation.stopNode('SPB'));
    for (const turn of [1, 2]) {
      const begun = await federation.hq.manager.post('/api/v1/head-office-key/rotation', {});
      expect(begun.status, JSON.stringify(begun.body)).to.equal(201);
      await until(`rotation ${turn} is over`, async () => {
        const { body } = await federation.hq.manager.get('/api/v1/authority');
        return body.rotation === 'none' && retiredKeys() === retiredBefore + turn;
      });
    }
    const after = await stolenIdentity(federation.hq);
    expect(after.signingKey.x).not.to.equal(before.signingKey.x);
    await federation.startNode('SPB');
    desks.resume();
    const released = federation.centre().references.current()?.version ?? 0;
    // Or a later one: a change that came meanwhile is released at once.
    await until('SPB has the release', () => {
      const { version = 0 } = federation.running('SPB').references.current() ?? {};
      return version >= released;
    });
    for (const code of codes) {
      const { headOfficeKey } = await stolenIdentity(federation.branch(code));
      expect(headOfficeKey.x, code).to.equal(after.signingKey.x);
    }
  }).timeout(120_000);

  it('changes the authority, and a branch that was away for all of it comes back by itself', async () => {
    const { manager } = federation.hq;
    const old = await stolenIdentity(federation.branch('SPB'));
    await desks.without('SPB', () => federation.stopNode('SPB'));
    const rolled = await manager.post('/api/v1/authority/roll', {});
    expect(rolled.status, JSON.stringify(rolled.body)).to.equal(201);
    expect(rolled.body.authorities).to.have.length(2);
    await until('MSK has a certificate of the new one', async () => {
      const { body } = await manager.get('/api/v1/authority');
      return body.waitingFor.join() === 'SPB';
    });
    const refused = await manager.post('/api/v1/authority/retirement', {});
    expect([refused.status, refused.body.waitingFor]).to.deep.equal([409, ['SPB']]);
    const retired = await manager.post('/api/v1/authority/retirement', { force: true });
    expect(retired.status, JSON.stringify(retired.body)).to.equal(201);
    expect(retired.body.authorities).to.have.length(1);
    expect(await isHeard(old, 'HQ')).to.equal(false);
    await federation.startNode('SPB');
    desks.resume();
    await until('SPB has a certificate of the new one', async () => {
      const now = await stolenIdentity(federation.branch('SPB'));
      return (await isHeard(now, 'HQ')) && (await isHeard(now, 'MSK'));
    });
    await until('everybody believes the new one only', async () => {
      const identities = await Promise.all(
        codes.map((code) => stolenIdentity(federation.branch(code))),
      );
      return identities.every(({ caPem }) => caPem.split('BEGIN').length === 2);
    });
  }).timeout(120_000);

  it('renews a certificate that ran out while head office was away', async () => {
    const spb = federation.branch('SPB');
    const own = await stolenIdentity(spb);
    const authority = await openAuthority({
      dir: join(federation.hq.dataDir, 'authority'),
      ...{ clock: systemClock, ids: systemIds },
    });
    await desks.without('SPB', () => federation.stopNode('SPB'));
    const past = { ...systemClock, nowMs: () => systemClock.nowMs() - 60 * dayMs };
    const certPem = certificateFor(authority, own, { clock: past });
    replaceCertificate(join(spb.dataDir, 'identity'), certPem);
    expect(await isHeard({ ...own, certPem }, 'HQ')).to.equal(false);
    await federation.startNode('SPB');
    desks.resume();
    await until('SPB is heard again', async () => isHeard(await stolenIdentity(spb), 'MSK'));
  }).timeout(120_000);

  it('renews a certificate that runs out while the branch works and head office is away', async () => {
    const spb = federation.branch('SPB');
    const own = await stolenIdentity(spb);
    const authority = await openAuthority({
      dir: join(federation.hq.dataDir, 'authority'),
      ...{ clock: systemClock, ids: systemIds },
    });
    let certPem = '';
    await federation.stopNode('HQ');
    await desks.without('SPB', async () => {
      await federation.stopNode('SPB');
      const past = { ...systemClock, nowMs: () => systemClock.nowMs() - 30 * dayMs + lifeLeftMs };
      certPem = certificateFor(authority, own, { clock: past });
      replaceCertificate(join(spb.dataDir, 'identity'), certPem);
      await federation.startNode('SPB');
    });
    desks.resume();
    const short = { ...own, certPem };
    expect(await isHeard(short, 'MSK'), 'it has not run out yet').to.equal(true);
    await until('it has run out', () => isRefused(short, 'MSK'));
    const { alarms, liveness } = federation.running('SPB').federation;
    await until('SPB says so', () =>
      alarms.list().some(({ code }) => code === 'certificate-not-renewed'),
    );
    await until('the two hear each other no more', () =>
      liveness.statuses().every(({ reachable }) => !reachable),
    );
    const countAt = (at: string) => desks.taken.filter(({ code }) => code === at).length;
    const before = codes.map(countAt);
    await until('both go on taking payments for each other', () =>
      codes.every((code, index) => countAt(code) > (before[index] ?? 0) + 10),
    );
    await federation.startNode('HQ');
    // It tries once a minute.
    const renewed = async () => isHeard(await stolenIdentity(spb), 'MSK');
    await until('SPB is heard again', renewed, 120_000);
    expect((await stolenIdentity(spb)).tlsKeyPem).to.equal(own.tlsKeyPem);
    await until('the alarm is over', () =>
      alarms.list().every(({ code }) => code !== 'certificate-not-renewed'),
    );
    expect(federation.running('SPB').federation.isRecovering()).to.equal(false);
  }).timeout(240_000);

  it("goes on with a rotation of head office's key that a crash cut off before it was told", async () => {
    const before = await stolenIdentity(federation.hq);
    await federation.stopNode('HQ');
    // The keys are made first; the certificate, and the store's part, were still to come.
    await createIdentity(nextFolderOf(join(federation.hq.dataDir, 'identity')), headOffice);
    await federation.startNode('HQ');
    await until('the next key is used', async () => {
      const { body } = await federation.hq.manager.get('/api/v1/authority');
      return body.rotation === 'none';
    });
    const after = await stolenIdentity(federation.hq);
    expect(after.signingKey.x).not.to.equal(before.signingKey.x);
    await until('both branches pin it', async () => {
      const identities = await Promise.all(codes.map(federation.branch).map(stolenIdentity));
      return identities.every(({ headOfficeKey }) => headOfficeKey.x === after.signingKey.x);
    });
  }).timeout(120_000);

  it('starts over when authority and signing key are stolen, by the commands', async () => {
    const thief = await stolenIdentity(federation.hq);
    const startOver = async (code: string) => {
      const { enrolment } = federation.centre();
      const token = await enrolment.createToken({ code: nodeCode.parse(code), actor: 'test' });
      await enrol(code, { token });
      await federation.startNode(code);
    };
    await desks.without('SPB', async () => {
      // Away all the while: its store has a release that names the stolen authority.
      await federation.stopNode('SPB');
      const asked = { env: federation.hq.environment, input: `${password}\n` };
      for (const command of [['authority', 'roll'], ['rotate-key']]) {
        const args = [...command, '--stolen', '--login', 'manager'];
        const { status, out, err } = await runCommand('central-node', args, asked);
        expect(status, err).to.equal(0);
        expect(out)
          .to.match(/^authority .* issuing/)
          .and.to.match(/rotation none$/);
      }
      await startOver('SPB');
    });
    desks.resume();
    await desks.without('MSK', async () => {
      await federation.stopNode('MSK');
      await startOver('MSK');
    });
    desks.resume();
    const { caPem, signingKey } = await stolenIdentity(federation.hq);
    for (const code of codes) {
      const now = await stolenIdentity(federation.branch(code));
      expect([now.caPem, now.headOfficeKey.x]).to.deep.equal([caPem, signingKey.x]);
      await until(`${code} has the last release`, () => {
        const { version } = federation.centre().references.current() ?? {};
        return federation.running(code).references.current()?.version === version;
      });
      expect(await isHeard(thief, code)).to.equal(false);
      const others = codes.filter((each) => each !== code);
      for (const to of others) await until(`${to} hears ${code}`, () => isHeard(now, to));
    }
  }).timeout(240_000);
});
