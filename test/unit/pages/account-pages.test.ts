import { expect } from 'chai';
import { fromBase32, stepOf, totpCode } from '../../../shared/access/totp.ts';
import { accountPages } from '../../../shared/pages/account-pages.tsx';
import { passwordPages } from '../../../shared/pages/password-pages.tsx';
import { type ApiFixture, apiFixture, password } from '../web/api-fixture.ts';
import { pagesOn } from './pages-fixture.ts';

interface Look {
  readonly status: number;
  readonly text: string;
  readonly location: string | null;
  readonly cookie: string;
}

describe('the pages of how one signs in', () => {
  let fixture: ApiFixture;
  let secret = '';

  beforeEach(async () => {
    fixture = await apiFixture();
    const { api, access } = fixture;
    const pages = pagesOn(fixture);
    passwordPages({ pages, access });
    accountPages({ pages, endpoints: api.common });
    pages.page({ path: '/desk', permission: 'operator.manage' }, async () => ({
      ...{ title: 'Desk', content: 'A desk' },
    }));
  });
  afterEach(() => fixture.close());

  const codeNow = () => totpCode(fromBase32(secret), stepOf(fixture.clock.nowMs()));

  async function look(
    path: string,
    { form, cookie = '' }: { form?: Record<string, string>; cookie?: string } = {},
  ): Promise<Look> {
    const answer = await fixture.api.app.request(path, {
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
      headers: { 'sec-fetch-site': 'same-origin', 'accept-language': 'en', cookie },
    });
    const [set = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    const location = answer.headers.get('location');
    return { status: answer.status, text: await answer.text(), location, cookie: set };
  }

  const typed = { login: 'anna', password, next: '/desk' };
  const ticketIn = ({ text }: Look) => /name="ticket" value="([^"]+)"/.exec(text)?.[1] ?? '';

  async function setUp(cookie: string): Promise<Look> {
    const offered = await look('/account/second-factor', { cookie, form: { current: password } });
    secret = /<code>([A-Z2-7]{32})<\/code>/.exec(offered.text)?.[1] ?? '';
    expect(offered.text).to.include(`secret=${secret}`);
    const wrong = { cookie, form: { code: '000000' } };
    expect((await look('/account/second-factor/confirmation', wrong)).status).to.equal(401);
    const confirmed = { cookie, form: { code: codeNow() } };
    return look('/account/second-factor/confirmation', confirmed);
  }

  it('lets in by password and code, in two steps', async () => {
    const { cookie } = await look('/sign-in', { form: typed });
    const shown = await setUp(cookie);
    expect(shown.text.match(/<code>[A-Z2-7]{5}(?:-[A-Z2-7]{1,5}){5}<\/code>/g)?.length).to.equal(8);
    expect((await look('/account', { cookie })).text).not.to.include(secret);

    fixture.clock.advance(30_000);
    const step = await look('/sign-in', { form: typed });
    expect([step.status, step.cookie]).to.deep.equal([401, '']);
    expect(step.text).not.to.include(password);
    const ticket = ticketIn(step);
    const wrong = await look('/sign-in', { form: { ticket, next: '/desk', code: '000000' } });
    expect([wrong.status, ticketIn(wrong)]).to.deep.equal([401, ticket]);
    const form = { ticket, next: '/desk', code: codeNow() };
    const entered = await look('/sign-in', { form });
    expect([entered.status, entered.location]).to.deep.equal([303, '/desk']);
    expect((await look('/desk', { cookie: entered.cookie })).text).to.include('A desk');

    const again = await look('/sign-in', { form });
    expect([again.status, again.cookie]).to.deep.equal([401, '']);
  });

  it('lets a ticket wait for three minutes, and takes none that it did not give', async () => {
    await setUp((await look('/sign-in', { form: typed })).cookie);
    fixture.clock.advance(30_000);
    const ticket = ticketIn(await look('/sign-in', { form: typed }));
    fixture.clock.advance(3 * 60_000);
    for (const old of [ticket, 'A'.repeat(43), '']) {
      const late = await look('/sign-in', { form: { ticket: old, code: codeNow() } });
      expect([late.status, late.cookie]).to.deep.equal([401, '']);
      expect(late.text).to.include('That took too long');
    }
  });

  it('leads who owes a second factor to where it is set up, and nowhere else', async () => {
    fixture.setDuty('admin', 'second-factor.required');
    const { cookie } = await look('/sign-in', { form: typed });
    expect((await look('/desk', { cookie })).location).to.equal('/account');
    expect((await look('/password', { cookie })).location).to.equal('/account');
    const page = await look('/account', { cookie });
    expect(page.text).to.include('Your role needs a second factor');
    // What renews itself would lead here again, and again.
    expect(page.text).not.to.include('hx-get');
    const token = cookie.split('=')[1] ?? '';
    const asked = await fixture.send('GET', '/api/v1/operators', { token });
    expect([asked.status, asked.json.code]).to.deep.equal([403, 'second-factor-missing']);
    await setUp(cookie);
    expect((await look('/desk', { cookie })).text).to.include('A desk');
  });

  it('keeps who has to choose a password at that, in peace', async () => {
    await fixture.add('nina', 'admin', password, true);
    const { cookie } = await look('/sign-in', { form: { ...typed, login: 'nina' } });
    expect((await look('/account', { cookie })).location).to.equal('/password');
    expect((await look('/password', { cookie })).text).not.to.include('hx-get');
  });

  it('lists the sessions and ends them', async () => {
    const other = await look('/sign-in', { form: typed });
    fixture.clock.advance(60_000);
    const { cookie } = await look('/sign-in', { form: typed });
    const [, id = ''] =
      /sessions\/([0-9a-f]{32})\/end/.exec((await look('/account', { cookie })).text) ?? [];
    const ended = await look(`/account/sessions/${id}/end`, { cookie, form: {} });
    expect([ended.status, ended.location]).to.deep.equal([303, '/account']);
    expect((await look('/desk', { cookie: other.cookie })).location).to.equal(
      '/sign-in?next=%2Fdesk',
    );
    await look('/sign-in', { form: typed });
    await look('/account/sessions/end-others', { cookie, form: {} });
    expect((await look('/account', { cookie })).text).not.to.include('/end"');
  });

  it('is had by programs as well', async () => {
    const token = await fixture.signIn('anna');
    const path = '/api/v1/sessions/current/second-factor';
    const body = { current: password };
    const offer = await fixture.send('POST', path, { token, body });
    ({ secret } = offer.json);
    expect(offer.status).to.equal(201);
    const code = { code: codeNow() };
    const made = await fixture.send('POST', `${path}/confirmation`, { token, body: code });
    expect([made.status, made.json.recoveryCodes.length]).to.deep.equal([201, 8]);
    const state = await fixture.send('GET', path, { token });
    expect(state.json).to.deep.equal({ isSetUp: true, isRequired: false, recoveryCodesLeft: 8 });
    expect((await fixture.send('GET', '/api/v1/sessions', { token })).json.items.length).to.equal(
      1,
    );
    fixture.clock.advance(30_000);
    const enter = async (more: object) => {
      const asked = { login: 'anna', password, ...more };
      const { status, json } = await fixture.send('POST', '/api/v1/sessions', { body: asked });
      return [status, json.code];
    };
    expect(await enter({})).to.deep.equal([401, 'second-factor-required']);
    expect(await enter({ code: '000000' })).to.deep.equal([401, 'second-factor-wrong']);
    expect(await enter({ code: codeNow() })).to.deep.equal([201, undefined]);
    const denials = await fixture.store.read((tx) =>
      fixture.audit.list(tx, { limit: 9, action: 'access.deny' }),
    );
    expect(denials).to.deep.equal([]);
    expect(fixture.logged.join('')).not.to.include(secret);
  });
});
