import { expect } from 'chai';
import { z } from 'zod';
import { type ApiFixture, apiFixture, password } from './api-fixture.ts';

describe('the guard', () => {
  let fixture: ApiFixture;
  let admin: string;
  let cashier: string;

  beforeEach(async () => {
    fixture = await apiFixture();
    [admin, cashier] = [await fixture.signIn('anna'), await fixture.signIn('boris')];
    const common = { tag: 'Test', summary: 'Test', response: z.string() };
    const path = '/api/v1/desk';
    fixture.api.endpoint(
      { ...common, method: 'POST', path, permission: 'payment.take', operationId: 'work' },
      async ({ principal }) => principal.login,
    );
    fixture.api.endpoint(
      { ...common, method: 'GET', path, permission: 'payment.take', operationId: 'look' },
      async ({ principal }) => principal.login,
    );
  });
  afterEach(() => fixture.close());

  async function denials() {
    const entries = await fixture.store.read((tx) =>
      fixture.audit.list(tx, { limit: 50, action: 'access.deny' }),
    );
    return entries.map(({ actor, subject, detail }) => [actor.name, subject, detail]);
  }

  it('lets in who may, by header or by cookie', async () => {
    const byHeader = await fixture.send('GET', '/api/v1/desk', { token: cashier });
    expect([byHeader.status, byHeader.json]).to.deep.equal([200, 'boris']);
    const headers = { cookie: `other=1; __Host-sbms_session=${cashier}` };
    expect((await fixture.send('GET', '/api/v1/desk', { headers })).json).to.equal('boris');
    expect(await denials()).to.deep.equal([]);
  });

  it('refuses who is not signed in, and audits it', async () => {
    const nobody = await fixture.send('GET', '/api/v1/desk');
    expect([nobody.status, nobody.json.code]).to.deep.equal([401, 'not-signed-in']);
    expect(nobody.headers.get('www-authenticate')).to.equal('Bearer');
    const detail = { reason: 'not-signed-in', source: 'unknown' };
    const denial = ['unknown', 'GET /api/v1/desk', detail];
    expect(await denials()).to.deep.equal([denial]);
    const guessed = await fixture.send('GET', '/api/v1/desk', { token: 'A'.repeat(43) });
    expect(guessed.status).to.equal(401);
    expect(await denials()).to.deep.equal([denial, denial]);
  });

  it('refuses and audits who lacks the permission', async () => {
    const answer = await fixture.send('POST', '/api/v1/desk', { token: admin, body: {} });
    expect([answer.status, answer.json.code]).to.deep.equal([403, 'not-permitted']);
    expect(answer.json.detail).to.include('payment.take');
    const detail = { reason: 'not-permitted', source: 'unknown' };
    expect(await denials()).to.deep.equal([['Name of anna', 'POST /api/v1/desk', detail]]);
  });

  it('does not fill the audit trail with random tokens', async () => {
    for (let count = 0; count < 310; count += 1) {
      await fixture.send('GET', '/api/v1/desk', { token: 'A'.repeat(43) });
    }
    const counted = await fixture.store.read((tx) =>
      tx.get(`SELECT count(*) AS n FROM audit_entries WHERE action = 'access.deny'`),
    );
    expect(counted).to.deep.equal({ n: 300n });
    // A storm of strangers hides nothing that somebody with a session does.
    await fixture.send('POST', '/api/v1/desk', { token: admin, body: {} });
    expect((await denials())[0]?.[0]).to.equal('Name of anna');
    fixture.clock.advance(60_000);
    await fixture.send('GET', '/api/v1/desk');
    expect((await denials())[0]?.[2]).to.include({ unwrittenBefore: 10 });
  });

  for (const [what, headers, status] of [
    ['nothing that says where it comes from', {}, 403],
    ['the origin of another site', { origin: 'https://evil.example' }, 403],
    ['an origin that is no origin', { origin: 'null' }, 403],
    ['its own origin', { origin: 'https://msk.example' }, 201],
    ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }, 403],
    ['Sec-Fetch-Site: same-origin', { 'sec-fetch-site': 'same-origin' }, 201],
  ] as const) {
    it(`answers ${status} to a POST by cookie with ${what}`, async () => {
      const cookie = `__Host-sbms_session=${cashier}`;
      const all = { host: 'msk.example', cookie, ...headers };
      const answer = await fixture.send('POST', '/api/v1/desk', { body: {}, headers: all });
      expect(answer.status).to.equal(status);
      expect((await denials()).length).to.equal(status === 403 ? 1 : 0);
    });
  }

  it('needs no origin with a bearer token', async () => {
    const answer = await fixture.send('POST', '/api/v1/desk', { token: cashier, body: {} });
    expect(answer.status).to.equal(201);
  });

  it('tells a locked-out caller how long to wait', async () => {
    const body = { login: 'anna', password: 'wrong password' };
    for (let count = 0; count < 5; count += 1) {
      const answer = await fixture.send('POST', '/api/v1/sessions', { body });
      expect([answer.status, answer.json.code]).to.deep.equal([401, 'wrong-credentials']);
    }
    const locked = await fixture.send('POST', '/api/v1/sessions', { body: { ...body, password } });
    expect(locked.status).to.equal(429);
    expect(locked.headers.get('retry-after')).to.equal('900');
  });
});
