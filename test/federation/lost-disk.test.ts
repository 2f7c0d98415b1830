import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  addOperator,
  cash,
  registerSubscriber,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

describe('a branch whose disk is lost, with no backup but of its identity', function () {
  this.timeout(120_000);
  let federation: TestFederation;

  before(async () => {
    federation = await startFederation(['MSK', 'SPB']);
  });
  after(() => federation.stop());

  it('is built again from what head office and the others hold of its log', async () => {
    const msk = federation.branch('MSK');
    const msisdn = await registerSubscriber(msk);
    const pay = async (code: string, amount: string) => {
      const { manager } = federation.branch(code);
      const answer = await manager.post('/api/v1/payments', { msisdn, ...cash(amount) });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    };
    await pay('SPB', '10.00');
    await pay('MSK', '3.00');
    await federation.untilQuiet();
    await federation.stopNode('MSK');
    await federation.loseStore('MSK');
    for (const name of readdirSync(msk.dataDir)) {
      if (name !== 'identity') rmSync(join(msk.dataDir, name), { recursive: true });
    }
    rmSync(String(msk.environment.STORE_SENTINEL));
    await pay('SPB', '1.00');
    expect(existsSync(join(msk.dataDir, 'store.db'))).to.equal(false);
    await federation.startNode('MSK');
    await until('it has a release', () => {
      return federation.running('MSK').references.current() !== undefined;
    });
    await federation.untilQuiet();
    const ask = () => federation.branch('SPB').manager.get(`/api/v1/subscribers/${msisdn}`);
    await until('it answers its peers', async () => (await ask()).status === 200);
    const seen = await ask();
    expect(seen.body).to.deep.include({
      homeBranch: 'MSK',
      status: 'active',
      balance: { amount: '14.00', currency: 'RUB' },
      ratePlan: 'BASIC',
    });
    expect(seen.body.customer, 'no log holds personal data').to.include({ incomplete: true });
    const signedIn = await signIn(msk.url, 'manager').catch((error: Error) => error.message);
    expect(signedIn, 'nor operators').to.match(/wrong-credentials/);
    await addOperator(federation.running('MSK'), { login: 'manager', role: 'branch-manager' });
    msk.manager = await signIn(msk.url, 'manager');
    const path = '/api/v1/recovery';
    expect((await msk.manager.get(path)).body.recovering).to.equal(false);
    await pay('MSK', '2.00');
    await federation.untilQuiet();
    const nodes = ['MSK', 'SPB'].map((code) => ({
      code,
      store: federation.running(code).store,
    }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  });
});
