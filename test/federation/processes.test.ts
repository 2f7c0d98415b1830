import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { seeded } from '../../demo/business-day.ts';
import { isProblemCode } from '../../shared/problem/problem.ts';
import { environmentIn } from '../crashes/bench.ts';
import { crashPatches, crashPoints } from '../crashes/crash-points.ts';
import { judge } from '../crashes/judge.ts';
import { killThrough } from '../crashes/kills.ts';
import { throughPoints } from '../crashes/points.ts';
import { settleTown, type Town } from '../crashes/town.ts';
import { send, until } from '../support/federation.ts';
import { type PatchedTree, patchedTree } from '../support/patches.ts';
import {
  authorizationAt,
  copyOfFiles,
  type DemoPlace,
  type Desk,
  demoPlace,
  deskAt,
  isAlive,
  type RunningDemo,
  storedFaults,
  untilCalm,
} from '../support/processes.ts';
import { recordPayments } from '../support/recorder.ts';

const processesTimeoutMs = 400_000;
const money = (desk: Desk, msisdn: string) =>
  desk.get(`/api/v1/subscribers/${msisdn}`).then(({ balance }) => Number(balance.amount));

const crashSeed = 20;
/** All of them: `npm run crashes -- --points`. */
const somePoints = [
  'accepted for another branch: committed',
  'leg collected, not matched: inside',
  'lane: answered over TLS, not recorded',
  'start: epoch stored, node.started not told',
];
const say = (): void => {};

