import { expect } from 'chai';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import {
  exposures,
  findObligation,
  settlementObligations,
  sumsOf,
} from '../../../central-node/settlement/obligation-store.ts';
import type { SettlementView } from '../../../central-node/settlement/settlement.ts';
import { findWindow, listWindows } from '../../../central-node/settlement/window-store.ts';
import { parseMoney } from '../../../shared/money/money.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries, type Story } from './entries-fixture.ts';
import {
  checker,
  graceMs,
  type HeadOffice,
  maker,
  msk,
  nsk,
  openHeadOffice,
  spb,
} from './settlement-fixture.ts';

describe('settlement at head office', () => {
  let hq: HeadOffice;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb, nsk]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb, nsk] });
  });
  afterEach(async () => {
    expect(await hq.faults()).to.deep.equal([]);
    await hq.close();
  });

  async function matched(story: Story = {}): Promise<string> {
    const { id, accepted, executed } = operationEntries(story);
    await hq.tell(accepted(), executed());
    return id;
  }
  const windows = () => hq.store.read((tx) => listWindows(tx, { limit: 50 }));
  const windowOf = async (id: string) => hq.store.read((tx) => findWindow(tx, id));
  const open = async () => (await windows()).find(({ state }) => state === 'OPEN')?.id ?? '';
  const close = (id: string) => hq.write((tx) => hq.obligations.closeWindow(tx, id));
  const obligation = (operationId: string) =>
    hq.store.read((tx) => findObligation(tx, { operationId, attempt: 1 }));
  const netsOf = ({ positions }: SettlementView) =>
    Object.fromEntries(
      [msk, spb, nsk].map((code) => [
        code,
        positions.filter(({ branch }) => branch === code).reduce((sum, { net }) => sum + net, 0n),
      ]),
    );
  const make = (windowIds: string[], model: 'multilateral' | 'bilateral' = 'multilateral') =>
    hq.write((tx) => hq.settlements.make(tx, { windowIds, model, actor: maker }));
  const approve = (id: string, actor = checker) =>
    hq.write((tx) => hq.settlements.approve(tx, { id, actor }));
  const abort = (id: string) => hq.write((tx) => hq.settlements.abort(tx, { id, actor: checker }));

  /** MSK owes SPB 492.50 of a payment; SPB owes NSK 98.50; NSK owes MSK a card and a service, 75.00. */
  async function circle(): Promise<string> {
    await matched();
    await matched({ serving: spb, home: nsk, amount: '100.00' });
    await matched({ kind: 'sim-replacement', serving: msk, home: nsk, request: {} });
    const id = await open();
    await close(id);
    return id;
  }
  const circleNets = { MSK: -41_750n, SPB: 39_400n, NSK: 2_350n };

  it('closes a window, opens the next, and posts exactly what is owed at each stage', async () => {
    const first = await circle();
    expect((await windowOf(first))?.state).to.equal('CLOSED');
    expect(await open()).to.not.equal(first);
    const recorded = { MSK: 41_750n, SPB: -39_400n, NSK: -2_350n };
    const standing = (stage: string) =>
      Object.fromEntries(
        Object.entries(recorded).map(([code, owes]) => [`position:${stage}:${code}`, owes]),
      );
    expect(await hq.balances()).to.deep.equal(standing('recorded'));
    expect((await refusalBy(close(first))).code).to.equal('window-not-open');

    const made = await make([first]);
    expect([made.state, netsOf(made)]).to.deep.equal(['PENDING_SETTLEMENT', circleNets]);
    expect((await refusalBy(approve(made.id, maker))).code).to.equal('same-person');
    expect(await hq.balances()).to.deep.equal(standing('recorded'));

    const settled = await approve(made.id);
    expect(settled.state).to.equal('SETTLED');
    expect((await windowOf(first))?.state).to.equal('SETTLED');
    expect(await hq.balances()).to.deep.equal(standing('settled'));
    const kinds = await hq.store.read((tx) =>
      tx.all('SELECT kind FROM ledger_entries ORDER BY id'),
    );
    expect(kinds.map(({ kind }) => kind)).to.deep.equal([
      ...['window.closed', 'settlement.reserved', 'settlement.committed', 'settlement.settled'],
    ]);
    for (const again of [approve(made.id), abort(made.id)]) {
      expect((await refusalBy(again)).code).to.equal('settlement-conflict');
    }
  });

  it('tells every branch its own positions and no other', async () => {
    const made = await make([await circle()]);
    await approve(made.id);
    const told = await hq.logged('settlement.completed');
    expect(told.map(({ to }) => to)).to.deep.equal([[msk], [nsk], [spb]]);
    expect(told[0]?.body.positions).to.deep.equal([
      { peer: 'NSK', count: 1, gross: '0', commission: '0', fees: '7500', net: '7500' },
      { peer: 'SPB', count: 1, gross: '-50000', commission: '750', fees: '0', net: '-49250' },
    ]);
    const exposed = await hq.store.read(exposures);
    expect(exposed.every(({ net }) => net === 0n)).to.equal(true);
  });

  it('settles several windows at once, of one currency, each once', async () => {
    const first = await circle();
    const second = await circle();
    const rubles = await open();
    expect((await refusalBy(make([rubles]))).code).to.equal('window-not-closed');
    expect((await refusalBy(make(['none']))).code).to.equal('window-not-found');
    expect((await windowOf(first))?.state, 'a refusal changes nothing').to.equal('CLOSED');
    const made = await make([first, second, first], 'bilateral');
    expect(netsOf(made)).to.deep.equal({ MSK: -83_500n, SPB: 78_800n, NSK: 4_700n });
    expect((await refusalBy(make([first]))).code).to.equal('window-not-closed');
  });

  it('drills down to the operations, page by page, and by branch', async () => {
    await matched();
    const made = await make([await circle()]);
    const page = (after?: { windowId: string; id: bigint }) =>
      hq.store.read((tx) =>
        settlementObligations(tx, { settlementId: made.id, branch: msk, after, limit: 2 }),
      );
    const first = await page();
    const last = first.at(-1);
    expect(first).to.have.length(2);
    const rest = await page(last && { windowId: last.windowId ?? '', id: last.id });
    expect([...first, ...rest].map(({ debtor, net }) => [debtor, net])).to.deep.equal([
      ...[
        ['MSK', 49_250n],
        ['MSK', 49_250n],
        ['NSK', 7_500n],
      ],
    ]);
    const sum = (await hq.store.read((tx) => sumsOf(tx, made.windowIds))).filter(
      ({ debtor }) => debtor === msk,
    );
    expect(sum[0]).to.include({ count: 2, net: 98_500n });
  });

  it('gives a payment back as it was owed, also when its legs are matched after its cancellation', async () => {
    const payment = operationEntries();
    const money = { amount: '500.00', currency: 'RUB' };
    const cancellation = operationEntries({
      kind: 'payment-cancellation',
      request: { payment: payment.id, money, reason: 'wrong number' },
      result: { reversed: true, money },
    });
    await hq.tell(payment.executed(), cancellation.accepted(), cancellation.executed());
    expect(await obligation(cancellation.id)).to.include({ debtor: spb, net: 49_250n });
    await hq.tell(payment.accepted());
    expect(await obligation(payment.id)).to.include({ debtor: msk, net: 49_250n });
  });

  it('an aborted settlement gives its obligations to the open window, positions undone', async () => {
    const first = await circle();
    const late = await matched();
    const made = await make([first]);
    expect((await abort(made.id)).state).to.equal('ABORTED');
    expect((await windowOf(first))?.state).to.equal('ABORTED');
    expect(await hq.balances()).to.deep.equal({});
    const second = await open();
    expect((await obligation(late))?.windowId).to.equal(second);
    await close(second);
    const again = await make([second]);
    expect(netsOf(again)).to.deep.equal({ MSK: -91_000n, SPB: 88_650n, NSK: 2_350n });
    await approve(again.id);
    expect(await hq.balances()).to.include({ 'position:settled:MSK': 91_000n });
  });

  it('settles nothing that is in a case, whatever state its window is in', async () => {
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const first = await open();
    await close(first);
    expect(await hq.balances()).to.include({ 'position:recorded:MSK': 49_250n });
    await hq.tell(story.concluded('refused'));
    expect(await hq.balances(), 'taken off a closed window').to.deep.equal({});
    const made = await make([first]);
    expect(made.positions.every(({ net }) => net === 0n)).to.equal(true);
    await approve(made.id);

    const [found] = await hq.store.read((tx) => listCases(tx, { limit: 5 }));
    const id = found?.id ?? '';
    await hq.write((tx) => hq.cases.explain(tx, { id, explanation: 'a bug', actor: maker }));
    await hq.write((tx) => hq.cases.propose(tx, { id, reason: 'executed', actor: maker }));
    await hq.approveCase({ id, actor: checker });
    expect(await obligation(story.id)).to.include({ windowId: await open(), caseId: null });
  });

  it('a case that comes while a settlement waits for its checker stops the approval', async () => {
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const first = await open();
    await close(first);
    const made = await make([first]);
    await hq.tell(story.concluded('refused'));
    expect((await refusalBy(approve(made.id))).code).to.equal('settlement-conflict');
    await abort(made.id);
    expect(await obligation(story.id)).to.include({ windowId: null });
    expect(await hq.balances()).to.deep.equal({});
  });

  it('an adjustment takes two people, has postings of its own and is settled like the rest', async () => {
    const lonely = operationEntries();
    await hq.tell(lonely.accepted());
    hq.clock.shift(graceMs);
    await hq.write((tx) => hq.reconciliation.sweep(tx));
    const [opened] = await hq.store.read((tx) => listCases(tx, { limit: 5 }));
    const id = opened?.id ?? '';
    const money = parseMoney({ amount: '500.00', currency: 'RUB' });
    const wish = { id, reason: 'lost at SPB', owes: { debtor: msk, creditor: spb, money } };
    const propose = (changes = {}) =>
      hq.write((tx) => hq.cases.propose(tx, { ...wish, actor: maker, ...changes }));
    const adjust = (actor: typeof maker) => hq.approveCase({ id, actor });
    expect((await refusalBy(propose())).code, 'not explained yet').to.equal('case-conflict');
    await hq.write((tx) => hq.cases.explain(tx, { id, explanation: 'a fire', actor: maker }));
    expect((await refusalBy(adjust(checker))).code, 'nothing proposed').to.equal('case-conflict');
    const outside = { owes: { ...wish.owes, creditor: nsk } };
    expect((await refusalBy(propose(outside))).code).to.equal('invalid-input');
    await propose();
    expect((await refusalBy(adjust(maker))).code).to.equal('same-person');
    expect(await hq.balances()).to.deep.equal({});
    expect((await adjust(checker)).state).to.equal('closed');
    const owed = { 'position:recorded:MSK': 50_000n, 'position:recorded:SPB': -50_000n };
    expect(await hq.balances()).to.deep.equal(owed);
    expect((await hq.logged('case.adjusted'))[0]?.to).to.deep.equal([msk, spb]);

    const first = await open();
    await close(first);
    expect(await hq.balances(), 'recorded once').to.deep.equal(owed);
    const aborted = await make([first]);
    await abort(aborted.id);
    expect(await hq.balances(), 'still owed').to.deep.equal(owed);
    const second = await open();
    await close(second);
    await approve((await make([second])).id);
    expect(await hq.balances()).to.deep.equal({
      ...{ 'position:settled:MSK': 50_000n, 'position:settled:SPB': -50_000n },
    });

    await hq.tell(lonely.executed());
    const [again] = await hq.store.read((tx) => listCases(tx, { limit: 5 }));
    expect(again, 'people decide about a late leg').to.include({ kind: 'legs-differ' });
    expect(await obligation(lonely.id)).to.equal(undefined);
  });

  it('reports a branch that nears its cap, and one that is over it, until it has settled', async () => {
    const alarms = () => hq.alarms.list().map(({ detail }) => detail);
    await matched({ amount: '812.00', tender: 'card' });
    expect(alarms()).to.deep.equal(['MSK owes over 80 % of its cap in RUB']);
    await matched({ amount: '188.00', tender: 'card' });
    expect(alarms(), 'at the cap').to.have.length(1);
    await matched({ amount: '0.01', tender: 'card' });
    expect(alarms()[1]).to.equal('MSK owes more than its cap in RUB');
    const first = await open();
    await close(first);
    await approve((await make([first])).id);
    await hq.write((tx) => hq.obligations.reviewCaps(tx));
    expect(alarms()).to.deep.equal([]);
  });
});
