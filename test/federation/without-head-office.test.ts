import { expect } from 'chai';
import {
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  send,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { shiftableClock } from '../support/federation-keys.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB'] as const;
const hourMs = 3_600_000;

describe('branches without head office', () => {
  const clock = shiftableClock();
  let federation: TestFederation;
  let msisdn: string;
  let own: string;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes, {}, { clock });
    msisdn = await registerSubscriber(federation.branch('MSK'));
    own = await registerSubscriber(federation.branch('SPB'));
    await until('head office has confirmed the release', async () => {
      return (await state()).confirmedAt !== undefined;
    });
    await federation.untilQuiet();
    await federation.stopNode('HQ');
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;
  const state = async () => (await manager('SPB').get('/api/v1/reference')).body;
  const ready = () => send(federation.branch('SPB').url, 'GET', '/readyz');
  const pay = (number: string, amount: string) =>
    manager('SPB').post('/api/v1/payments', { msisdn: number, ...cash(amount) });
  const concluded = (id: string) =>
    until('it is concluded', async () => {
      const { body } = await manager('SPB').get(`/api/v1/operations/${id}`);
      return body.state === 'concluded';
    });

  /** So long after head office was last heard; sessions are over by then. */
  async function pass(hours: number): Promise<void> {
    clock.shift(hours * hourMs);
    for (const code of codes) {
      const node = federation.branch(code);
      node.manager = await signIn(node.url, 'manager');
    }
  }

  it('close no day by a clock that was set back', async () => {
    const path = '/api/v1/business-days';
    const { current } = (await manager('SPB').get(path)).body;
    await pass(-1);
    const held = await manager('SPB').post(`${path}/${current}/close`);
    expect([held.status, held.body.code]).to.deep.equal([503, 'clock-held']);
    expect((await ready()).body.checks.alarms.detail).to.include('clock-set-back');
    await pass(1);
  });

  it('work as ever for a day', async () => {
    await pass(23);
    expect(await state()).to.include({ version: 1, heldVersion: 1, state: 'normal' });
    const { status, body } = await ready();
    expect(status).to.equal(200);
    expect(body.checks.release).to.deep.equal({ ok: true, detail: 'version 1' });
  });

  it('give notice after it, and still do everything', async () => {
    await pass(3);
    expect(await state()).to.include({ state: 'notice', plansMayChange: true });
    expect((await ready()).body.checks.release).to.deep.equal({
      ok: true,
      detail: 'version 1, not confirmed by head office for 26 h',
    });
    const paid = await pay(msisdn, '5000.01');
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    await concluded(paid.body.operationId);
    const changed = await manager('SPB').post('/api/v1/rate-plan-changes', {
      ...{ msisdn, ratePlan: 'SMART' },
    });
    expect(changed.status, JSON.stringify(changed.body)).to.equal(201);
    await concluded(changed.body.operationId);
  }).timeout(120_000);

  it('change no plans after three days', async () => {
    await pass(47);
    expect(await state()).to.include({ state: 'limited', plansMayChange: false });
    const iccid = await receiveSim(federation.branch('SPB'));
    const number = nextNumber('MSK');
    await manager('MSK').post('/api/v1/numbers', { numbers: [number] });
    const wishes = [
      ['rate-plan-changes', { msisdn, ratePlan: 'BASIC' }],
      ['service-changes', { msisdn: own, service: 'VOICEMAIL', action: 'on' }],
      ['subscribers', { msisdn: number, iccid, ratePlan: 'BASIC', customer }],
      ['number-moves', { msisdn, iccid, customer }],
    ] as const;
    for (const [path, wish] of wishes) {
      const { status, body } = await manager('SPB').post(`/api/v1/${path}`, wish);
      expect([status, body.code], path).to.deep.equal([503, 'release-too-old']);
    }
    // What goes by no price list goes on.
    const block = await manager('SPB').post('/api/v1/blocks', { msisdn: own, action: 'block' });
    expect(block.status, JSON.stringify(block.body)).to.equal(201);
  }).timeout(120_000);

  it('give every payment for another branch the cap of an unverified one', async () => {
    const tooMuch = await pay(msisdn, '5000.01');
    expect(tooMuch.body).to.include({ status: 503, code: 'release-too-old' });
    const paid = await pay(msisdn, '5000.00');
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    expect(paid.body).not.to.have.property('staleRelease');
    expect((await pay(own, '90000.00')).body.outcome).to.equal('credited');
    await concluded(paid.body.operationId);
  }).timeout(120_000);

  it('after a week take money for subscribers that are known, flagged', async () => {
    await pass(100);
    expect(await state()).to.include({ state: 'known-only' });
    const { status, body } = await ready();
    expect(status).to.equal(200);
    expect(body.checks.release.ok).to.equal(false);
    const verified = await pay(msisdn, '10.00');
    expect(verified.body, JSON.stringify(verified.body)).to.include({ staleRelease: true });
    await concluded(verified.body.operationId);
    expect((await pay(own, '20.00')).body).to.include({ staleRelease: true, outcome: 'credited' });
  }).timeout(120_000);

  it('close the days that hold operations in their order, the first ones included', async () => {
    const path = '/api/v1/business-days';
    const close = (date: string) => manager('SPB').post(`${path}/${date}/close`);
    const { current, due } = (await manager('SPB').get(path)).body;
    expect(due.length).to.be.greaterThan(1);
    expect(due).to.deep.equal([...due].sort());
    expect((await close(current)).body).to.include({ status: 409, code: 'business-day-not-next' });
    expect((await close(due[1])).body.detail).to.include(due[0]);
    for (const date of [...due, current]) expect((await close(date)).status, date).to.equal(201);
    expect((await manager('SPB').get(path)).body.due).to.deep.equal([]);
  });

  it('and for nobody whom his branch cannot name', async () => {
    await federation.stopNode('MSK');
    const unverified = await pay(msisdn, '10.00');
    expect(unverified.body).to.include({ status: 503, code: 'release-too-old' });
    await federation.startNode('MSK');
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  }).timeout(120_000);

  it('take no payment a second time under its key by a clock that has run ahead', async () => {
    await federation.startNode('HQ');
    await federation.stopNode('MSK');
    const wish = { msisdn: own, ...cash('7.00') };
    for (const key of ['with head office', 'alone']) {
      if (key === 'alone') await federation.stopNode('HQ');
      const again = () => manager('SPB').post('/api/v1/payments', wish, { 'idempotency-key': key });
      const first = await again();
      expect(first.status, JSON.stringify(first.body)).to.equal(201);
      clock.shift(9 * 24 * hourMs);
      await federation.stopNode('SPB');
      await federation.startNode('SPB');
      federation.branch('SPB').manager = await signIn(federation.branch('SPB').url, 'manager');
      const repeated = await again();
      expect(repeated.body, key).to.deep.equal(first.body);
      expect(repeated.headers.get('idempotent-replayed')).to.equal('true');
    }
    await federation.startNode('MSK');
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  }).timeout(120_000);
});
