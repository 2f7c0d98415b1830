import { expect } from 'chai';
import {
  cash,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

/** Closes a date at every branch. In the east the next one may have begun: it is closed too. */
async function closeDays(federation: TestFederation): Promise<string> {
  const current = async (code: string): Promise<string> =>
    (await federation.branch(code).manager.get('/api/v1/business-days')).body.current;
  const date = await current('MSK');
  for (const code of codes) {
    for (const each of new Set([date, await current(code)])) {
      const { manager } = federation.branch(code);
      const closed = await manager.post(`/api/v1/business-days/${each}/close`);
      expect(closed.status, JSON.stringify(closed.body)).to.equal(201);
    }
  }
  return date;
}

describe('a business day, from payments to a settlement that every branch confirms', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes, { CASE_GRACE_MS: '1000' });
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;
  let date: string;

  it('matches everything and finds every date complete', async () => {
    const [a, b] = [
      await registerSubscriber(federation.branch('MSK')),
      await registerSubscriber(federation.branch('NSK')),
    ];
    for (const [at, msisdn, amount] of [
      ['SPB', a, '1000.00'],
      ['SPB', b, '200.00'],
      ['MSK', b, '300.00'],
      ['NSK', a, '50.00'],
      ['MSK', a, '7.00'],
    ] as const) {
      const paid = await manager(at).post('/api/v1/payments', { msisdn, ...cash(amount) });
      expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    }
    const replaced = await manager('NSK').post('/api/v1/sim-replacements', {
      msisdn: a,
      iccid: await receiveSim(federation.branch('NSK')),
    });
    expect(replaced.status, JSON.stringify(replaced.body)).to.equal(201);
    await federation.untilQuiet();
    date = await closeDays(federation);
    await federation.untilQuiet();
    const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${date}`);
    expect(body.complete, JSON.stringify(body)).to.equal(true);
    expect((await federation.hq.manager.get('/api/v1/cases')).body.items).to.deep.equal([]);
  }).timeout(120_000);

  it('puts what comes after the closing into the next date', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('9.00') });
    expect(paid.body.businessDate > date).to.equal(true);
    const again = await manager('SPB').post(`/api/v1/business-days/${date}/close`);
    expect(again.body.code).to.equal('business-day-closed');
    await federation.untilQuiet();
  });

  it('settles a closed window with a maker and another person as checker', async () => {
    const hq = federation.hq.manager;
    const windows = (await hq.get('/api/v1/settlement-windows')).body.items;
    const open = windows.find((window: { state: string }) => window.state === 'OPEN');
    const closed = await hq.post(`/api/v1/settlement-windows/${open.id}/close`);
    expect(closed.status, JSON.stringify(closed.body)).to.be.lessThan(300);
    const made = await hq.post('/api/v1/settlements', { windowIds: [open.id] });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    const { id } = made.body;
    const own = await hq.post(`/api/v1/settlements/${id}/approval`);
    expect(own.body.code).to.equal('same-person');
    const approved = await federation.deputy.post(`/api/v1/settlements/${id}/approval`);
    expect(approved.status, JSON.stringify(approved.body)).to.be.lessThan(300);
    expect(approved.body.state).to.equal('SETTLED');
    for (const code of codes) {
      await until(`${code} confirms`, async () => {
        const { body } = await manager(code).get(`/api/v1/settlements/${id}`);
        return body.state === 'confirmed';
      });
    }
    await federation.untilQuiet();
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
    for (const code of codes) {
      const { body } = await manager(code).get('/api/v1/trial-balance');
      expect(body.balanced).to.equal(true);
      const clearing = body.items.filter(
        (item: { account: string; balance: string }) =>
          item.account.startsWith('clearing:') && Number(item.balance) !== 0,
      );
      expect(clearing, JSON.stringify(clearing)).to.deep.equal([]);
    }
    const books = (await hq.get('/api/v1/trial-balance')).body;
    expect(books.balanced).to.equal(true);
    const statement = await hq.get(`/api/v1/settlements/${id}/statements/SPB?format=csv`);
    expect(statement.body).to.include('SPB');
    const pdf = await hq.get(`/api/v1/settlements/${id}/statements/SPB?format=pdf`);
    expect(pdf.headers.get('content-type')).to.equal('application/pdf');
  }).timeout(120_000);

  it('makes a case of a leg whose partner does not come, and closes it when it comes', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.untilQuiet();
    await federation.stopNode('MSK');
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('4.00') });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    const cases = async () => (await federation.hq.manager.get('/api/v1/cases')).body.items;
    await until('a case is open', async () => {
      return (await cases()).some((item: { state: string }) => item.state !== 'closed');
    });
    await until('SPB is told', async () => {
      return (await manager('SPB').get('/api/v1/cases')).body.items.length > 0;
    });
    await federation.startNode('MSK');
    await until('the case has closed itself', async () => {
      return (await cases()).every((item: { state: string }) => item.state === 'closed');
    });
  }).timeout(120_000);
});

describe('head office being away', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
  });
  after(() => federation.stop());

  it('stops nothing at the branches for a day of business, and then knows all of it', async () => {
    const manager = (code: string) => federation.branch(code).manager;
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.stopNode('HQ');
    const ids: string[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      for (const at of codes) {
        const paid = await manager(at).post('/api/v1/payments', { msisdn, ...cash('10.00') });
        expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
        if (at !== 'MSK') ids.push(paid.body.operationId);
      }
    }
    const last = String(ids.at(-1));
    await until('the last payment is credited', async () => {
      return (await manager('NSK').get(`/api/v1/payments/${last}`)).body.state === 'concluded';
    });
    const cancelled = await manager('NSK').post(`/api/v1/payments/${last}/cancellation`, {});
    expect(cancelled.status).to.equal(201);
    await until('it is paid back', async () => {
      return (
        (await manager('NSK').get(`/api/v1/payments/${last}`)).body.payout?.state === 'released'
      );
    });
    const local = await manager('MSK').post('/api/v1/payments', { msisdn, ...cash('1.00') });
    const path = `/api/v1/payments/${local.body.operationId}`;
    await manager('MSK').post(`${path}/cancellation`, {});
    await until('so is a local one: a branch is its witness', async () => {
      return (await manager('MSK').get(path)).body.payout?.state === 'released';
    });
    const date = await closeDays(federation);
    await federation.startNode('HQ');
    await federation.untilQuiet();
    const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${date}`);
    expect(body.complete, JSON.stringify(body)).to.equal(true);
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  }).timeout(120_000);
});
