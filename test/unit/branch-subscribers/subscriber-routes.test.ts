import { expect } from 'chai';
import { ivanov, msk, openBranches, simCard, spb } from './branches-fixture.ts';
import { frontOf } from './front-fixture.ts';

const mskNumber = '79250000001';

describe('the API for subscribers', () => {
  let federation: Awaited<ReturnType<typeof openBranches>>;
  let atMsk: Awaited<ReturnType<typeof frontOf>>;
  let atSpb: Awaited<ReturnType<typeof frontOf>>;
  before(async () => {
    federation = await openBranches();
    atMsk = await frontOf(federation.msk);
    atSpb = await frontOf(federation.spb);
  });
  after(() => federation.close());

  it('receives cards and numbers, and lists them', async () => {
    const cards = [1, 2, 3].map((index) => simCard(1, index));
    const received = await atMsk('POST', 'sim-cards', { body: { cards }, key: 'delivery' });
    expect(received).to.deep.equal({ status: 201, json: { received: 3, known: 0 } });
    const again = await atMsk('POST', 'sim-cards', { body: { cards }, key: 'delivery' });
    expect(again).to.deep.equal(received);
    const [first] = cards;
    const broken = { iccid: `${first?.iccid.slice(0, -1)}x`, imsi: '1' };
    const refused = await atMsk('POST', 'sim-cards', { body: { cards: [broken] } });
    expect(refused.status).to.equal(400);
    const fields = refused.json.errors.map(({ field }: { field: string }) => field);
    expect(fields).to.include.members(['cards.0.iccid', 'cards.0.imsi']);
    const page = await atMsk('GET', 'sim-cards?state=in-stock&limit=2');
    expect(page.json.items).to.have.length(2);
    const rest = await atMsk('GET', `sim-cards?state=in-stock&limit=2&cursor=${page.json.next}`);
    expect(rest.json).to.deep.equal({
      items: [{ ...simCard(1, 3), state: 'in-stock' }],
      next: null,
    });

    const numbers = [mskNumber, '79250000002'];
    expect((await atMsk('POST', 'numbers', { body: { numbers } })).json.received).to.equal(2);
    const foreign = await atMsk('POST', 'numbers', { body: { numbers: ['79211000001'] } });
    expect(foreign.json.errors[0].field).to.equal('numbers.0');
    expect((await atMsk('GET', 'numbers?state=free')).json.items).to.have.length(2);
    expect((await atMsk('POST', 'numbers', { as: 'cashier', body: { numbers } })).status).to.equal(
      403,
    );
    const away = { cards: [simCard(2, 1), simCard(2, 2)] };
    expect((await atSpb('POST', 'sim-cards', { body: away })).status).to.equal(201);
  });

  it('registers once per key', async () => {
    const body = {
      ...{ msisdn: mskNumber, iccid: simCard(1, 1).iccid, ratePlan: 'BASIC', customer: ivanov },
    };
    const made = await atMsk('POST', 'subscribers', { body, key: 'one' });
    expect(made.status).to.equal(201);
    expect(made.json).to.deep.include({
      ...{ kind: 'registration', msisdn: mskNumber, homeBranch: 'MSK', servingBranch: 'MSK' },
      ...{ state: 'concluded', outcome: 'executed' },
    });
    expect(await atMsk('POST', 'subscribers', { body, key: 'one' })).to.deep.equal(made);
    const other = await atMsk('POST', 'subscribers', {
      body: { ...body, ratePlan: 'UNLIMITED' },
      key: 'one',
    });
    expect(other.json.code).to.equal('idempotency-key-reused');
  });

  it('registers at another branch, the same person once per key', async () => {
    const body = {
      ...{ homeBranch: 'MSK', iccid: simCard(2, 1).iccid, ratePlan: 'BASIC', customer: ivanov },
    };
    const made = await atSpb('POST', 'subscribers', { body, key: 'two' });
    expect(made.status).to.equal(201);
    expect(made.json).to.include({ homeBranch: 'MSK', state: 'accepted', msisdn: '79250000002' });
    expect(made.json).not.to.have.property('outcome');
    await federation.spb.concluded(made.json.operationId);
    expect(await atSpb('POST', 'subscribers', { body, key: 'two' })).to.deep.equal(made);
    const found = await atMsk('GET', `subscribers?query=${encodeURIComponent('иванов')}`);
    expect(found.json.items).to.have.length(2);
  });

  it('asks for a customer or a customer number', async () => {
    const body = { iccid: simCard(1, 2).iccid, ratePlan: 'BASIC' };
    const none = await atMsk('POST', 'subscribers', { body });
    const both = await atMsk('POST', 'subscribers', {
      body: { ...body, customer: ivanov, customerNumber: 'MSK-1' },
    });
    for (const { status, json } of [none, both]) {
      expect([status, json.errors[0].field]).to.deep.equal([400, 'customer']);
    }
  });

  it('finds and shows, masked without the permission', async () => {
    const found = await atMsk('GET', 'subscribers?query=0001', { as: 'cashier' });
    expect(found.json).to.deep.equal({
      items: [
        {
          ...{ msisdn: mskNumber, status: 'active', name: 'И•••• И.', customerNumber: 'MSK-1' },
          ...{ ratePlan: 'BASIC', homeBranch: 'MSK' },
        },
      ],
      next: null,
    });
    const named = await atMsk('GET', `subscribers?query=${encodeURIComponent('Иванов')}&limit=1`, {
      as: 'cashier',
    });
    const cursor = Buffer.from(named.json.next, 'base64url').toString();
    expect(cursor, 'a cursor tells no name').not.to.match(/[а-я]/i);
    const card = await atSpb('GET', `subscribers/${mskNumber}`);
    expect(card.json).to.deep.include({
      ...{ msisdn: mskNumber, homeBranch: 'MSK', status: 'active', servedLive: true },
      ...{ sim: simCard(1, 1), balance: { amount: '0.00', currency: 'RUB' } },
    });
    const masked = await atSpb('GET', `subscribers/${mskNumber}`, { as: 'cashier' });
    expect(masked.json.customer.name).to.equal('И•••• И.');
    expect((await atSpb('GET', 'subscribers/79250000009')).json.code).to.equal('unknown-number');
  });

  it('says that the home branch is away', async () => {
    federation.network.cut.add(msk);
    const card = await atSpb('GET', `subscribers/${mskNumber}`);
    expect([card.status, card.json.code]).to.deep.equal([503, 'home-unreachable']);
    federation.network.cut.delete(msk);
    await federation.spb.federation.liveness.probe();
    expect((await atSpb('GET', `subscribers/${mskNumber}`)).status).to.equal(200);
  });

  it('takes every kind of operation, and refuses it without its permission', async () => {
    await federation.msk.topUp(mskNumber, 100_000n);
    const msisdn = mskNumber;
    const wishes: Readonly<Record<string, object>> = {
      'rate-plan-changes': { msisdn, ratePlan: 'UNLIMITED' },
      'service-changes': { msisdn, service: 'VOICEMAIL', action: 'on' },
      'sim-replacements': { msisdn, iccid: simCard(1, 2).iccid, reason: 'lost' },
      blocks: { msisdn, action: 'block', reason: 'lost-phone' },
    };
    for (const [path, body] of Object.entries(wishes)) {
      expect((await atMsk('POST', path, { as: 'cashier', body })).status, path).to.equal(403);
      const made = await atMsk('POST', path, { body, key: path });
      expect([made.status, made.json.outcome], path).to.deep.equal([201, 'executed']);
      expect(await atMsk('POST', path, { body, key: path }), path).to.deep.equal(made);
    }
    const unblock = { msisdn, action: 'unblock', reason: 'lost-phone' };
    expect((await atSpb('POST', 'blocks', { body: unblock })).json.state).to.equal('accepted');
    const move = { msisdn, iccid: simCard(2, 2).iccid, customer: ivanov };
    const moved = await atSpb('POST', 'number-moves', { body: move });
    expect(moved.json).to.include({ kind: 'number-move', state: 'accepted', homeBranch: 'MSK' });
    await federation.spb.concluded(moved.json.operationId);
    const card = await atMsk('GET', `subscribers/${msisdn}`);
    expect(card.json).to.deep.include({ homeBranch: spb, ratePlan: 'UNLIMITED' });
    expect(card.json.balance.amount).to.equal('740.00');
  });

  it('lists what can be had, to who may know', async () => {
    const plans = await atMsk('GET', 'rate-plans', { as: 'cashier' });
    expect(plans.json.items[1]).to.deep.equal({
      ...{ code: 'UNLIMITED', name: 'Безлимитный', services: ['CALLER-ID', 'MUSIC'] },
      monthlyFee: { amount: '890.00', currency: 'RUB' },
      switchFee: { amount: '100.00', currency: 'RUB' },
    });
    const services = await atMsk('GET', 'services', { as: 'cashier' });
    expect(services.json.items).to.have.length(3);
    expect((await atMsk('GET', 'services', { as: 'visitor' })).status).to.equal(403);
  });

  it('corrects personal data, with the permission', async () => {
    const data = { ...ivanov, name: 'Иванова Анна' };
    const path = 'customers/MSK-1';
    expect((await atMsk('PUT', path, { as: 'cashier', body: data })).status).to.equal(403);
    const corrected = await atMsk('PUT', path, { body: data });
    expect(corrected.json).to.deep.equal({ number: 'MSK-1', incomplete: false, ...data });
    expect((await atMsk('PUT', 'customers/SPB-1', { body: data })).status).to.equal(404);
  });
});
