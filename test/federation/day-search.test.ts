import { expect } from 'chai';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import type { Leg } from '../../shared/reconciliation/leg.ts';
import { addToTotals } from '../../shared/reconciliation/leg-totals-store.ts';
import type { Store } from '../../shared/store/store.ts';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

const [msk, spb] = ['MSK', 'SPB'] as NodeCode[] as [NodeCode, NodeCode];

describe('dates whose control totals differ', function () {
  this.timeout(120_000);
  let federation: TestFederation;
  let date: string;

  before(async () => {
    federation = await startFederation([msk, spb]);
    const msisdn = await registerSubscriber(federation.branch(spb));
    for (let turn = 0; turn < 5; turn += 1) {
      const paid = await federation
        .branch(msk)
        .manager.post('/api/v1/payments', { msisdn, ...cash('10.00') });
      expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    }
    await federation.untilQuiet();
    const days = (await federation.branch(msk).manager.get('/api/v1/business-days')).body;
    date = days.current;
  });
  after(() => federation.stop());

  /** A leg that nobody told: as if one side had lost it. */
  const legOf = (branch: NodeCode, changes: Partial<Leg> = {}): Leg => ({
    ...{ branch, operationId: systemIds.uuid(), attempt: 1, point: 'accepted', kind: 'payment' },
    ...{ serving: branch, home: branch === msk ? spb : msk, msisdn: '79250000001' },
    ...{ businessDate: date, operationDate: date, money: { amount: 500n, currency: 'RUB' } },
    ...changes,
  });
  const count = (store: Store, leg: Leg) => store.write((tx) => addToTotals(tx, leg));
  const close = async (branch: NodeCode) => {
    const { manager } = federation.branch(branch);
    const closed = await manager.post(`/api/v1/business-days/${date}/close`, {});
    expect(closed.status, JSON.stringify(closed.body)).to.be.lessThan(300);
  };
  const differences = async (branch: NodeCode) => {
    const path = `/api/v1/reconciliations/${date}/branches/${branch}/differences`;
    return (await federation.hq.manager.get(path)).body;
  };
  const found = (branch: NodeCode, items: object[]) =>
    until(`the differences of ${branch} are found`, async () => {
      const { searchedAt, items: seen } = await differences(branch);
      if (searchedAt === null) return false;
      expect(seen).to.have.deep.members(items);
      return true;
    });
  const named = ({ operationId, attempt, point }: Leg, heldBy: string) => ({
    ...{ operationId, attempt, point, heldBy },
  });

  it('are searched for the legs that only one side has, or has otherwise', async () => {
    const [centre, branch] = [federation.centre().store, federation.running(msk).store];
    const [theirs, ours, both] = [legOf(msk), legOf(msk), legOf(msk)];
    const old = legOf(msk, { operationId: '01900000-0000-7000-8000-000000000000' });
    const strange = legOf(msk, { operationId: 'made up' });
    for (const leg of [theirs, both, old]) await count(branch, leg);
    for (const leg of [ours, strange]) await count(centre, leg);
    await count(centre, { ...both, money: { amount: 501n, currency: 'RUB' } });
    expect(await differences(msk)).to.deep.equal({ searchedAt: null, whole: false, items: [] });
    await close(msk);
    await found(msk, [
      named(theirs, 'branch'),
      named(old, 'branch'),
      named(ours, 'head-office'),
      named(strange, 'head-office'),
      named(both, 'both'),
    ]);
    expect((await differences(msk)).whole).to.equal(true);
  });

  it('are forgotten when the totals are equal, and the case closes', async () => {
    const lost = legOf(spb);
    await count(federation.running(spb).store, lost);
    await close(spb);
    await found(spb, [named(lost, 'branch')]);
    await count(federation.centre().store, lost);
    await until('nothing differs', async () => (await differences(spb)).searchedAt === null);
    const { items } = (await federation.hq.manager.get('/api/v1/cases?kind=totals-differ')).body;
    const states = items.map(({ subject, state }: Record<string, string>) => [subject, state]);
    expect(states).to.deep.include([`day:${spb}/${date}`, 'closed']);
  });
});
