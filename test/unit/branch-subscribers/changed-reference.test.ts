import { expect } from 'chai';
import { ledgerFaults } from '../../../shared/ledger/ledger-store.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import {
  type Branch,
  by,
  ivanov,
  msk,
  nsk,
  openBranches,
  simCard,
  spb,
} from './branches-fixture.ts';
import { reference, referenceWith } from './reference-fixture.ts';

const msisdn = '79250000001';
const [own, other] = ['79250000005', '79250000006'];
const plans = reference.rows('rate-plans');
const validFrom = '2025-01-01';
const rub = { currency: 'RUB', monthlyFee: '0.00', switchFee: '0.00' };

describe('a subscriber whose reference data changes', () => {
  let federation: Awaited<ReturnType<typeof openBranches>>;
  let home: Branch;
  let away: Branch;
  beforeEach(async () => {
    federation = await openBranches();
    home = federation.msk;
    away = federation.spb;
    await home.stock(
      [1, 2, 3].map((n) => simCard(1, n)),
      [msisdn],
    );
    await away.stock([simCard(2, 1)]);
    await home.register(msisdn, simCard(1, 1).iccid);
    await home.topUp(msisdn, 100_000n);
  });
  afterEach(async () => {
    for (const branch of [home, away]) {
      expect(await branch.store.read(ledgerFaults)).to.deep.equal([]);
    }
    await federation.close();
  });
  const change = (ratePlan: string) =>
    home.write((tx) => home.desk.changeRatePlan(tx, { msisdn, ratePlan }, by));
  const turn = (service: string, action: 'on' | 'off') =>
    home.write((tx) => home.desk.changeService(tx, { msisdn, service, action }, by));
  const services = async () => (await home.card(msisdn)).services;
  const balance = async () => (await home.card(msisdn)).balance.amount;

  it('pays nothing for what his plan brings, though the plan is offered no more', async () => {
    await change('UNLIMITED');
    const validTo = '2025-06-01';
    home.follow(
      referenceWith({
        'rate-plans': plans.map((row) => (row.code === 'UNLIMITED' ? { ...row, validTo } : row)),
      }),
    );
    await turn('MUSIC', 'off');
    await turn('MUSIC', 'on');
    expect(await balance()).to.equal('900.00');
  });

  describe('whose plan brings less than it did', () => {
    const old = {
      ...rub,
      code: 'OLD',
      name: 'Старый',
      validFrom,
      services: ['CALLER-ID', 'MUSIC'],
    };
    const before = referenceWith({ 'rate-plans': [...plans, old] });
    const since = referenceWith({
      'rate-plans': [
        ...plans,
        { ...old, validTo: '2025-06-29' },
        { ...old, services: ['CALLER-ID'], validFrom: '2025-06-30' },
      ],
    });

    const changed = (column: string, to: string) =>
      home.write((tx) =>
        tx.run(`UPDATE subscriber_changes SET ${column} = ? WHERE what <> 'start'`, to),
      );

    it('keeps nothing of what it brought, once he leaves it', async () => {
      home.follow(before);
      await change('OLD');
      await changed('business_date', '2025-06-29');
      home.follow(since);
      await change('BASIC');
      expect(await services()).to.deep.equal(['CALLER-ID']);
    });

    it('keeps what it brought, once he has bought it in its new period', async () => {
      home.follow(before);
      await change('OLD');
      await changed('business_date', '2025-06-29');
      home.follow(since);
      await turn('MUSIC', 'off');
      await turn('MUSIC', 'on');
      expect(await balance()).to.equal('850.00');
      await change('BASIC');
      expect(await services()).to.deep.equal(['CALLER-ID', 'MUSIC']);
    });

    it('keeps nothing of what he switched on while it brought that', async () => {
      home.follow(before);
      await change('OLD');
      await turn('MUSIC', 'off');
      await turn('MUSIC', 'on');
      expect(await balance()).to.equal('1000.00');
      await changed('business_date', '2025-06-29');
      home.follow(since);
      await change('BASIC');
      expect(await services()).to.deep.equal(['CALLER-ID']);
    });

    it('keeps what he has bought, if it brought less already when he came to it', async () => {
      home.follow(since);
      await change('OLD');
      // At half past midnight in Moscow.
      await changed('occurred_at', '2025-06-29T21:30:00.000Z');
      await turn('MUSIC', 'on');
      expect(await balance()).to.equal('850.00');
      await change('BASIC');
      expect(await services()).to.deep.equal(['CALLER-ID', 'MUSIC']);
    });
  });

  it('gets no plan in another currency than his account', async () => {
    const dear = {
      ...rub,
      currency: 'USD',
      code: 'DOLLAR',
      name: 'Доллар',
      validFrom,
      services: [],
    };
    const next = referenceWith({ 'rate-plans': [...plans, dear] });
    for (const branch of [home, away]) branch.follow(next);
    expect((await refusalBy(change('DOLLAR'))).code).to.equal('wrong-currency');
    const { id } = await away.write((tx) =>
      away.desk.moveNumber(
        tx,
        { msisdn, iccid: simCard(2, 1).iccid, ratePlan: 'DOLLAR', whose: { customer: ivanov } },
        by,
      ),
    );
    const { decision } = await away.concluded(id);
    expect(decision).to.deep.equal({ outcome: 'refused', reason: 'wrong-currency' });
  });

  describe('whose number range goes to another branch', () => {
    const plan = [
      { from: '79250000000', to: '79250000004', branch: 'MSK' },
      { from: '79250000005', to: '79250000005', branch: 'SPB' },
      { from: '79250000006', to: '79250099999', branch: 'MSK' },
    ];
    beforeEach(async () => {
      await home.stock([], [own, other]);
      home.follow(referenceWith({ 'numbering-plan': plan }));
    });

    it('finds the numbers that were in the pool at their new home', async () => {
      expect(await home.store.read((tx) => home.subscribers.homeOf(tx, own))).to.equal('SPB');
      expect(await home.store.read((tx) => home.subscribers.homeOf(tx, msisdn))).to.equal('MSK');
    });

    it('gets none of them from the pool', async () => {
      const wish = { iccid: simCard(1, 2).iccid, ratePlan: 'BASIC', whose: { customer: ivanov } };
      const record = await home.write((tx) => home.desk.register(tx, wish, { by }));
      expect(record).to.include({ msisdn: other, state: 'concluded' });
      const again = { ...wish, iccid: simCard(1, 3).iccid };
      const refusal = await refusalBy(home.write((tx) => home.desk.register(tx, again, { by })));
      expect(refusal.code).to.equal('number-taken');
    });

    it('gets another one, where one of them was kept for him', async () => {
      const reserve = (msisdn?: string) =>
        home.write((tx) => home.numbers.reserve(tx, { customerId: 'one', msisdn }));
      home.follow(reference);
      expect(await reserve(own)).to.equal(own);
      home.follow(referenceWith({ 'numbering-plan': plan }));
      await home.stock([], ['79250000007']);
      expect(await reserve()).to.equal(other);
      expect(await reserve(), 'asked again').to.equal(other);
    });

    it('gets none of them by the word of another branch', async () => {
      home.follow(reference);
      const wish = { iccid: simCard(2, 1).iccid, ratePlan: 'BASIC', homeBranch: msk, msisdn: own };
      const asked = { ...wish, whose: { customer: ivanov } };
      const elsewhere = await away.desk.enterElsewhere(msk, asked, { by, requestId: 'one' });
      home.follow(referenceWith({ 'numbering-plan': plan }));
      const { id } = await away.write((tx) => away.desk.register(tx, asked, { by, elsewhere }));
      const { decision } = await away.concluded(id);
      expect(decision).to.deep.equal({ outcome: 'refused', reason: 'number-taken' });
      expect(await away.simState(simCard(2, 1).iccid)).to.equal('in-stock');
    });

    it('is registered where his data is, or nowhere', async () => {
      home.follow(reference);
      away.follow(referenceWith({ 'numbering-plan': plan }));
      await away.write((tx) => away.numbers.receive(tx, [own]));
      const wish = { iccid: simCard(2, 1).iccid, ratePlan: 'BASIC', homeBranch: msk, msisdn: own };
      const asked = { ...wish, whose: { customer: ivanov } };
      const elsewhere = await away.desk.enterElsewhere(msk, asked, { by, requestId: 'one' });
      const record = await away.write((tx) => away.desk.register(tx, asked, { by, elsewhere }));
      expect(record.home).to.equal('MSK');
    });
  });

  it('is found at his present home, though the branch he had gone to was cut off since', async () => {
    const { id } = await away.write((tx) =>
      away.desk.moveNumber(
        tx,
        { msisdn, iccid: simCard(2, 1).iccid, whose: { customer: ivanov } },
        by,
      ),
    );
    await away.concluded(id);
    const homeOf = () => home.store.read((tx) => home.subscribers.homeOf(tx, msisdn));
    expect(await homeOf()).to.equal(spb);
    const active = (code: string) => code !== 'SPB';
    const branches = reference
      .rows('branches')
      .map((row) => ({ ...row, active: active(row.code) }));
    home.follow(referenceWith({ branches }));
    expect(await homeOf(), 'nobody says that he went on').to.equal(spb);
    home.follow(referenceWith({ branches, 'ported-numbers': [{ msisdn, branch: 'NSK' }] }));
    expect(await homeOf()).to.equal(nsk);
    const refusal = await refusalBy(
      home.store.read((tx) => home.subscribers.requireHere(tx, msisdn)),
    );
    expect(refusal.members).to.deep.equal({ movedTo: 'NSK' });
  });
});
