import { expect } from 'chai';
import {
  cash,
  customer,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

describe('numbers that move', () => {
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

  async function concluded(at: string, id: string) {
    await until('it is concluded', async () => {
      return (await manager(at).get(`/api/v1/operations/${id}`)).body.state === 'concluded';
    });
    return (await manager(at).get(`/api/v1/operations/${id}`)).body;
  }

  async function move(msisdn: string, to: string): Promise<void> {
    const iccid = await receiveSim(federation.branch(to));
    const moved = await manager(to).post('/api/v1/number-moves', { msisdn, iccid, customer });
    expect(moved.status, JSON.stringify(moved.body)).to.equal(201);
    expect((await concluded(to, moved.body.operationId)).outcome).to.equal('executed');
    await federation.untilQuiet();
  }

  async function publish(): Promise<void> {
    await federation.publish();
    const { items } = (await federation.hq.manager.get('/api/v1/reference-releases')).body;
    await until('every branch has the release', () =>
      codes.every((code) => {
        return federation.running(code).references.current()?.version === items[0].version;
      }),
    );
  }

  async function draftRows(msisdn: string) {
    const path = '/api/v1/reference-draft/datasets/ported-numbers';
    const { rows } = (await federation.hq.manager.get(path)).body;
    return rows.filter((row: { msisdn: string }) => row.msisdn === msisdn);
  }

  const changes = async () =>
    (await federation.hq.manager.get('/api/v1/reference-draft/changes')).body.items;

  it('are found at their new home at once, after the next release', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    expect(await changes()).to.deep.equal([]);
    await move(msisdn, 'NSK');
    expect(await draftRows(msisdn)).to.deep.equal([{ msisdn, branch: 'NSK' }]);
    expect(await changes()).to.have.nested.property('[0].added', 1);
    await publish();
    expect(await changes()).to.deep.equal([]);
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('5.00') });
    expect(paid.body).to.include({ homeBranch: 'NSK', attempt: 1 });
    const file = await concluded('SPB', paid.body.operationId);
    expect(file).to.include({ outcome: 'credited', homeBranch: 'NSK', attempt: 1 });
  }).timeout(120_000);

  it('take no payment with them that is being cancelled: it is paid back', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await move(msisdn, 'NSK');
    await federation.stopNode('MSK');
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('5.00') });
    expect(paid.body, JSON.stringify(paid.body)).to.include({ homeBranch: 'MSK' });
    const path = `/api/v1/payments/${paid.body.operationId}`;
    const cancelled = await manager('SPB').post(`${path}/cancellation`, {});
    expect(cancelled.status, JSON.stringify(cancelled.body)).to.equal(201);
    await federation.startNode('MSK');
    expect((await concluded('SPB', cancelled.body.operationId)).outcome).to.equal('executed');
    expect((await concluded('SPB', paid.body.operationId)).outcome).to.not.equal('credited');
    await until('the money left the desk', async () => {
      return (await manager('SPB').get(path)).body.payout?.state === 'released';
    });
  }).timeout(120_000);

  it('need no row once they are back in the branch of their range', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await move(msisdn, 'NSK');
    await publish();
    await move(msisdn, 'MSK');
    expect(await draftRows(msisdn)).to.deep.equal([]);
    expect(await changes()).to.have.nested.property('[0].removed', 1);
    await publish();
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('5.00') });
    const file = await concluded('SPB', paid.body.operationId);
    expect(file).to.include({ outcome: 'credited', homeBranch: 'MSK', attempt: 1 });
  }).timeout(120_000);

  it('are decided by a branch that was away with the release they were priced by', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.stopNode('MSK');
    const path = '/api/v1/reference-draft/datasets/rate-plans';
    const { rows } = (await federation.hq.manager.get(path)).body;
    const [basic] = rows.filter((row: { code: string }) => row.code === 'BASIC');
    await federation.hq.manager.put(path, { rows: [...rows, { ...basic, code: 'BRAND-NEW' }] });
    await federation.publish();
    await until('SPB has the new plan', async () => {
      const { items } = (await manager('SPB').get('/api/v1/rate-plans')).body;
      return items.some((item: { code: string }) => item.code === 'BRAND-NEW');
    });
    const wish = { msisdn, ratePlan: 'BRAND-NEW' };
    const asked = await manager('SPB').post('/api/v1/rate-plan-changes', wish);
    expect(asked.status, JSON.stringify(asked.body)).to.equal(201);
    await federation.startNode('MSK');
    expect((await concluded('SPB', asked.body.operationId)).outcome).to.equal('executed');
  }).timeout(120_000);
});