describe('a federation of real processes', function () {
  this.timeout(processesTimeoutMs);
  let tree: PatchedTree;
  let place: DemoPlace;
  let town: Town | undefined;
  let demo: RunningDemo;
  let hq: Desk;
  let msk: Desk;
  let spb: Desk;
  let nsk: Desk;
  let desks: readonly Desk[];
  let numbers: string[];
  /** What the payments that were answered must have made of each number's balance. */
  const paidIn = new Map<string, number>();

  before(async () => {
    tree = patchedTree(crashPatches);
    place = await demoPlace(4, { root: tree.root, env: environmentIn(tree.root) });
    demo = await place.up();
    [hq, msk, spb, nsk] = await Promise.all([
      deskAt(demo.node('HQ')),
      deskAt(demo.node('MSK')),
      deskAt(demo.node('SPB')),
      deskAt(demo.node('NSK')),
    ]);
    desks = [hq, msk, spb, nsk];
    const { items } = await msk.get('/api/v1/subscribers?limit=20');
    numbers = items.map(({ msisdn }: { msisdn: string }) => msisdn);
  });
  after(async () => {
    await demo?.killAll();
    place?.remove();
    tree?.remove();
  });

  /** Only once: what people were answered before is held against the stores too. */
  const townOf = async () => {
    town ??= await settleTown(demo.description.nodes);
    return town;
  };
  const number = (index: number): string => {
    const found = numbers[index];
    if (found === undefined) throw new Error(`the demo registered ${numbers.length} numbers`);
    return found;
  };
  const pay = async (desk: Desk, msisdn: string, amount: number): Promise<string> => {
    const id = await desk.pay(msisdn, `${amount}.00`);
    paidIn.set(msisdn, (paidIn.get(msisdn) ?? 0) + amount);
    return id;
  };
  const credited = (desk: Desk, id: string) =>
    until('the payment is credited', async () => {
      const { state, outcome } = await desk.get(`/api/v1/payments/${id}`);
      return state === 'concluded' && outcome === 'credited';
    });
  const balancesHold = async () => {
    for (const [msisdn, amount] of paidIn) expect(await money(msk, msisdn)).to.equal(amount);
  };

  it('describes itself in federation.json, and every login works', async () => {
    const { description } = demo;
    expect(Object.keys(description)).to.have.members(['ready', 'ca', 'nodes']);
    expect(description.ready).to.equal(true);
    expect(description.nodes.map(({ code, role }) => [code, role])).to.deep.equal([
      ['HQ', 'centre'],
      ['MSK', 'branch'],
      ['SPB', 'branch'],
      ['NSK', 'branch'],
    ]);
    for (const node of description.nodes) {
      const members = 'code role url peerUrl pid store start operators'.split(' ');
      expect(Object.keys(node)).to.have.members(members);
      expect(Object.keys(node.start)).to.have.members(['command', 'args', 'env']);
      expect(isAlive(node.pid), node.code).to.equal(true);
      expect(existsSync(node.store), node.store).to.equal(true);
      expect(existsSync(node.start.command)).to.equal(true);
      for (const operator of node.operators) {
        expect(Object.keys(operator)).to.have.members(['login', 'password', 'role']);
      }
      const { login } = node.operators[0] ?? {};
      expect(login, 'the first one may do the most').to.equal('manager');
      await Promise.all(node.operators.map((operator) => deskAt(node, operator.login)));
    }
  });

  it("proves every peer address by the federation's authority, and by no other", async () => {
    const ca = readFileSync(demo.description.ca);
    const shake = async (peerUrl: string, trust: { ca?: Buffer }): Promise<TLSSocket> => {
      const { hostname: host, port } = new URL(peerUrl);
      const socket = connect({ host, port: Number(port), ...trust });
      await once(socket, 'secureConnect');
      return socket;
    };
    for (const { peerUrl } of demo.description.nodes) {
      const socket = await shake(peerUrl, { ca });
      expect(socket.authorized).to.equal(true);
      socket.destroy();
      const unproved = await shake(peerUrl, {}).catch((error: Error) => error.message);
      expect(unproved).to.match(/self-signed|unable to (get|verify)/);
    }
  });

  it('answers probes, metrics and its documentation on every node', async () => {
    for (const { url, code } of demo.description.nodes) {
      for (const path of ['/livez', '/readyz', '/metrics', '/openapi.json', '/docs']) {
        expect((await send(url, 'GET', path)).status, `${code}${path}`).to.equal(200);
      }
    }
  });

  it('accepts a payment for a branch that was killed, and credits it when that is back', async () => {
    await demo.kill('MSK');
    const id = await pay(spb, number(8), 40);
    expect((await spb.get(`/api/v1/payments/${id}`)).state).to.equal('accepted');
    await demo.restart('MSK');
    await credited(spb, id);
    await balancesHold();
  });

  it('keeps what was credited right before the home branch was killed', async () => {
    const [theirs, own] = [await pay(spb, number(9), 30), await pay(msk, number(9), 5)];
    await credited(spb, theirs);
    await demo.kill('MSK');
    await demo.restart('MSK');
    expect((await msk.get(`/api/v1/payments/${own}`)).outcome).to.equal('credited');
    await balancesHold();
  });

  for (const [code, role] of [
    ['MSK', 'home'],
    ['SPB', 'serving'],
  ] as const) {
    it(`recovers a ${role} branch from an old copy of its files, with or without the sentinel's`, async () => {
      await demo.kill(code);
      const old = copyOfFiles(demo.node(code));
      await demo.restart(code);
      for (const withSentinel of [false, true]) {
        const foreign = await pay(spb, number(10), 7);
        const own = await pay(msk, number(10), 2);
        await credited(spb, foreign);
        await untilCalm(desks);
        await demo.kill(code);
        old.putBack({ withSentinel });
        await demo.restart(code);
        await untilCalm(desks);
        const what = `sentinel ${withSentinel ? 'put back too' : 'left'}`;
        expect((await spb.get(`/api/v1/payments/${foreign}`)).outcome, what).to.equal('credited');
        expect((await msk.get(`/api/v1/payments/${own}`)).outcome, what).to.equal('credited');
        await balancesHold();
      }
    });
  }

  it('answers what it has taken when it is told to stop under load, and forgets none of it', async () => {
    const { url } = demo.node('MSK');
    const foreign = await spb.get('/api/v1/subscribers?limit=2');
    const theirs = foreign.items.map(({ msisdn }: { msisdn: string }) => msisdn);
    const recorder = recordPayments(
      { url, authorization: await authorizationAt(demo.node('MSK'), 'manager') },
      { people: 8, numbers: [number(11), number(12), ...theirs] },
    );
    await until('people pay', () => recorder.granted().length > 40);
    const pid = demo.pid('MSK');
    demo.signal('MSK', 'SIGTERM');
    await until('it has stopped', () => !isAlive(pid));
    await demo.restart('MSK');
    await recorder.end();
    const ids = new Set<string>();
    for (const wish of recorder.tried) {
      for (const answer of wish.answers) {
        if (answer === undefined || answer.status === 201) continue;
        expect(answer.status, JSON.stringify(answer.body)).to.equal(503);
        expect(isProblemCode(answer.body.code), answer.body.code).to.equal(true);
      }
      const said = wish.answers.flatMap((answer) => answer?.body.operationId ?? []);
      expect(new Set(said).size, 'one key is one operation').to.equal(1);
      ids.add(said[0]);
      expect((await msk.get(`/api/v1/payments/${said[0]}`)).operationId).to.equal(said[0]);
      if (!theirs.includes(wish.msisdn)) {
        paidIn.set(wish.msisdn, (paidIn.get(wish.msisdn) ?? 0) + 1);
      }
    }
    expect(ids.size).to.equal(recorder.tried.length);
    await balancesHold();
  });

  it('has what it answered, once, after kills at random moments', async () => {
    const plan = { kills: 10, judgeEvery: 10, random: seeded(crashSeed), say };
    const { kills } = await killThrough({ demo, town: await townOf() }, plan);
    expect(kills).to.be.greaterThan(9);
  });

  it('has what it answered, once, after it died at named points', async () => {
    const points = crashPoints.filter(({ name }) => somePoints.includes(name));
    expect(points).to.have.length(somePoints.length);
    const plan = { points, together: points.length, random: seeded(crashSeed), say };
    await throughPoints({ demo, town: await townOf() }, plan);
  });

  it('would be found out if it had forgotten a payment', async () => {
    const known = await townOf();
    const index = known.answered.findIndex(({ wish, status }) => {
      return wish.path === '/api/v1/payments' && status === 201;
    });
    const answered = known.answered[index];
    if (!answered) throw new Error('nobody paid');
    const { operationId } = answered.body;
    const untrue = { ...answered, body: { ...answered.body, operationId: 'never-stored' } };
    const faults = await judge({ ...known, answered: known.answered.with(index, untrue) });
    expect(faults).to.have.length(2);
    expect(faults[0]).to.match(/answered with never-stored, which is not stored$/);
    expect(faults[1]).to.include(`payment ${operationId} is stored, and nobody was told so`);
  });

  it('stops all of it at Ctrl+C, nodes started by hand too, with the books in balance', async () => {
    await untilCalm(desks);
    const pids = demo.description.nodes.map(({ code }) =>
      Number(readFileSync(`${place.dataDir}/${code}/node.pid`, 'utf8')),
    );
    const { code, output } = await demo.interrupt();
    expect(code, output).to.equal(0);
    expect(pids.filter(isAlive)).to.deep.equal([]);
    expect(existsSync(place.file)).to.equal(false);
    expect(await storedFaults(demo.description.nodes)).to.deep.equal([]);
  });
});
