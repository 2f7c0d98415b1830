import { expect } from 'chai';
import { accounts } from '../../../shared/ledger/ledger.ts';
import { ledgerFaults } from '../../../shared/ledger/ledger-store.ts';
import type { Transaction } from '../../../shared/store/store.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import {
  type Branch,
  by,
  clerk,
  ivanov,
  msk,
  nsk,
  openBranch,
  simCard,
  spb,
} from './branches-fixture.ts';
import { createNetwork } from './network-fixture.ts';

const msisdn = '79250000001';
const first = simCard(1, 1);
const second = simCard(1, 2);

describe('operations at home', () => {
  let branch: Branch;
  beforeEach(async () => {
    branch = await openBranch(msk, createNetwork(), await federationKeys([msk, spb, nsk]));
    await branch.stock([first, second], [msisdn, '79250000002']);
    await branch.register(msisdn, first.iccid);
  });
  afterEach(async () => {
    expect(await branch.store.read(ledgerFaults)).to.deep.equal([]);
    await branch.close();
  });

  const act = <T>(fn: (tx: Transaction, desk: Branch['desk']) => Promise<T>) =>
    branch.write((tx) => fn(tx, branch.desk));

  it('registers at once: number, card, account, plan', async () => {
    const card = await branch.card(msisdn);
    expect(card).to.deep.include({
      ...{ msisdn, homeBranch: 'MSK', status: 'active', ratePlan: 'BASIC', servedLive: true },
      ...{ services: ['CALLER-ID'], sim: first, balance: { amount: '0.00', currency: 'RUB' } },
    });
    expect(card.customer).to.deep.equal({ number: 'MSK-1', incomplete: false, ...ivanov });
    expect(await branch.simState(first.iccid)).to.equal('in-use');
  });

  it('registers any free number, and nothing when anything is wrong', async () => {
    const wish = { ratePlan: 'BASIC', whose: { customer: ivanov } };
    const register = (changes: object) =>
      act((tx, desk) =>
        desk.register(
          tx,
          { ...wish, iccid: second.iccid, ...changes },
          { by, elsewhere: undefined },
        ),
      );
    const refusals = {
      'number-taken': { msisdn },
      'unknown-rate-plan': { ratePlan: 'NONE' },
      'sim-not-available': { iccid: first.iccid },
      'sim-not-found': { iccid: simCard(1, 9).iccid },
      'invalid-input': {
        whose: { customer: { ...ivanov, document: { type: 'ticket', number: '1' } } },
      },
      'not-found': { whose: { customerNumber: 'MSK-99' } },
    };
    for (const [code, changes] of Object.entries(refusals)) {
      expect((await refusalBy(register(changes))).code).to.equal(code);
    }
    expect(await branch.simState(second.iccid)).to.equal('in-stock');
    const record = await register({ whose: { customerNumber: 'MSK-1' } });
    expect(record).to.include({ msisdn: '79250000002', state: 'concluded' });
    expect((await branch.card('79250000002')).customer.number).to.equal('MSK-1');
    expect((await refusalBy(register({ iccid: first.iccid }))).code).to.equal('sim-not-available');
  });

  it('replaces a SIM for the tariff, out of the balance', async () => {
    const replace = () =>
      act((tx, desk) => desk.replaceSim(tx, { msisdn, iccid: second.iccid, reason: 'lost' }, by));
    expect((await refusalBy(replace())).code).to.equal('insufficient-balance');
    expect(await branch.simState(second.iccid)).to.equal('in-stock');

    await branch.topUp(msisdn, 10_000n);
    const { decision } = await replace();
    expect(decision).to.deep.include({ outcome: 'executed' });
    expect(await branch.simState(first.iccid)).to.equal('retired');
    expect(await branch.simState(second.iccid)).to.equal('in-use');
    const card = await branch.card(msisdn);
    expect(card).to.deep.include({ sim: second, balance: { amount: '0.00', currency: 'RUB' } });
    expect(await branch.balances()).to.deep.include({
      [accounts.revenue]: -10_000n,
      subscribers: 0n,
    });
  });

  it('changes the plan for its fee, to the last kopeck and no further', async () => {
    const change = (ratePlan: string) =>
      act((tx, desk) => desk.changeRatePlan(tx, { msisdn, ratePlan }, by));
    expect((await refusalBy(change('NONE'))).code).to.equal('unknown-rate-plan');
    expect((await refusalBy(change('BASIC'))).code).to.equal('rate-plan-unchanged');
    await branch.topUp(msisdn, 9_999n);
    expect((await refusalBy(change('UNLIMITED'))).code).to.equal('insufficient-balance');
    expect((await branch.card(msisdn)).ratePlan).to.equal('BASIC');
    await branch.topUp(msisdn, 1n);
    await change('UNLIMITED');
    const card = await branch.card(msisdn);
    expect(card).to.deep.include({ ratePlan: 'UNLIMITED', services: ['CALLER-ID', 'MUSIC'] });
    expect(card.balance.amount).to.equal('0.00');
    await change('BASIC');
    expect((await branch.card(msisdn)).services).to.deep.equal(['CALLER-ID']);
  });

  it('switches services: for their fee, free if the plan brings them', async () => {
    const turn = (service: string, action: 'on' | 'off') =>
      act((tx, desk) => desk.changeService(tx, { msisdn, service, action }, by));
    await branch.topUp(msisdn, 16_000n);
    expect((await refusalBy(turn('NONE', 'on'))).code).to.equal('unknown-service');
    expect((await refusalBy(turn('CALLER-ID', 'on'))).code).to.equal('service-unchanged');
    expect((await refusalBy(turn('MUSIC', 'off'))).code).to.equal('service-unchanged');
    await turn('VOICEMAIL', 'on');
    expect((await branch.card(msisdn)).balance.amount).to.equal('100.00');
    expect((await refusalBy(turn('MUSIC', 'on'))).code).to.equal('insufficient-balance');
    await turn('CALLER-ID', 'off');
    await turn('CALLER-ID', 'on');
    await turn('VOICEMAIL', 'off');
    const card = await branch.card(msisdn);
    expect([card.balance.amount, card.services]).to.deep.equal(['100.00', ['CALLER-ID']]);
  });

  it('blocks and unblocks; a blocked subscriber gets a card but no changes', async () => {
    const turn = (action: 'block' | 'unblock', reason = 'lost-phone') =>
      act((tx, desk) => desk.block(tx, { msisdn, action, reason }, by));
    expect((await refusalBy(turn('unblock'))).code).to.equal('subscriber-not-blocked');
    expect((await refusalBy(turn('block', 'mood'))).code).to.equal('invalid-input');
    await turn('block');
    expect((await refusalBy(turn('block'))).code).to.equal('subscriber-blocked');
    const change = act((tx, desk) =>
      desk.changeRatePlan(tx, { msisdn, ratePlan: 'UNLIMITED' }, by),
    );
    expect((await refusalBy(change)).code).to.equal('subscriber-blocked');
    await branch.topUp(msisdn, 10_000n);
    await act((tx, desk) => desk.replaceSim(tx, { msisdn, iccid: second.iccid }, by));
    expect((await branch.card(msisdn)).status).to.equal('blocked');
    await turn('unblock');
    expect((await branch.card(msisdn)).status).to.equal('active');
    const { items } = await branch.store.read((tx) =>
      branch.subscribers.historyOf(tx, msisdn, clerk.permissions),
    );
    expect(items.map(({ what, after }) => [what, after])).to.deep.equal([
      ['status', 'active'],
      ['sim', second.iccid],
      ['status', 'blocked'],
      ['start', 'BASIC'],
    ]);
  });

  it('moves no number that is at home already', async () => {
    const move = act((tx, desk) =>
      desk.moveNumber(tx, { msisdn, iccid: second.iccid, whose: { customer: ivanov } }, by),
    );
    expect((await refusalBy(move)).code).to.equal('already-at-home');
  });

  it('knows whose a number is', async () => {
    const home = (number: string) =>
      branch.store.read((tx) => branch.subscribers.homeOf(tx, number));
    expect(await home(msisdn)).to.equal('MSK');
    expect(await home('79211000001')).to.equal('SPB');
    expect((await refusalBy(home('79250000009'))).code).to.equal('unknown-number');
    expect((await refusalBy(home('79030000001'))).code).to.equal('foreign-number');
    expect((await refusalBy(home('79990000001'))).code).to.equal('unknown-number');
    const here = branch.store.read((tx) => branch.subscribers.requireHere(tx, '79211000001'));
    const refusal = await refusalBy(here);
    expect([refusal.code, refusal.members]).to.deep.equal(['subscriber-moved', { movedTo: 'SPB' }]);
  });

  it('keeps personal data out of the log and out of the card of who may not see it', async () => {
    const log = JSON.stringify(await branch.ownEntries());
    for (const secret of ['Иванов', '123456', 'Тверская', 'ivanov@']) {
      expect(log).not.to.include(secret);
    }
    const permissions = new Set(['subscriber.read'] as const);
    const card = await branch.store.read((tx) =>
      branch.subscribers.cardOf(tx, msisdn, permissions),
    );
    expect(card.customer).to.deep.equal({ number: 'MSK-1', name: 'И•••• И.', incomplete: false });
    expect(JSON.stringify(card)).not.to.include(first.iccid).and.not.to.include(first.imsi);
  });

  it('enters lost data again', async () => {
    const data = { ...ivanov, name: 'Петров Пётр' };
    await branch.write((tx) =>
      branch.customers.correct(tx, 'MSK-1', {
        ...{ data, by: { id: clerk.operatorId, name: clerk.name, node: 'MSK' } },
      }),
    );
    expect((await branch.card(msisdn)).customer.name).to.equal('Петров Пётр');
    const found = await branch.store.read((tx) =>
      branch.subscribers.search(tx, { by: 'name', key: 'петров' }, { limit: 5 }),
    );
    expect(found.map((each) => each.msisdn)).to.deep.equal([msisdn]);
  });
});
