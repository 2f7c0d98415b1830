import { expect } from 'chai';
import {
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB'] as const;

describe('everything that is done for a subscriber of another branch', () => {
  let federation: TestFederation;
  let msisdn: string;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
  });
  after(() => federation.stop());
  beforeEach(async () => {
    msisdn = await registerSubscriber(federation.branch('MSK'));
    await done('SPB', 'payments', { msisdn, ...cash('1000.00') });
  });
  afterEach(async () => {
    await federation.untilQuiet();
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  });

  const manager = (code: string) => federation.branch(code).manager;
  const card = async (at: string) => (await manager(at).get(`/api/v1/subscribers/${msisdn}`)).body;

  /** Asks for an operation and waits for its end. */
  async function done(at: string, path: string, body: object) {
    const answer = await manager(at).post(`/api/v1/${path}`, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    const { operationId } = answer.body;
    await until(`${path} is concluded`, async () => {
      const found = await manager(at).get(`/api/v1/operations/${operationId}`);
      return found.body.state === 'concluded';
    });
    return (await manager(at).get(`/api/v1/operations/${operationId}`)).body;
  }

  it('shows a whole card to nobody who may not see what is personal', async () => {
    const { iccid, imsi } = (await card('MSK')).sim;
    const cashier = await signIn(federation.branch('MSK').url, 'cashier');
    const path = `/api/v1/operations?msisdn=${msisdn}`;
    const whole = JSON.stringify((await manager('MSK').get(path)).body);
    expect(whole).to.include(iccid).and.to.include(imsi);
    const { body } = await cashier.get(path);
    const { operationId } = body.items.find(
      ({ kind }: { kind: string }) => kind === 'registration',
    );
    const one = (await cashier.get(`/api/v1/operations/${operationId}`)).body;
    for (const told of [body, one].map((each) => JSON.stringify(each))) {
      expect(told).not.to.include(iccid).and.not.to.include(imsi);
      expect(told).to.include('•');
    }
  });

  it('reads the card live from the home branch, which audits who looked', async () => {
    expect(await card('SPB')).to.deep.include({
      msisdn,
      homeBranch: 'MSK',
      status: 'active',
      balance: { amount: '1000.00', currency: 'RUB' },
      ratePlan: 'BASIC',
    });
    const path = `/api/v1/audit?action=subscriber.look-up&subject=${msisdn}`;
    const { items } = (await manager('MSK').get(path)).body;
    expect(items.map((item: { actor: { node: string } }) => item.actor.node)).to.include('SPB');
  });

  it('says that the home branch cannot be reached instead of showing an old card', async () => {
    await federation.stopNode('MSK');
    const answer = await manager('SPB').get(`/api/v1/subscribers/${msisdn}`);
    expect(answer.status).to.equal(503);
    expect(answer.body.code).to.equal('home-unreachable');
    await federation.startNode('MSK');
  }).timeout(120_000);

  it("replaces the SIM with a card of the serving branch's stock, for the customer's fee", async () => {
    const iccid = await receiveSim(federation.branch('SPB'));
    const operation = await done('SPB', 'sim-replacements', { msisdn, iccid });
    expect(operation.outcome).to.equal('executed');
    const after = await card('MSK');
    expect(after.sim.iccid).to.equal(iccid);
    expect(after.balance.amount).to.equal('900.00');
    const { items } = (await manager('SPB').get('/api/v1/sim-cards?limit=200')).body;
    const used = items.find((item: { iccid: string }) => item.iccid === iccid);
    expect(used.state).to.equal('transferred');
  });

  it('releases the card when the home branch refuses the replacement', async () => {
    const poor = await registerSubscriber(federation.branch('MSK'));
    const iccid = await receiveSim(federation.branch('SPB'));
    const operation = await done('SPB', 'sim-replacements', { msisdn: poor, iccid });
    expect(operation).to.include({ outcome: 'refused', reason: 'insufficient-balance' });
    const { items } = (await manager('SPB').get('/api/v1/sim-cards?limit=200')).body;
    const back = items.find((item: { iccid: string }) => item.iccid === iccid);
    expect(back.state).to.equal('in-stock');
  });

  it('changes the rate plan and switches services', async () => {
    const changed = await done('SPB', 'rate-plan-changes', { msisdn, ratePlan: 'UNLIMITED' });
    expect(changed.outcome).to.equal('executed');
    const { items } = (await manager('SPB').get('/api/v1/services')).body;
    const after = await card('SPB');
    expect(after.ratePlan).to.equal('UNLIMITED');
    expect(after.balance.amount).to.equal('900.00');
    const extra = items.find((item: { code: string }) => !after.services.includes(item.code)).code;
    const on = { msisdn, service: extra, action: 'on' };
    expect((await done('SPB', 'service-changes', on)).outcome).to.equal('executed');
    expect((await card('SPB')).services).to.include(extra);
    const off = { msisdn, service: extra, action: 'off' };
    expect((await done('SPB', 'service-changes', off)).outcome).to.equal('executed');
    expect((await card('SPB')).services).not.to.include(extra);
  });

  it('blocks and unblocks; a blocked subscriber can still be paid for', async () => {
    const reason = (await manager('SPB').get('/api/v1/subscribers?query=1')).status;
    expect(reason).to.equal(200);
    const block = { msisdn, action: 'block', reason: 'customer-request' };
    expect((await done('SPB', 'blocks', block)).outcome).to.equal('executed');
    expect((await card('SPB')).status).to.equal('blocked');
    expect((await done('SPB', 'blocks', block)).reason).to.equal('subscriber-blocked');
    const paid = await done('SPB', 'payments', { msisdn, ...cash('1.00') });
    expect(paid.outcome).to.equal('credited');
    const unblock = { msisdn, action: 'unblock', reason: 'customer-request' };
    expect((await done('SPB', 'blocks', unblock)).outcome).to.equal('executed');
    expect((await card('SPB')).status).to.equal('active');
  });

  it('ends a contract: from then on everything is refused with its own code', async () => {
    const ended = await done('SPB', 'terminations', { msisdn });
    expect(ended.outcome).to.equal('executed');
    expect((await card('SPB')).status).to.equal('terminated');
    for (const at of codes) {
      const paid = await manager(at).post('/api/v1/payments', { msisdn, ...cash('1.00') });
      expect(paid.body.code).to.equal('subscriber-terminated');
      const block = { msisdn, action: 'block' };
      const asked = await manager(at).post('/api/v1/blocks', block);
      if (at === 'MSK') expect(asked.body.code).to.equal('subscriber-terminated');
    }
  });

  it('registers a subscriber of another branch; his data is kept there alone', async () => {
    const number = nextNumber('MSK');
    await manager('MSK').post('/api/v1/numbers', { numbers: [number] });
    const iccid = await receiveSim(federation.branch('SPB'));
    const wish = { msisdn: number, iccid, ratePlan: 'SMART', customer };
    const operation = await done('SPB', 'subscribers', wish);
    expect(operation).to.include({ outcome: 'executed', homeBranch: 'MSK' });
    const found = (await manager('MSK').get(`/api/v1/subscribers/${number}`)).body;
    expect(found.customer.name).to.equal(customer.name);
    const seen = (await manager('SPB').get(`/api/v1/subscribers/${number}`)).body;
    expect(seen.customer.name).to.equal(customer.name);
    for (const code of ['SPB', 'HQ']) {
      const node = code === 'HQ' ? federation.centre() : federation.running(code);
      const rows = await node.store.read((tx) =>
        tx.all<{ entry: string }>(
          'SELECT entry FROM inbound_entries UNION ALL SELECT entry FROM log_entries',
        ),
      );
      expect(rows.length).to.be.greaterThan(0);
      const text = rows.map((row) => row.entry).join();
      expect(text).not.to.include(customer.name);
      expect(text).not.to.include(customer.document.number);
    }
  });

  it('finds subscribers of the own branch by number, tail, name and card', async () => {
    const find = async (query: string) => {
      const path = `/api/v1/subscribers?query=${encodeURIComponent(query)}&limit=200`;
      const { items } = (await manager('MSK').get(path)).body;
      return items.map((item: { msisdn: string }) => item.msisdn);
    };
    expect(await find(msisdn)).to.deep.equal([msisdn]);
    expect(await find(msisdn.slice(-6))).to.include(msisdn);
    expect(await find('тестов')).to.include(msisdn);
    expect(await find((await card('MSK')).sim.iccid)).to.deep.equal([msisdn]);
  });
});
