import { join } from 'node:path';
import { expect } from 'chai';
import { listCases } from '../../../branch-node/settlement/case-store.ts';
import { findSettlement } from '../../../branch-node/settlement/settlement-store.ts';
import { reconciliationReport } from '../../../central-node/reconciliation/reconciliation-report.ts';
import { createSettlements } from '../../../central-node/settlement/settlement-service.ts';
import { deletePositions } from '../../../central-node/settlement/settlement-store.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import { createAlarms } from '../../../shared/federation/alarms.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { parseMoney } from '../../../shared/money/money.ts';
import { maxObligationsPerPage } from '../../../shared/wire/settlement-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork, type Network, until } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from '../central-settlement/entries-fixture.ts';
import {
  checker,
  graceMs,
  type HeadOffice,
  maker,
  msk,
  openBranch,
  openHeadOffice,
  type SettlingBranch,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

const ofMsk = '79251234567';
const ofSpb = '79211234567';

describe("a branch's settlements", () => {
  let network: Network;
  let options: Parameters<typeof openHeadOffice>[0];
  let hq: HeadOffice;
  let moscow: SettlingBranch;
  let petersburg: SettlingBranch;
  const cutOff = new Set<NodeCode>();
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    network = createNetwork();
    cutOff.clear();
    options = { network, keys, branches: [msk, spb], cutOff };
    hq = await openHeadOffice(options);
    moscow = await openBranch({ ...options, node: msk });
    petersburg = await openBranch({ ...options, node: spb });
  });
  afterEach(async () => {
    for (const node of [hq, moscow, petersburg]) {
      expect(await node.ledgerFaults()).to.deep.equal([]);
      await node.close();
    }
  });

  /** Waits until head office has matched this many operations and heard of all their conclusions. */
  const matched = (count: number) =>
    until(async () => {
      const [{ pairs }, legs] = await hq.store.read(async (tx) => [
        await reconciliationReport(tx, { businessDate: today, branches: [] }),
        await tx.get<{ count: bigint }>('SELECT COUNT(*) AS count FROM legs'),
      ]);
      const isOwn = (pair: { serving: string; home: string }) => pair.serving === pair.home;
      const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
      const expected = sum(pairs.map((pair) => pair.count * (isOwn(pair) ? 1 : 3)));
      const done = sum(pairs.map((pair) => pair.matched));
      return done === count && legs?.count === BigInt(expected) ? true : undefined;
    });

  async function settle(): Promise<string> {
    const open = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const windowIds = open.map(({ id }) => id);
    for (const id of windowIds) await hq.write((tx) => hq.obligations.closeWindow(tx, id));
    const made = await hq.write((tx) =>
      hq.settlements.make(tx, { windowIds, model: 'multilateral', actor: maker }),
    );
    await hq.write((tx) => hq.settlements.approve(tx, { id: made.id, actor: checker }));
    return made.id;
  }
  const received = (branch: SettlingBranch, id: string) =>
    until(() => branch.store.read((tx) => findSettlement(tx, id)));
  const answers = (id: string, count: number) =>
    until(async () => {
      const { answers } = await hq.store.read((tx) => hq.settlements.view(tx, id));
      return answers.length === count ? answers : undefined;
    });
  async function check(branch: SettlingBranch, id: string) {
    await received(branch, id);
    await branch.settlements.run();
    return branch.store.read((tx) => findSettlement(tx, id));
  }

  it('leaves nothing on clearing once all is settled, on both sides, to the kopeck', async () => {
    const paid = await moscow.pay(ofSpb, '500.00');
    await moscow.pay(ofSpb, '0.33');
    await petersburg.pay(ofMsk, '200.00');
    await moscow.pay(ofMsk, '70.00');
    await until(async () => (await moscow.isConcluded(paid.id)) || undefined);
    await moscow.cancel(paid.id, ofSpb, '500.00');
    await matched(5);
    expect(await moscow.balances()).to.include({ 'clearing:SPB': 19_967n });
    expect(await petersburg.balances()).to.include({ 'clearing:MSK': -19_967n });

    const id = await settle();
    for (const branch of [moscow, petersburg]) {
      expect((await check(branch, id))?.faults).to.deep.equal([]);
    }
    await until(async () => ((await moscow.balances()).payout === undefined ? true : undefined));
    // MSK keeps nothing of 0.33 nor of what it gave back; SPB keeps 1.5 % of 200.00.
    expect(await moscow.balances()).to.deep.equal({
      ...{ 'tender:cash': 7_033n, subscribers: -27_000n },
      ...{ 'commission:paid': 300n, settlement: 19_667n },
    });
    expect((await answers(id, 2)).map(({ outcome }) => outcome)).to.deep.equal([
      ...['confirmed', 'confirmed'],
    ]);
    const [own, others] = [await moscow.balances(), await petersburg.balances()];
    expect(others).to.include({ settlement: -19_667n, 'commission:earned': -300n });
    expect([own['clearing:SPB'], others['clearing:MSK']]).to.deep.equal([undefined, undefined]);
    expect(await hq.balances()).to.deep.equal({
      ...{ 'position:settled:SPB': 19_667n, 'position:settled:MSK': -19_667n },
    });
  });

  it('checks many pages, posts once, and answers once, however often it runs', async () => {
    const count = maxObligationsPerPage + 20;
    await Promise.all(Array.from({ length: count }, () => moscow.pay(ofSpb, '1.00')));
    await matched(count);
    const id = await settle();
    await received(moscow, id);
    await Promise.all([moscow.settlements.run(), moscow.settlements.run()]);
    await moscow.settlements.run();
    expect(await moscow.logged('settlement.confirmed')).to.have.length(1);
    expect((await moscow.logged('settlement.confirmed'))[0]?.body.count).to.equal(count);
    expect(await moscow.balances()).to.include({ settlement: -98n * BigInt(count) });
  });

  it('takes a check up again when head office is back', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    const id = await settle();
    await received(moscow, id);
    network.cut.add(hq.node);
    const refused = await moscow.settlements.run().then(
      () => 'went through',
      (error: Error) => error.message,
    );
    expect(refused).to.contain('cannot be reached');
    network.cut.delete(hq.node);
    expect((await check(moscow, id))?.state).to.equal('confirmed');
  });

  const firstPage = { after: undefined, limit: 10 };

  it('takes no page that it had asked for before it said that it has none', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    const id = await settle();
    await received(moscow, id);
    let asked = 0;
    let answer = () => {};
    const isSaid = new Promise<void>((resolve) => {
      answer = resolve;
    });
    network.join(hq.node, async (request, env) => {
      const response = await hq.app.fetch(request, env);
      if (!request.url.includes('/obligations')) return response;
      asked += 1;
      if (asked > 1) return new Response('{}', { status: 503 });
      await isSaid;
      return response;
    });
    const checking = moscow.settlements.run().catch((error: Error) => error.message);
    await until(async () => (asked > 0 ? true : undefined));
    expect(await moscow.settlements.found(id, firstPage)).to.equal(undefined);
    answer();
    expect(await checking).to.include('503');
    expect(await moscow.store.read((tx) => findSettlement(tx, id))).to.include({
      ...{ state: 'received', fetched: '' },
    });
    network.join(hq.node, (request, env) => hq.app.fetch(request, env));
    expect((await check(moscow, id))?.state).to.equal('confirmed');
    expect(await moscow.settlements.found(id, firstPage)).to.have.length(1);
  });

  it('settles nothing of a position that head office takes back, unless it has', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    const id = await settle();
    for (const branch of [moscow, petersburg]) await received(branch, id);
    expect((await check(petersburg, id))?.state).to.equal('confirmed');
    const settled = await petersburg.balances();
    await hq.write(async (tx) => {
      await tx.run("UPDATE obligations SET window_id = NULL, case_id = 'taken back'");
      await hq.settlements.tellRecalled(tx, id, [msk, spb]);
    });
    await until(async () => {
      const own = await moscow.store.read((tx) => findSettlement(tx, id));
      return own?.positions.length === 0 || undefined;
    });
    expect(await check(moscow, id)).to.deep.include({ state: 'confirmed', faults: [] });
    expect(await moscow.balances()).to.include({ 'clearing:SPB': -50_000n });
    const alarms = () => petersburg.alarms.list().map(({ code }) => code);
    await until(async () => alarms().includes('settlement-rewritten') || undefined);
    expect(await petersburg.balances()).to.deep.equal(settled);
  });

  it('disputes what its books do not bear out, and posts nothing', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    await hq.write(async (tx) => {
      await tx.run("UPDATE obligations SET operation_id = 'unheard-of'");
    });
    const id = await settle();
    const before = await moscow.balances();
    const own = await check(moscow, id);
    expect(own?.state).to.equal('disputed');
    expect(own?.faults).to.deep.equal(['unheard-of/1 is not known here']);
    expect(await moscow.balances()).to.deep.equal(before);
    const [answer] = await answers(id, 1);
    expect(answer).to.include({ branch: 'MSK', outcome: 'disputed' });
    const alarms = () => hq.alarms.list().map(({ code }) => code);
    expect(alarms()).to.deep.equal(['settlement-disputed']);
    // Who starts head office anew sees it, too.
    const backup = join(moscow.folder, 'hq.db');
    await hq.store.backup(backup);
    await hq.close();
    hq = await openHeadOffice({ ...options, backup });
    await until(async () => alarms().includes('settlement-disputed') || undefined);
  });

  it('disputes at the next start of head office nothing to which nobody can answer any more', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    await hq.write(async (tx) => {
      await tx.run("UPDATE obligations SET operation_id = 'unheard-of'");
    });
    const id = await settle();
    for (const branch of [moscow, petersburg]) await received(branch, id);
    expect((await check(moscow, id))?.state).to.equal('disputed');
    await answers(id, 1);
    const alarms = async (isCutOff: (code: NodeCode) => boolean) => {
      const reporters: (() => void | Promise<void>)[] = [];
      const seen = createAlarms({ clock: hq.clock, report: () => {} });
      createSettlements({
        ...{ store: hq.store, clock: hq.clock, ids: hq.ids, obligations: hq.obligations },
        businessDate: () => today,
        federation: {
          ...{ log: hq.federation.log, alarms: seen, isCutOff },
          onRecovered: (reporter) => void reporters.push(reporter),
        },
      });
      for (const report of reporters) await report();
      return seen.list().map(({ code }) => code);
    };
    expect(await alarms(() => false)).to.deep.equal(['settlement-disputed']);
    expect(await alarms((code) => code === msk)).to.deep.equal([]);
    // Nothing was settled between the two after all: there is nothing left to confirm.
    await hq.write(async (tx) => {
      await deletePositions(tx, id, [msk, spb]);
      await tx.run("UPDATE obligations SET window_id = NULL, case_id = 'taken back'");
      await hq.settlements.tellRecalled(tx, id, [msk, spb]);
    });
    await until(async () => (await check(moscow, id))?.state === 'confirmed' || undefined);
    await until(async () => hq.alarms.list().length === 0 || undefined);
    expect(await alarms(() => false)).to.deep.equal([]);
  });

  it('checks a disputed settlement again when it is asked to, and no other', async () => {
    const paid = await moscow.pay(ofSpb, '500.00');
    await matched(1);
    await hq.write(async (tx) => {
      await tx.run("UPDATE obligations SET operation_id = 'unheard-of'");
    });
    const id = await settle();
    expect((await check(moscow, id))?.state).to.equal('disputed');
    await hq.write(async (tx) => {
      await tx.run('UPDATE obligations SET operation_id = ?', paid.id);
    });
    expect((await check(moscow, id))?.state).to.equal('disputed');
    await moscow.write((tx) => moscow.settlements.recheck(tx, id));
    expect(await check(moscow, id)).to.deep.include({ state: 'confirmed', faults: [] });
    const again = await moscow
      .write((tx) => moscow.settlements.recheck(tx, id))
      .catch((error: Error) => error.message);
    expect(again).to.equal('The settlement is confirmed.');
    await until(async () => {
      const [answer] = await answers(id, 1);
      return answer?.outcome === 'confirmed' || undefined;
    });
    expect(hq.alarms.list()).to.deep.equal([]);
  });

  it('checks a settlement though head office is silent about an earlier one', async () => {
    const settled: string[] = [];
    for (const count of [1, 2]) {
      await moscow.pay(ofSpb, '500.00');
      await matched(count);
      settled.push(await settle());
    }
    const [first = '', second = ''] = settled;
    for (const id of settled) await received(moscow, id);
    network.join(hq.node, (request, env) =>
      request.url.includes(first)
        ? Promise.resolve(new Response('{}', { status: 503 }))
        : hq.app.fetch(request, env),
    );
    // The first run ends with the silence, the next one begins after it.
    for (const _ of settled) {
      const refused = await moscow.settlements.run().catch((error: Error) => error.message);
      expect(refused).to.include('503');
    }
    const stateOf = async (id: string) =>
      (await moscow.store.read((tx) => findSettlement(tx, id)))?.state;
    expect(await stateOf(second)).to.equal('confirmed');
    network.join(hq.node, (request, env) => hq.app.fetch(request, env));
    await moscow.settlements.run();
    expect(await stateOf(first)).to.equal('confirmed');
  });

  it('disputes what was settled elsewhere while it was checked', async () => {
    const paid = await moscow.pay(ofSpb, '500.00');
    await matched(1);
    const first = await settle();
    await moscow.pay(ofSpb, '500.00');
    await matched(2);
    const second = await settle();
    for (const id of [first, second]) await received(moscow, id);
    const sums = { gross: '50000', commission: '750', fee: '0', net: '49250' };
    const item = { operationId: paid.id, attempt: 1, kind: 'payment', peer: 'SPB', ...sums };
    const items = [{ ...item, direction: 'owes' }];
    let isSilent = true;
    network.join(hq.node, async (request, env) => {
      if (!request.url.includes('/obligations')) return hq.app.fetch(request, env);
      if (!request.url.includes('after')) {
        return Response.json({ items, next: request.url.includes(first) ? 'more' : null });
      }
      return isSilent
        ? new Response('{}', { status: 503 })
        : Response.json({ items: [], next: null });
    });
    await moscow.settlements.run().catch(() => {});
    isSilent = false;
    const own = await check(moscow, first);
    expect(own?.state).to.equal('disputed');
    expect(own?.faults.join()).to.contain(`was settled in ${second}`);
  });

  it('waits for an answer as long as its branch is a member, and then disputes', async () => {
    network.cut.add(spb);
    const { id: operationId } = await moscow.pay(ofSpb, '500.00');
    await until(() => hq.store.read((tx) => tx.get('SELECT 1 AS one FROM legs')));
    // Petersburg told head office, and was cut off before it told Moscow.
    await hq.tell(operationEntries({ id: operationId }).executed());
    const id = await settle();
    expect((await check(moscow, id))?.state).to.equal('received');
    cutOff.add(spb);
    const own = await check(moscow, id);
    expect(own?.state).to.equal('disputed');
    expect(own?.faults).to.deep.equal([`${operationId}/1 was not answered: SPB is cut off`]);
    network.cut.delete(spb);
    cutOff.clear();
    await until(async () => (await moscow.isConcluded(operationId)) || undefined);
    await moscow.write((tx) => moscow.settlements.recheck(tx, id));
    expect((await check(moscow, id))?.state).to.equal('confirmed');
  });

  it('never settles an operation twice, whatever head office says', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    const first = await settle();
    expect((await check(moscow, first))?.state).to.equal('confirmed');
    const settled = await moscow.balances();
    await petersburg.pay(ofMsk, '1.00');
    await matched(2);
    await hq.write(async (tx) => {
      const open = await listWindows(tx, { state: 'OPEN', limit: 1 });
      await tx.run('UPDATE obligations SET window_id = ?', open[0]?.id ?? '');
    });
    const second = await settle();
    const own = await check(moscow, second);
    expect(own?.state).to.equal('disputed');
    expect(own?.faults.join()).to.contain(`was settled in ${first}`);
    expect((await moscow.balances()).settlement).to.equal(settled.settlement);
  });

  it('disputes positions that its operations do not come to', async () => {
    await moscow.pay(ofSpb, '500.00');
    await matched(1);
    await hq.write(async (tx) => {
      await tx.run('UPDATE obligation_sums SET gross = gross + 1, net = net + 1');
    });
    const own = await check(moscow, await settle());
    expect(own?.faults).to.deep.equal(['the position with SPB is not what its operations come to']);
  });

  it('shows the cases that concern it, and settles what an adjustment made of them', async () => {
    network.cut.add(spb);
    await moscow.pay(ofSpb, '500.00');
    await until(() => hq.store.read((tx) => tx.get('SELECT 1 AS one FROM legs')));
    hq.clock.shift(graceMs);
    await hq.write((tx) => hq.reconciliation.sweep(tx));
    const cases = () => moscow.store.read((tx) => listCases(tx, { limit: 5 }));
    const opened = await until(async () => (await cases())[0]);
    expect(opened).to.include({ kind: 'missing-home-leg', state: 'open' });
    const { id } = opened;
    await until(async () => {
      const found = await hq.store.read((tx) => hq.cases.find(tx, id));
      return found.state === 'notified' ? found : undefined;
    });
    const money = parseMoney({ amount: '500.00', currency: 'RUB' });
    const owes = { debtor: msk, creditor: spb, money };
    await hq.write(async (tx) => {
      await hq.cases.explain(tx, { id, explanation: 'SPB is gone', actor: maker });
      await hq.cases.propose(tx, { id, reason: 'write-off', owes, actor: maker });
    });
    await hq.approveCase({ id, actor: checker });
    await until(async () => ((await cases())[0]?.state === 'closed' ? true : undefined));
    expect((await check(moscow, await settle()))?.state).to.equal('confirmed');
    expect(await moscow.balances()).to.deep.equal({ 'tender:cash': 50_000n, settlement: -50_000n });
  });

  it('believes nobody but head office', async () => {
    const forged = {
      caseId: systemIds.uuid(),
      ...{ kind: 'forked', subject: 'stream:MSK/x', branches: ['MSK'], detail: 'forged' },
      openedAt: '2025-06-30T09:00:00.000Z',
    };
    const probe = await petersburg.write((tx) =>
      petersburg.federation.log.append(tx, {
        ...{ kind: 'case.opened', to: [msk], body: forged },
        ...{ occurredAt: '2025-06-30T09:00:00.000Z', businessDate: today },
      }),
    );
    const payment = await petersburg.pay(ofMsk, '1.00');
    await until(async () => (await petersburg.isConcluded(payment.id)) || undefined);
    expect(probe.to).to.deep.equal([msk]);
    expect(await moscow.store.read((tx) => listCases(tx, { limit: 5 }))).to.deep.equal([]);
  });
});
