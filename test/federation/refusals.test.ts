import { expect } from 'chai';
import {
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

describe('payments that their home branch refuses', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
  });
  after(() => federation.stop());
  afterEach(async () => {
    await federation.untilQuiet();
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  });

  const manager = (code: string) => federation.branch(code).manager;
  const payment = async (at: string, id: string) =>
    (await manager(at).get(`/api/v1/payments/${id}`)).body;
  const concluded = async (at: string, id: string) => {
    await until('it is concluded', async () => (await payment(at, id)).state === 'concluded');
    return payment(at, id);
  };
  const balance = async (at: string, msisdn: string) =>
    (await manager(at).get(`/api/v1/subscribers/${msisdn}`)).body.balance.amount;

  /** A payment for a number that the home branch, being away, could not be asked about. */
  async function suspended(amount: string): Promise<string> {
    await federation.stopNode('MSK');
    const msisdn = nextNumber('MSK');
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash(amount) });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    await federation.startNode('MSK');
    const file = await concluded('SPB', paid.body.operationId);
    expect(file).to.include({
      outcome: 'refused',
      reason: 'unknown-number',
      disposition: 'suspended',
    });
    return paid.body.operationId;
  }

  it('refuses at once what the home branch, asked before, does not know', async () => {
    const msisdn = nextNumber('MSK');
    const answer = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('10.00') });
    expect(answer.status).to.equal(404);
    expect(answer.body.code).to.equal('unknown-number');
  });

  it('refunds money in suspense, once, after another node holds the refund', async () => {
    const id = await suspended('11.00');
    const listed = await manager('SPB').get('/api/v1/suspense');
    expect(listed.body.items.map((item: { operationId: string }) => item.operationId)).to.include(
      id,
    );
    const refunded = await manager('SPB').post(`/api/v1/suspense/${id}/refund`);
    expect(refunded.status, JSON.stringify(refunded.body)).to.equal(201);
    expect(refunded.body.disposition).to.equal('refunded');
    await until('the cash may leave', async () => {
      return (await payment('SPB', id)).payout.state === 'released';
    });
    const again = await manager('SPB').post(`/api/v1/suspense/${id}/refund`);
    expect(again.body.code).to.equal('operation-conflict');
  }).timeout(120_000);

  it('redirects money in suspense to the number that was meant', async () => {
    const id = await suspended('12.00');
    const msisdn = await registerSubscriber(federation.branch('NSK'));
    const redirected = await manager('SPB').post(`/api/v1/suspense/${id}/redirection`, { msisdn });
    expect(redirected.status, JSON.stringify(redirected.body)).to.equal(201);
    expect((await concluded('SPB', redirected.body.operationId)).outcome).to.equal('credited');
    expect((await payment('SPB', id)).disposition).to.equal('redirected');
    expect(await balance('MSK', msisdn)).to.equal('12.00');
  }).timeout(120_000);

  it('follows a number that has moved to another branch, with its balance', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const first = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('30.00') });
    await concluded('SPB', first.body.operationId);
    const moved = await manager('NSK').post('/api/v1/number-moves', {
      msisdn,
      iccid: await receiveSim(federation.branch('NSK')),
      customer,
    });
    expect(moved.status, JSON.stringify(moved.body)).to.equal(201);
    await until('the number has moved', async () => {
      const { body } = await manager('NSK').get(`/api/v1/operations/${moved.body.operationId}`);
      return body.state === 'concluded';
    });
    expect(await balance('SPB', msisdn)).to.equal('30.00');
    // The directory still says MSK: the payment goes there first.
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('5.00') });
    const file = await concluded('SPB', paid.body.operationId);
    expect(file).to.include({ outcome: 'credited', homeBranch: 'NSK', attempt: 2 });
    const own = await manager('NSK').post('/api/v1/payments', { msisdn, ...cash('1.00') });
    expect(own.body).to.include({ outcome: 'credited', homeBranch: 'NSK' });
    const old = await manager('MSK').post('/api/v1/payments', { msisdn, ...cash('2.00') });
    expect((await concluded('MSK', old.body.operationId)).outcome).to.equal('credited');
    expect(await balance('MSK', msisdn)).to.equal('38.00');
  }).timeout(120_000);

  it('refuses a cancellation of money that was used, and the payment stands', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('120.00') });
    await concluded('SPB', paid.body.operationId);
    const replaced = await manager('MSK').post('/api/v1/sim-replacements', {
      msisdn,
      iccid: await receiveSim(federation.branch('MSK')),
    });
    expect(replaced.status, JSON.stringify(replaced.body)).to.equal(201);
    expect(await balance('MSK', msisdn)).to.equal('20.00');
    const id = paid.body.operationId;
    const cancelled = await manager('SPB').post(`/api/v1/payments/${id}/cancellation`, {});
    await until('the answer is there', async () => {
      const { body } = await manager('SPB').get(`/api/v1/operations/${cancelled.body.operationId}`);
      return body.outcome === 'refused' && body.reason === 'insufficient-balance';
    });
    expect(await payment('SPB', id)).to.include({ disposition: 'taken', outcome: 'credited' });
  });

  it('refuses, and pays back, a payment that its own cancellation overtook', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.stopNode('MSK');
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('13.00') });
    const id = paid.body.operationId;
    const cancelled = await manager('SPB').post(`/api/v1/payments/${id}/cancellation`, {});
    expect(cancelled.status, JSON.stringify(cancelled.body)).to.equal(201);
    await federation.startNode('MSK');
    await until('it is paid back', async () => {
      return (await payment('SPB', id)).payout?.state === 'released';
    });
    expect(await balance('SPB', msisdn)).to.equal('0.00');
  }).timeout(120_000);
});
