import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  cash,
  customer,
  nextNumber,
  password,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

describe('money and services that take a detour', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;

  async function concluded(at: string, id: string) {
    await until('it is concluded', async () => {
      return (await manager(at).get(`/api/v1/operations/${id}`)).body.state === 'concluded';
    });
    return (await manager(at).get(`/api/v1/operations/${id}`)).body;
  }

  async function made(at: string, path: string, body: object = {}, headers = {}) {
    const answer = await manager(at).post(path, body, headers);
    expect(answer.status, `${path}: ${JSON.stringify(answer.body)}`).to.be.within(200, 201);
    return answer.body;
  }

  const balances = async (code: string): Promise<Record<string, bigint>> => {
    const rows = await federation
      .running(code)
      .store.read((tx) =>
        tx.all<{ code: string; balance: bigint }>('SELECT code, balance FROM ledger_accounts'),
      );
    return Object.fromEntries(rows.map((row) => [row.code, row.balance]));
  };

  /** Cash, refused by MSK (its number is terminated while MSK is away from SPB's eyes), in suspense at SPB. */
  async function suspended(tender = 'cash'): Promise<string> {
    const msisdn = nextNumber('MSK');
    await federation.stopNode('MSK');
    const paid = await made('SPB', '/api/v1/payments', {
      msisdn,
      money: { amount: '50.00', currency: 'RUB' },
      tender: { kind: tender },
    });
    await federation.startNode('MSK');
    expect((await concluded('SPB', paid.operationId)).outcome).to.equal('refused');
    return paid.operationId;
  }

  it('pays back out of the till what was redirected first and then cancelled', async () => {
    const before = await balances('SPB');
    const first = await suspended();
    const msisdn = await registerSubscriber(federation.branch('NSK'));
    const second = await made('SPB', `/api/v1/suspense/${first}/redirection`, { msisdn });
    expect((await concluded('SPB', second.operationId)).outcome).to.equal('credited');
    await made('SPB', `/api/v1/payments/${second.operationId}/cancellation`);
    await until('the money left the desk', async () => {
      const { body } = await manager('SPB').get(`/api/v1/payments/${second.operationId}`);
      return body.payout?.state === 'released';
    });
    const after = await balances('SPB');
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    await federation.untilQuiet();
    expect(await moneyFaults(nodes), 'what the invariants see').to.deep.equal([]);
    expect({
      cash: (after['tender:cash'] ?? 0n) - (before['tender:cash'] ?? 0n),
      suspense: after['tender:suspense'] ?? 0n,
    }).to.deep.equal({ cash: 0n, suspense: 0n });
  }).timeout(120_000);

  it('earns for redirected cash what cash earns', async () => {
    const first = await suspended();
    const msisdn = await registerSubscriber(federation.branch('NSK'));
    const second = await made('SPB', `/api/v1/suspense/${first}/redirection`, { msisdn });
    expect((await concluded('SPB', second.operationId)).outcome).to.equal('credited');
    await federation.untilQuiet();
    const find = () =>
      federation
        .centre()
        .store.read((tx) =>
          tx.get<{ commission: bigint }>(
            'SELECT commission FROM obligations WHERE operation_id = ?',
            second.operationId,
          ),
        );
    await until('head office has matched it', async () => (await find()) !== undefined);
    expect((await find())?.commission, '1.5 % of 50.00').to.equal(75n);
  }).timeout(120_000);

  it('leaves a closed date as it was told when a payment follows its number afterwards', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const iccid = await receiveSim(federation.branch('NSK'));
    const move = await made('NSK', '/api/v1/number-moves', { msisdn, iccid, customer });
    expect((await concluded('NSK', move.operationId)).outcome).to.equal('executed');
    await federation.untilQuiet();
    await federation.stopNode('MSK');
    const paid = await made('SPB', '/api/v1/payments', { msisdn, ...cash('5.00') });
    expect(paid).to.include({ homeBranch: 'MSK' });
    const date = (await manager('SPB').get('/api/v1/business-days')).body.current;
    const closed = await made('SPB', `/api/v1/business-days/${date}/close`);
    await until('head office has it', async () => {
      const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${date}`);
      const day = body.branches.find((each: { branch: string }) => each.branch === 'SPB');
      return day.equal === true;
    });
    await federation.startNode('MSK');
    const file = await concluded('SPB', paid.operationId);
    expect(file).to.include({ outcome: 'credited', attempt: 2 });
    await federation.untilQuiet();
    const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${date}`);
    const day = body.branches.find((each: { branch: string }) => each.branch === 'SPB');
    expect(day.equal, JSON.stringify([day, closed.totals])).to.equal(true);
  }).timeout(120_000);

  it('refuses a key with another body before it changes anything', async () => {
    const path = '/api/v1/subscribers';
    const key = { 'idempotency-key': randomUUID() };
    const msisdn = nextNumber('MSK');
    await made('MSK', '/api/v1/numbers', { numbers: [msisdn, nextNumber('MSK')] });
    const wish = async (name: string) => ({
      msisdn,
      homeBranch: 'MSK',
      iccid: await receiveSim(federation.branch('SPB')),
      ratePlan: 'BASIC',
      customer: { ...customer, name },
    });
    const [one, another] = [await wish('Первый Человек'), await wish('Другой Человек')];
    const answers = await Promise.all([
      manager('SPB').post(path, one, key),
      manager('SPB').post(path, another, key),
    ]);
    const statuses = answers.map(({ status }) => status);
    expect(
      statuses.filter((status) => status === 201),
      JSON.stringify(answers),
    ).to.have.length(1);
    const won = statuses.indexOf(201);
    expect((await concluded('SPB', answers[won]?.body.operationId)).outcome).to.equal('executed');
    const card = (await manager('MSK').get(`/api/v1/subscribers/${msisdn}`)).body;
    expect(card.customer.name).to.equal([one, another][won]?.customer.name);
  }).timeout(120_000);

  it('enters nobody else in the place of a customer whose key was forgotten', async () => {
    const path = '/api/v1/subscribers';
    const key = { 'idempotency-key': 'order-1' };
    const msisdn = nextNumber('MSK');
    await made('MSK', '/api/v1/numbers', { numbers: [msisdn, nextNumber('MSK')] });
    const wish = async (name: string) => ({
      homeBranch: 'MSK',
      iccid: await receiveSim(federation.branch('SPB')),
      ratePlan: 'BASIC',
      customer: { ...customer, name },
    });
    const registered = await made('SPB', path, { ...(await wish('Первый Человек')), msisdn }, key);
    expect((await concluded('SPB', registered.operationId)).outcome).to.equal('executed');
    // As the purge does eight days later.
    await federation.running('SPB').store.write((tx) => tx.run('DELETE FROM idempotency_keys'));
    const again = await manager('SPB').post(path, await wish('Другой Человек'), key);
    const outcome = again.status === 201 ? await concluded('SPB', again.body.operationId) : again;
    const card = (await manager('MSK').get(`/api/v1/subscribers/${msisdn}`)).body;
    expect(card.customer.name, JSON.stringify(outcome)).to.equal('Первый Человек');
  }).timeout(120_000);

  it('takes no number into the pool that is in service', async () => {
    const msisdn = await registerSubscriber(federation.branch('SPB'));
    const iccid = await receiveSim(federation.branch('NSK'));
    const move = await made('NSK', '/api/v1/number-moves', { msisdn, iccid, customer });
    expect((await concluded('NSK', move.operationId)).outcome).to.equal('executed');
    await federation.untilQuiet();
    await publish();
    await made('NSK', '/api/v1/numbers', { numbers: [nextNumber('NSK')] });
    await manager('NSK').post('/api/v1/numbers', { numbers: [msisdn] });
    const walkIn = await manager('NSK').post('/api/v1/subscribers', {
      iccid: await receiveSim(federation.branch('NSK')),
      ratePlan: 'BASIC',
      customer,
    });
    expect(walkIn.status, JSON.stringify(walkIn.body)).to.equal(201);
  }).timeout(120_000);

  it('takes the services of a plan that is not offered any more away with the plan', async () => {
    const msisdn = nextNumber('MSK');
    await made('MSK', '/api/v1/numbers', { numbers: [msisdn] });
    await made('MSK', '/api/v1/subscribers', {
      msisdn,
      iccid: await receiveSim(federation.branch('MSK')),
      ratePlan: 'UNLIMITED',
      customer,
    });
    const path = '/api/v1/reference-draft/datasets/rate-plans';
    const { rows } = (await federation.hq.manager.get(path)).body;
    const changed = rows.map((row: { code: string }) =>
      row.code === 'UNLIMITED' ? { ...row, validTo: '2025-12-31' } : row,
    );
    const put = await federation.hq.manager.put(path, { rows: changed });
    expect(put.status, JSON.stringify(put.body)).to.be.below(300);
    await publish();
    await made('MSK', '/api/v1/rate-plan-changes', { msisdn, ratePlan: 'BASIC' });
    const card = (await manager('MSK').get(`/api/v1/subscribers/${msisdn}`)).body;
    expect(card.services).to.deep.equal(['CALLER-ID']);
  }).timeout(120_000);

  it('asks the home branch again when a person cancels again after a refusal', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const paid = await made('SPB', '/api/v1/payments', { msisdn, ...cash('60.00') });
    await concluded('SPB', paid.operationId);
    const service = { msisdn, service: 'VOICEMAIL', action: 'on' };
    await made('MSK', '/api/v1/service-changes', service);
    const { url } = federation.branch('SPB');
    const form = (body: Record<string, string>, headers = {}) => ({
      ...{ method: 'POST', redirect: 'manual' as const, body: new URLSearchParams(body) },
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url, ...headers },
    });
    const session = await fetch(`${url}/sign-in`, form({ login: 'manager', password }));
    const cookie = (session.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
    const page = `${url}/payments/${paid.operationId}`;
    const cancelByPage = async () => {
      const html = await (await fetch(page, { headers: { cookie } })).text();
      const key = /name="key" value="([^"]*)"/.exec(html)?.[1];
      expect(key, 'the page offers to cancel').to.be.a('string');
      const body = { key: key ?? '', reason: 'wrong number' };
      const answer = await fetch(`${page}/cancellation`, form(body, { cookie }));
      expect(answer.status, await answer.text()).to.equal(303);
    };
    const payment = async () =>
      (await manager('SPB').get(`/api/v1/payments/${paid.operationId}`)).body;
    const cancellations = async () => {
      const path = `/api/v1/operations?msisdn=${msisdn}`;
      const { items } = (await manager('SPB').get(path)).body;
      return items.filter(({ kind }: { kind: string }) => kind === 'payment-cancellation');
    };
    await cancelByPage();
    await until('it is refused', async () => (await cancellations())[0]?.outcome === 'refused');
    expect((await payment()).cancelledBy, 'it may be cancelled again').to.equal(undefined);
    // The money is there again.
    await made('MSK', '/api/v1/payments', { msisdn, ...cash('60.00') });
    await cancelByPage();
    expect(await cancellations(), 'the second wish became an operation').to.have.length(2);
    await until('it is paid back', async () => (await payment()).disposition === 'paid-back');
  }).timeout(120_000);

  async function publish(): Promise<void> {
    await federation.publish();
    const { items } = (await federation.hq.manager.get('/api/v1/reference-releases')).body;
    await until('every branch has the release', () =>
      codes.every(
        (code) => federation.running(code).references.current()?.version === items[0].version,
      ),
    );
  }
});
