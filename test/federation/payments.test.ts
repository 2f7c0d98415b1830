import { expect } from 'chai';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

describe('payments across branches', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation();
  });
  after(() => federation.stop());

  const concluded = async (code: string, id: string) => {
    const node = federation.branch(code);
    await until('the payment is concluded', async () => {
      const { body } = await node.manager.get(`/api/v1/operations/${id}`);
      return body.state === 'concluded';
    });
    return (await node.manager.get(`/api/v1/payments/${id}`)).body;
  };
  const balance = async (code: string, msisdn: string) =>
    (await federation.branch(code).manager.get(`/api/v1/subscribers/${msisdn}`)).body.balance;

  it('credits a payment at the home branch at once', async () => {
    const msk = federation.branch('MSK');
    const msisdn = await registerSubscriber(msk);
    const paid = await msk.manager.post('/api/v1/payments', { msisdn, ...cash('500.00') });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    expect(paid.body).to.include({ state: 'concluded', outcome: 'credited', homeBranch: 'MSK' });
    expect(paid.body.receipt.kind).to.equal('credited');
    expect(await balance('MSK', msisdn)).to.deep.equal({ amount: '500.00', currency: 'RUB' });
  });

  it('credits a payment taken at another branch, and both clearing accounts mirror', async () => {
    const [msk, spb] = [federation.branch('MSK'), federation.branch('SPB')];
    const msisdn = await registerSubscriber(msk);
    const paid = await spb.manager.post('/api/v1/payments', { msisdn, ...cash('250.00') });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    expect(paid.body).to.include({ state: 'accepted', homeBranch: 'MSK', servingBranch: 'SPB' });
    const file = await concluded('SPB', paid.body.operationId);
    expect(file.outcome).to.equal('credited');
    const atHome = await msk.manager.get(`/api/v1/operations/${paid.body.operationId}`);
    expect(atHome.body).to.include({ state: 'executed', outcome: 'credited' });
    expect(file.receipt.kind).to.equal('credited');
    expect(await balance('NSK', msisdn)).to.deep.equal({ amount: '250.00', currency: 'RUB' });
  });

  it('accepts a payment while the home branch is down and credits it when it is back', async () => {
    const [msk, spb] = [federation.branch('MSK'), federation.branch('SPB')];
    const msisdn = await registerSubscriber(msk);
    await federation.stopNode('MSK');
    const paid = await spb.manager.post('/api/v1/payments', { msisdn, ...cash('75.50') });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    expect(paid.body.state).to.equal('accepted');
    await federation.startNode('MSK');
    expect((await concluded('SPB', paid.body.operationId)).outcome).to.equal('credited');
    expect(await balance('SPB', msisdn)).to.deep.equal({ amount: '75.50', currency: 'RUB' });
  }).timeout(120_000);

  it('pays a cancelled payment back after the home branch took the money from the account', async () => {
    const [msk, spb] = [federation.branch('MSK'), federation.branch('SPB')];
    const msisdn = await registerSubscriber(msk);
    const paid = await spb.manager.post('/api/v1/payments', { msisdn, ...cash('40.00') });
    await concluded('SPB', paid.body.operationId);
    const path = `/api/v1/payments/${paid.body.operationId}/cancellation`;
    const cancelled = await spb.manager.post(path, { reason: 'wrong number' });
    expect(cancelled.status, JSON.stringify(cancelled.body)).to.equal(201);
    const { operationId } = cancelled.body;
    await until('the money is paid back', async () => {
      const { body } = await spb.manager.get(`/api/v1/payments/${paid.body.operationId}`);
      return body.payout?.state === 'released';
    });
    expect((await spb.manager.get(`/api/v1/operations/${operationId}`)).body.outcome).to.equal(
      'executed',
    );
    expect(await balance('SPB', msisdn)).to.deep.equal({ amount: '0.00', currency: 'RUB' });
  });
});
