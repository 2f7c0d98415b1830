import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { nextDay } from '../../shared/time/clock.ts';
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

/** A person in a browser at a branch: pages and forms, as they are sent. */
async function person(url: string, language = 'en') {
  const send = (path: string, init: RequestInit = {}) =>
    fetch(url + path, {
      redirect: 'manual',
      ...init,
      headers: { origin: url, 'accept-language': language, ...init.headers },
    });
  const session = await send('/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ login: 'manager', password }),
  });
  const cookie = (session.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  const read = async (answer: Response) => ({
    status: answer.status,
    goesTo: answer.headers.get('location'),
    html: await answer.text(),
  });
  return {
    look: async (path: string) => read(await send(path, { headers: { cookie } })),
    fill: async (path: string, form: Record<string, string>) =>
      read(
        await send(path, { method: 'POST', headers: { cookie }, body: new URLSearchParams(form) }),
      ),
  };
}

/** Money is written with spaces that do not break. */
const plain = (html: string) => html.replaceAll(/\s/g, ' ');

describe('the pages of the desk', () => {
  let federation: TestFederation;
  let desk: Awaited<ReturnType<typeof person>>;
  let deskRu: Awaited<ReturnType<typeof person>>;
  let away: string;
  before(async function () {
    this.timeout(240_000);
    federation = await startFederation(['MSK', 'SPB']);
    desk = await person(federation.branch('SPB').url);
    deskRu = await person(federation.branch('SPB').url, 'ru');
    away = await registerSubscriber(federation.branch('MSK'));
    await registerSubscriber(federation.branch('SPB'));
    await federation.untilQuiet();
  });
  after(() => federation.stop());
  const api = () => federation.branch('SPB').manager;
  const anybody = async (): Promise<{ msisdn: string; customerNumber: string }> =>
    (await api().get('/api/v1/subscribers')).body.items[0];

  const validTo = '2025-12-31';
  type Row = Readonly<Record<string, unknown>>;
  /** The draft's rows, changed, and some more. */
  async function putRows(name: string, change: (row: Row) => Row, ...more: Row[]): Promise<void> {
    const path = `/api/v1/reference-draft/datasets/${name}`;
    const { rows } = (await federation.hq.manager.get(path)).body;
    const put = await federation.hq.manager.put(path, { rows: [...rows.map(change), ...more] });
    expect(put.status, JSON.stringify(put.body)).to.be.below(300);
  }

  it('keep the slip number of a payment whose sum was wrong', async () => {
    const { msisdn } = await anybody();
    const sent = { msisdn, sum: 'five', tender: 'card', reference: 'SLIP-77', key: randomUUID() };
    const { status, html } = await desk.fill('/payments', sent);
    expect(status).to.equal(422);
    expect(html).to.include('SLIP-77');
  });

  it('say how much may be taken', async () => {
    const { msisdn } = await anybody();
    const sent = { msisdn, sum: '999999', tender: 'cash', key: randomUUID() };
    const { html } = await deskRu.fill('/payments', sent);
    expect(plain(html)).to.include('Должно быть от 1,00 ₽ до 100 000,00 ₽.');
    expect(plain((await desk.fill('/payments', sent)).html)).to.include(
      'Must be from RUB 1.00 to RUB 100,000.00.',
    );
  });

  it('take one payment more on a form that has taken one, and say so before', async () => {
    const { msisdn } = await anybody();
    const sent = { msisdn, sum: '10', tender: 'cash', key: randomUUID() };
    expect((await desk.fill('/payments', sent)).status).to.equal(303);
    const { status, html } = await desk.fill('/payments', { ...sent, sum: '20' });
    expect(status).to.equal(422);
    expect(html).to.include('This form has done its work already');
    const [, key = ''] = /name="key" value="([^"]+)"/.exec(html) ?? [];
    expect((await desk.fill('/payments', { ...sent, sum: '20', key })).status).to.equal(303);
  });

  it('say on a payment why its cancellation was refused', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const paid = await api().post('/api/v1/payments', { msisdn, ...cash('100.00') });
    const iccid = await receiveSim(federation.branch('SPB'));
    await federation.untilQuiet();
    await api().post('/api/v1/sim-replacements', { msisdn, iccid });
    await federation.untilQuiet();
    const path = `/payments/${paid.body.operationId}`;
    await desk.fill(`${path}/cancellation`, { key: randomUUID() });
    await federation.untilQuiet();
    const { html } = await desk.look(`${path}/state`);
    expect(html).to.include('The cancellation was refused').and.include('does not cover it');
  });

  it('send money back the way it came, with the number of its slip', async () => {
    const { msisdn } = await anybody();
    const sent = { msisdn, sum: '30', tender: 'card', reference: 'SLIP-78', key: randomUUID() };
    const { goesTo } = await desk.fill('/payments', sent);
    await desk.fill(`${goesTo}/cancellation`, { key: randomUUID() });
    const page = async () => (await desk.look(String(goesTo))).html;
    await until('it may go back', async () => (await page()).includes('way it was paid: Card'));
    expect(await page())
      .to.include('SLIP-78')
      .and.not.include('Pay the money out');
  });

  it('register nobody under another number than the one that was typed', async () => {
    const msisdn = nextNumber('SPB');
    await api().post('/api/v1/numbers', { numbers: [msisdn] });
    const wish = {
      ...{ key: randomUUID(), iccid: await receiveSim(federation.branch('SPB')) },
      ...{ ratePlan: 'BASIC', name: customer.name },
      ...{ documentType: customer.document.type, documentNumber: customer.document.number },
    };
    const short = msisdn.slice(0, 9);
    const refused = await desk.fill('/registrations/new', { ...wish, msisdn: short });
    expect(refused.status).to.equal(422);
    expect(refused.html).to.include(`value="${short}"`);
    const done = await desk.fill('/registrations/new', {
      ...wish,
      msisdn: ` 8${msisdn.slice(1)} `,
    });
    expect(done.status).to.equal(303);
    const card = await api().get(`/api/v1/subscribers/${msisdn}`);
    expect(card.body.status).to.equal('active');
  });

  it('register nobody who is not born yet, at any branch, and nobody by a document of no kind', async () => {
    const person = { ratePlan: 'BASIC', name: customer.name, documentNumber: '4509 123456' };
    for (const code of ['SPB', 'MSK']) {
      const msisdn = nextNumber(code);
      await federation.branch(code).manager.post('/api/v1/numbers', { numbers: [msisdn] });
      const iccid = await receiveSim(federation.branch('SPB'));
      const wish = { ...person, msisdn, iccid, birthDate: '2999-01-31' };
      const sent = (documentType: string) =>
        deskRu.fill('/registrations/new', { ...wish, documentType, key: randomUUID() });
      const unborn = await sent('passport-rf');
      expect([unborn.status, /id="birthDate-error">([^<]*)/.exec(unborn.html)?.[1]]).to.deep.equal([
        422,
        'в будущем',
      ]);
      expect((await sent('')).html).to.include('Документ: не заполнено');
    }
    expect((await desk.look('/registrations/new')).html).to.match(
      /name="documentType"[^>]*><option value=""/,
    );
  });

  it('tell in Russian what is wrong with a customer number, and take one in small letters', async () => {
    const msisdn = nextNumber('SPB');
    await api().post('/api/v1/numbers', { numbers: [msisdn] });
    const wish = { iccid: await receiveSim(federation.branch('SPB')), ratePlan: 'BASIC', msisdn };
    const typed = (customerNumber: string) =>
      deskRu.fill('/registrations/new', { ...wish, customerNumber, key: randomUUID() });
    const wrong = await typed('104');
    expect(wrong.status).to.equal(422);
    expect(wrong.html).to.include('Номер клиента: должно быть номером клиента');
    const { customerNumber } = await anybody();
    expect((await typed(customerNumber.toLowerCase())).status).to.equal(303);
  });

  it('show all who are found, page by page, and as CSV', async () => {
    for (let count = 0; count < 22; count += 1) await registerSubscriber(federation.branch('SPB'));
    const { items } = (await api().get('/api/v1/subscribers?limit=200')).body;
    const all = items.map(({ msisdn }: { msisdn: string }) => msisdn).sort();
    const seen: string[] = [];
    let path: string | undefined = '/find?q=';
    while (path !== undefined) {
      const { html } = await desk.look(path);
      for (const [, msisdn = ''] of html.matchAll(/\/subscribers\/(\d+)/g)) seen.push(msisdn);
      const more: string | undefined = /href="(\?[^"]*cursor=[^"]*)"/.exec(html)?.[1];
      path = more === undefined ? undefined : `/find${more.replaceAll('&amp;', '&')}`;
    }
    expect(seen.sort()).to.deep.equal(all);
    const { html: csv } = await desk.look('/find?q=&format=csv');
    expect(csv.trim().split('\r\n')).to.have.length(all.length + 1);
  }).timeout(120_000);

  it('say of a number whose contract ends what becomes of it, and offer nothing afterwards', async () => {
    const msisdn = await registerSubscriber(federation.branch('SPB'));
    await api().post('/api/v1/payments', { msisdn, ...cash('12.00') });
    const { html } = await desk.look(`/subscribers/${msisdn}/termination`);
    expect(plain(html)).to.include('RUB 12.00').and.include('stays on the account');
    await api().post('/api/v1/terminations', { msisdn });
    const again = await api().post('/api/v1/numbers', { numbers: [msisdn] });
    expect(again.body).to.deep.equal({ received: 0, known: 1 });
    const registered = await api().post('/api/v1/subscribers', {
      ...{ iccid: await receiveSim(federation.branch('SPB')), msisdn, ratePlan: 'BASIC', customer },
    });
    expect(registered.body.code).to.equal('number-taken');
    expect(html).not.to.include('is given back');
    const card = await desk.look(`/subscribers/${msisdn}`);
    expect(card.html).not.to.include(`/subscribers/${msisdn}/termination`);
  });

  it('lead from a card to all operations of its number', async () => {
    const msisdn = await registerSubscriber(federation.branch('SPB'));
    for (let count = 0; count < 20; count += 1) {
      await api().post('/api/v1/payments', { msisdn, ...cash('1.00') });
    }
    const path = `/operations?msisdn=${msisdn}`;
    expect((await desk.look(`/subscribers/${msisdn}`)).html).to.include(`href="${path}"`);
    const { html } = await desk.look(path);
    expect(html.match(/href="\/operations\/[^"]+"/g)).to.have.length(21);
  });

  it('end no sentence in two full stops', async () => {
    const { html } = await deskRu.look('/business-days');
    expect(plain(html)).to.include(' г.').and.not.include('г..');
  });

  it('show at home a payment and a registration that another branch serves', async () => {
    const paid = await api().post('/api/v1/payments', { msisdn: away, ...cash('10.00') });
    const msisdn = nextNumber('MSK');
    const home = federation.branch('MSK');
    await home.manager.post('/api/v1/numbers', { numbers: [msisdn] });
    const registered = await api().post('/api/v1/subscribers', {
      ...{ iccid: await receiveSim(federation.branch('SPB')), msisdn, ratePlan: 'BASIC', customer },
    });
    expect(registered.status, JSON.stringify(registered.body)).to.equal(201);
    await federation.untilQuiet();
    const atHome = await person(home.url);
    for (const { body } of [paid, registered]) {
      let { status, html, goesTo } = await atHome.look(`/operations/${body.operationId}`);
      if (goesTo !== null) ({ status, html } = await atHome.look(goesTo));
      expect(status, body.kind).to.equal(200);
      if (body.kind === 'payment') expect(plain(html)).to.include('RUB 10.00');
      for (const [, link = ''] of html.matchAll(/href="(\/operations\/[^"]+)"/g)) {
        expect((await atHome.look(link)).status, link).to.equal(200);
      }
    }
  });

  it('let a service be switched off that is not offered any more, and name what a plan brings that is not', async () => {
    const msisdn = await registerSubscriber(federation.branch('SPB'));
    const senior = await registerSubscriber(federation.branch('SPB'), { ratePlan: 'SENIOR' });
    await putRows('rate-plans', (row) => (row.code === 'SENIOR' ? { ...row, validTo } : row));
    const on = { msisdn, service: 'ROAMING', action: 'on' };
    expect((await api().post('/api/v1/service-changes', on)).status).to.equal(201);
    await putRows('services', (row) => (row.code === 'ROAMING' ? { ...row, validTo } : row));
    await federation.publish();
    await until('SPB has it', () => federation.running('SPB').references.current()?.version === 2);
    const { html } = await desk.look(`/subscribers/${msisdn}/services`);
    expect(html).to.include('value="ROAMING"').and.include('not offered any more');
    const off = { service: 'ROAMING', action: 'off', key: randomUUID() };
    expect((await desk.fill(`/subscribers/${msisdn}/services`, off)).status).to.equal(303);
    const ofSenior = await desk.look(`/subscribers/${senior}/services`);
    expect(ofSenior.html.match(/in the plan/g) ?? []).to.have.length(2);
  });

  it('take a payment in the currency of the account, and no other', async () => {
    const changes = {
      currencies: { code: 'KZT', decimals: 2, name: 'Тенге' },
      tenders: {
        ...{ code: 'cash-kzt', name: 'Наличные, тенге', currency: 'KZT' },
        ...{ minAmount: '10.00', maxAmount: '500000.00', unverifiedMax: '20000.00' },
      },
      'rate-plans': {
        ...{
          code: 'KZ',
          name: 'Казахстан',
          currency: 'KZT',
          monthlyFee: '0.00',
          switchFee: '0.00',
        },
        ...{ services: [], validFrom: '2025-01-01' },
      },
    };
    for (const [name, row] of Object.entries(changes)) {
      await putRows(name, (known) => known, row);
    }
    await federation.publish();
    await until('SPB has it', () => federation.running('SPB').references.current()?.version === 3);
    const msisdn = await registerSubscriber(federation.branch('SPB'), { ratePlan: 'KZ' });
    const roubles = await api().post('/api/v1/payments', { msisdn, ...cash('500.00') });
    expect([roubles.status, roubles.body.code]).to.deep.equal([422, 'wrong-currency']);
    const { html } = await desk.look(`/payments/new?msisdn=${msisdn}`);
    expect(html).to.include('Sum, KZT').and.include('value="cash-kzt"');
    expect(html).not.to.include('value="cash"');
    const others = await desk.look(`/subscribers/${(await anybody()).msisdn}/rate-plan-change`);
    expect(others.html).to.include('value="UNLIMITED"').and.not.include('value="KZ"');
    const sent = { msisdn, sum: '500', tender: 'cash-kzt', key: randomUUID() };
    const { goesTo } = await desk.fill('/payments', sent);
    expect(plain((await desk.look(String(goesTo))).html)).to.include('KZT 500.00');
  });

  it('tell the price of the business date, also when that is tomorrow', async () => {
    const days = async () => (await api().get('/api/v1/business-days')).body;
    const { current } = await days();
    await putRows(
      'tariffs',
      (row) => (row.action === 'sim-replacement' ? { ...row, validTo: current } : row),
      {
        ...{ action: 'sim-replacement', amount: '777.00', currency: 'RUB', payer: 'customer' },
        validFrom: nextDay(current),
      },
    );
    const plan = { code: 'TOMORROW', name: 'Завтрашний', currency: 'RUB', services: [] };
    const fees = { monthlyFee: '0.00', switchFee: '0.00' };
    await putRows('rate-plans', (row) => row, { ...plan, ...fees, validFrom: nextDay(current) });
    await federation.publish();
    await until('SPB has it', () => federation.running('SPB').references.current()?.version === 4);
    const { msisdn } = await anybody();
    const page = async (work: string) => (await desk.look(`/subscribers/${msisdn}/${work}`)).html;
    expect(plain(await page('sim-replacement'))).to.include('RUB 100.00');
    const closed = await api().post(`/api/v1/business-days/${current}/close`);
    expect(closed.status, JSON.stringify(closed.body)).to.be.below(300);
    expect(plain(await page('sim-replacement'))).to.include('RUB 777.00');
    expect(await page('rate-plan-change')).to.include('value="TOMORROW"');
  });

  it('find a document that was pasted with other spaces than one types', async () => {
    const msisdn = nextNumber('SPB');
    await api().post('/api/v1/numbers', { numbers: [msisdn] });
    const document = { type: 'passport-rf', number: '45\u00A009\t777777' };
    const registered = await api().post('/api/v1/subscribers', {
      ...{ iccid: await receiveSim(federation.branch('SPB')), msisdn, ratePlan: 'BASIC' },
      customer: { ...customer, document },
    });
    expect(registered.status, JSON.stringify(registered.body)).to.equal(201);
    const found = await api().get('/api/v1/subscribers?query=4509%20777777');
    expect(found.body.items).to.have.length(1);
  });

  describe('where a home branch had refused', () => {
    const unknown = '79250009998';
    let id: string;
    before(async () => {
      await federation.stopNode('MSK');
      const payability = async () => (await api().get(`/api/v1/payability/${unknown}`)).body;
      await until('MSK is away', async () => (await payability()).verified === false);
      const paid = await api().post('/api/v1/payments', { msisdn: unknown, ...cash('10.00') });
      id = paid.body.operationId;
    });

    it('name it on the card of its subscriber', async () => {
      const { html } = await desk.look(`/subscribers/${away}`);
      expect(html).to.include('MSK cannot be reached now').and.include('Replace the SIM');
    });

    it('say how much may be taken while it cannot be reached', async () => {
      const tooMuch = { msisdn: unknown, sum: '9000', tender: 'cash', key: randomUUID() };
      const refusals = [
        await desk.fill('/payments', tooMuch),
        await deskRu.fill('/payments', tooMuch),
      ];
      expect(
        refusals.map(({ html }) => /id="sum-error">([^<]*)</.exec(plain(html))?.[1]),
      ).to.deep.equal([
        'The home branch cannot be reached now. Until it can, a payment may be up to RUB 5,000.00.',
        'Домашний филиал сейчас недоступен. Пока связи с ним нет, принять можно не больше 5 000,00 ₽.',
      ]);
    });

    it('keep the number that was typed in suspense', async () => {
      await federation.startNode('MSK');
      const payment = async () => (await api().get(`/api/v1/payments/${id}`)).body;
      await until('it is refused', async () => (await payment()).disposition === 'suspended');
      const wrong = { msisdn: '7911', key: randomUUID() };
      const { html } = await desk.fill(`/suspense/${id}/redirection`, wrong);
      expect(html).to.include('value="7911"');
    });

    it('follow money that goes back until it may be paid out', async () => {
      await federation.stopNode('MSK');
      await federation.stopNode('HQ');
      const { goesTo } = await desk.fill(`/suspense/${id}/refund`, { key: randomUUID() });
      const { html } = await desk.look(String(goesTo));
      expect(html).to.include('Do not pay out yet');
      expect(html).to.include(`hx-get="/payments/${id}/state"`);
    });
  });
});
