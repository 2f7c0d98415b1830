import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { signActor } from '../../shared/federation/actor.ts';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { actorHeader } from '../../shared/wire/peer-messages.ts';
import {
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { askPeerPort, createRogue, type Rogue, stolenIdentity } from '../support/rogue.ts';
import { startsOf } from '../support/siege.ts';

const cutOffMaxMs = 60_000;
const peers = ['HQ', 'MSK', 'NSK'];

/** What a thief holds open at a node: an idle connection, and a stream of which half has been sent. */
interface Hold {
  readonly code: string;
  readonly idle: TLSSocket;
  readonly half: ClientRequest;
  closed: boolean;
  broken: boolean;
}

describe('a stolen key, from the theft to the cut-off', () => {
  let federation: TestFederation;
  let thief: NodeIdentity;
  let msisdn: string;
  let holds: Hold[];
  let rogue: Rogue;

  before(async function () {
    this.timeout(180_000);
    federation = await startFederation();
    msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.untilQuiet();
    thief = await stolenIdentity(federation.branch('SPB'));
    await federation.stopNode('SPB');
    holds = await Promise.all(peers.map(hold));
    const victim = federation.branch('MSK');
    rogue = createRogue({ identity: thief, victim, previous: await startsOf(victim, 'SPB') });
    expect((await rogue.send([rogue.entry('node.started', {})])).status).to.equal(200);
  });
  after(async () => {
    for (const { idle, half } of holds) {
      idle.destroy();
      half.destroy();
    }
    await federation.stop();
  });

  async function hold(code: string): Promise<Hold> {
    const { hostname: host, port } = new URL(federation.branch(code).peerUrl);
    const tls = { key: thief.tlsKeyPem, cert: thief.certPem, rejectUnauthorized: false };
    const idle = connect({ host, port: Number(port), ...tls });
    await once(idle, 'secureConnect');
    // Asked once, so that it is a keep-alive connection that has been let in.
    idle.write('GET /peer/v1/releases/1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const headers = { 'content-type': 'application/json', 'content-length': '100000' };
    const options = { host, port, method: 'POST', path: '/peer/v1/stream', headers, ...tls };
    const half = request({ ...options, agent: false });
    half.write('{"from":"SPB"');
    const [socket] = await once(half, 'socket');
    await once(socket, 'secureConnect');
    const made: Hold = { code, idle, half, closed: false, broken: false };
    idle.on('error', () => {}).on('close', () => (made.closed = true));
    half.on('error', () => {}).on('close', () => (made.broken = true));
    return made;
  }

  /** A question of a person whom the thief invents, signed with the stolen key. */
  async function asks(code: string): Promise<number> {
    const path = `/peer/v1/subscribers/${msisdn}/payability`;
    const actor = { operator: 'o-1', name: 'Thief', permissions: ['payment.take'] };
    const deps = { signer: createSigner(thief), clock: systemClock, ids: systemIds };
    const asked = { to: code as NodeCode, actor, request: { method: 'GET', path } };
    const headers = { [actorHeader]: await signActor(deps, asked) };
    const { peerUrl } = federation.branch(code);
    // A connection that is cut off in the middle is asked again.
    const answer = await askPeerPort(peerUrl, path, { identity: thief, headers }).catch(() => null);
    return answer?.status ?? 0;
  }

  it('is good for everything that the branch may do until then', async () => {
    expect(await asks('MSK')).to.equal(200);
    const paid = rogue.accepted(rogue.payment(msisdn, '5.00'));
    expect((await rogue.send([paid])).status).to.equal(200);
    expect(holds.some(({ closed, broken }) => closed || broken)).to.equal(false);
  });

  it('is refused everywhere within a minute of one action at head office, open connections too', async () => {
    // Head office cannot reach NSK at all: that branch finds out when it asks by itself.
    const { client } = federation.centre();
    const reach = client.request.bind(client);
    Object.assign(client, {
      request: async (to: NodeCode, what: Parameters<typeof reach>[1]) => {
        if (to === 'NSK') throw new DomainError('peer-unreachable');
        return reach(to, what);
      },
    });
    const startedMs = performance.now();
    const rekeyed = await federation.hq.manager.post('/api/v1/nodes/SPB/rekeying', {});
    expect(rekeyed.status, JSON.stringify(rekeyed.body)).to.equal(201);
    const took: Record<string, number> = {};
    await Promise.all(
      holds.map(async (each) => {
        await until(`${each.code} cuts it off`, () => each.closed && each.broken, cutOffMaxMs);
        await until(`${each.code} refuses it`, async () => (await asks(each.code)) === 403);
        took[each.code] = Math.round(performance.now() - startedMs);
      }),
    );
    for (const code of peers) expect(took[code], code).to.be.lessThan(cutOffMaxMs);
    process.stdout.write(`      cut off after, in ms: ${JSON.stringify(took)}\n`);
  }).timeout(180_000);

  it('signs nothing more: neither facts nor questions', async () => {
    const entry = rogue.accepted(rogue.payment(msisdn, '66.00'));
    const answer = await rogue.send([entry]);
    expect([answer.status, answer.body.code]).to.deep.equal([403, 'peer-refused']);
    // Nor through somebody else's connection: the signature itself is refused.
    const nsk = await stolenIdentity(federation.branch('NSK'));
    const batch = await rogue.batchOf([entry]);
    const victim = federation.branch('MSK');
    const carried = createRogue({ identity: nsk, victim });
    const { status } = await carried.sendBatch(batch);
    expect(status).to.equal(403);
    const { body } = await victim.manager.get(`/api/v1/subscribers/${msisdn}`);
    expect(body.balance.amount, 'what it did before stands').to.equal('5.00');
  });
});
