import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { send, until } from '../support/federation.ts';
import {
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

const processesTimeoutMs = 180_000;
const money = (desk: Desk, msisdn: string) =>
  desk.get(`/api/v1/subscribers/${msisdn}`).then(({ balance }) => Number(balance.amount));

describe('a federation of real processes', function () {
  this.timeout(processesTimeoutMs);
  let place: DemoPlace;
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
    place = await demoPlace(4);
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
  });

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

  /** So many people pay at two desks, over and over, as long as `trouble` takes. */
  async function during(trouble: () => Promise<void>, options: { people: number; most: number }) {
    const ids: { desk: Desk; id: string }[] = [];
    let over = false;
    let begun = 0;
    const people = Array.from({ length: options.people }, async (_, index) => {
      const desk = index % 2 === 0 ? spb : nsk;
      while (!over && begun < options.most) {
        begun += 1;
        ids.push({ desk, id: await pay(desk, number(index % 8), 1) });
      }
    });
    const troubled = trouble().finally(() => {
      over = true;
    });
    await Promise.all([troubled, ...people]);
    return ids;
  }

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

  it('credits every payment once while home branch and head office are killed', async () => {
    const answered = await during(
      async () => {
        await demo.kill('HQ');
        for (let round = 0; round < 3; round += 1) {
          await demo.kill('MSK');
          await demo.restart('MSK');
        }
        await demo.restart('HQ');
      },
      { people: 200, most: 800 },
    );
    expect(answered.length).to.be.greaterThan(199);
    await untilCalm(desks);
    await balancesHold();
  });

  it('has everything that a serving branch answered before it was killed', async () => {
    const answered = await during(
      async () => {
        await demo.kill('SPB');
        await demo.restart('SPB');
      },
      { people: 60, most: 300 },
    );
    await untilCalm(desks);
    for (const { desk, id } of answered) {
      expect(await desk.get(`/api/v1/payments/${id}`)).to.include({
        state: 'concluded',
        outcome: 'credited',
      });
    }
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
