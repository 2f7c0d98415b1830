import { expect } from 'chai';
import { Registry } from 'prom-client';
import { systemIds } from '../../../shared/ids/ids.ts';
import { createApi } from '../../../shared/web/api.ts';
import { type ApiFixture, apiFixture, password } from './api-fixture.ts';

describe('the API of a node', () => {
  let fixture: ApiFixture;
  let admin: string;
  before(async () => {
    fixture = await apiFixture();
    admin = await fixture.signIn('anna');
  });
  after(() => fixture.close());

  it('opens, shows and ends a session', async () => {
    const opened = await fixture.send('POST', '/api/v1/sessions', {
      body: { login: 'boris', password },
    });
    expect(opened.status).to.equal(201);
    const { token, ...session } = opened.json;
    expect(session.operator.permissions).to.deep.equal(['payment.take', 'subscriber.read']);
    const path = '/api/v1/sessions/current';
    expect((await fixture.send('GET', path, { token })).json).to.deep.equal(session);
    const ended = await fixture.send('DELETE', path, { token });
    expect([ended.status, ended.text]).to.deep.equal([204, '']);
    expect((await fixture.send('GET', path, { token })).status).to.equal(401);
  });

  it('adds operators, sets passwords, disables, and pages through them', async () => {
    const send = (method: string, path: string, body?: object) =>
      fixture.send(method, `/api/v1/operators${path}`, { token: admin, body });
    const carl = { login: 'carl', name: 'Carl', role: 'cashier' };
    const added = await send('POST', '', { ...carl, password });
    expect(added.status).to.equal(201);
    expect(added.json).to.include({ ...carl, disabled: false });
    expect((await send('POST', '', { ...carl, password })).json.code).to.equal('login-taken');

    expect((await send('POST', '/carl/password', { password: 'short' })).status).to.equal(400);
    const chosen = { password: 'violet trombone under ice' };
    expect((await send('POST', '/carl/password', chosen)).status).to.equal(204);
    expect((await send('POST', '/carl/disablement')).json).to.include({ disabled: true });
    expect((await send('POST', '/nobody/disablement')).json.code).to.equal('operator-not-found');
    expect((await send('POST', '/anna/disablement')).json.code).to.equal('same-person');

    const first = await send('GET', '?limit=2');
    const second = await send('GET', `?limit=2&cursor=${first.json.next}`);
    const logins = [...first.json.items, ...second.json.items].map(({ login }) => login);
    expect(logins).to.deep.equal(['anna', 'boris', 'carl']);
    expect(second.json.next).to.equal(null);
  });

  it('takes a caller who hangs up in the middle of a body for no fault of its own', async () => {
    const before = fixture.logged.length;
    for (const length of [{}, { 'content-length': '100' }]) {
      const gone = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      const body = new ReadableStream({ start: (stream) => stream.error(gone) });
      const headers = { 'content-type': 'application/json', ...length };
      const request = { method: 'POST', headers, body, duplex: 'half' } as const;
      const { status } = await fixture.api.app.request('/api/v1/sessions', request);
      expect(status).to.equal(400);
    }
    const levels = fixture.logged.slice(before).map((line) => JSON.parse(line).level);
    expect(levels).not.to.include('error');
  });

  it('pages through the audit trail and refuses a foreign cursor or limit', async () => {
    const get = (query: string) => fixture.send('GET', `/api/v1/audit?${query}`, { token: admin });
    const all = (await get('limit=200')).json.items;
    const first = (await get('limit=1')).json;
    const second = (await get(`limit=1&cursor=${first.next}`)).json;
    expect([...first.items, ...second.items]).to.deep.equal(all.slice(0, 2));
    for (const query of [
      'cursor=x',
      'cursor=eyJsb2dpbiI6ImEifQ',
      'limit=0',
      'limit=201',
      'limit=1e2',
    ]) {
      const answer = await get(query);
      const [field] = query.split('=');
      expect([answer.status, answer.json.errors[0].field], query).to.deep.equal([400, field]);
    }
  });

  it('describes every endpoint in OpenAPI 3.1', async () => {
    const { json } = await fixture.send('GET', '/openapi.json');
    expect(json.openapi).to.equal('3.1.0');
    const { get, post } = json.paths['/api/v1/operators'];
    expect(get['x-permission']).to.equal('operator.manage');
    expect(get.security).to.deep.equal([{ bearer: [] }, { session: [] }]);
    const limit = get.parameters.find(({ name }: { name: string }) => name === 'limit');
    expect(limit).to.deep.include({ in: 'query', required: false });
    expect(limit.schema).to.include({ type: 'integer', maximum: 200, default: 50 });
    const problem = post.responses.default.content['application/problem+json'].schema;
    expect(problem).to.deep.equal({ $ref: '#/components/schemas/Problem' });
    const disable = json.paths['/api/v1/operators/{login}/disablement'].post;
    const names = disable.parameters.map(({ name }: { name: string }) => name);
    expect(names.sort()).to.deep.equal(['Idempotency-Key', 'login']);
    expect(disable.responses['200'].headers).to.have.keys('Idempotent-Replayed');
    expect(post.responses['201'].headers).to.equal(undefined);
    expect(post.responses.default.headers).to.have.keys('Retry-After', 'WWW-Authenticate');
    expect(json.paths['/api/v1/sessions'].post.security).to.deep.equal([]);
    expect(json.components.schemas.Credentials.additionalProperties).to.equal(false);
    expect(json.components.securitySchemes.bearer.scheme).to.equal('bearer');
  });

  it('shows the same to people, with nothing inline and nothing from elsewhere', async () => {
    const { text, headers } = await fixture.send('GET', '/docs');
    expect(headers.get('content-security-policy')).to.include("default-src 'none'");
    expect(text).not.to.match(/<script|<style|style=|https?:|\[object/);
    for (const shown of ['Add an operator', 'operator.manage', 'schema-AuditEntry', 'actor.name']) {
      expect(text).to.include(shown);
    }
    const [, stylesheet] = /href="([^"]+\.css)"/.exec(text) ?? [];
    const style = await fixture.send('GET', stylesheet ?? '');
    expect(style.headers.get('content-type')).to.include('text/css');
  });

  it('counts requests by pattern, and holds no identifier', async () => {
    await fixture.send('POST', '/api/v1/operators/79161234567/disablement', { token: admin });
    await fixture.send('GET', '/api/v1/79161234567');
    await fixture.send('BREW', '/livez');
    const { text } = await fixture.send('GET', '/metrics', { from: '127.0.0.1' });
    expect(text).to.include(
      'seconds_count{route="/api/v1/operators/{login}/disablement",method="POST",status="404"}',
    );
    expect(text).to.include('route="unmatched"').and.include('method="other"');
    expect(text).to.include('process_cpu_seconds_total');
    expect(text).not.to.include('79161234567');
  });

  it('shows its metrics on its own machine, and elsewhere to who has the token', async () => {
    const status = async (from: string, headers: Record<string, string> = {}) =>
      (await fixture.send('GET', '/metrics', { from, headers })).status;
    const authorization = 'Bearer of the monitoring';
    expect(await status('127.0.0.1')).to.equal(200);
    expect(await status('::1')).to.equal(200);
    expect(await status('::ffff:127.0.0.1')).to.equal(200);
    expect(await status('127.0.0.1', { 'x-forwarded-for': '203.0.113.1' })).to.equal(401);
    expect(await status('10.0.0.7')).to.equal(401);
    expect(await status('10.0.0.7', { authorization })).to.equal(200);
    expect(await status('10.0.0.7', { authorization: `${authorization}?` })).to.equal(401);
    expect(await status('10.0.0.7', { authorization: `Bearer ${admin}` })).to.equal(401);
  });

  it('lets who has a password of somebody else do nothing but choose another', async () => {
    const dora = { login: 'dora', name: 'Dora', role: 'cashier', password };
    await fixture.send('POST', '/api/v1/operators', {
      token: admin,
      body: { ...dora, role: 'admin' },
    });
    const { json } = await fixture.send('POST', '/api/v1/sessions', {
      body: { login: 'dora', password },
    });
    expect(json.operator).to.include({ mustChangePassword: true });
    const { token } = json;
    const refused = await fixture.send('GET', '/api/v1/operators', { token });
    expect([refused.status, refused.json.code]).to.deep.equal([403, 'password-temporary']);
    for (const own of ['/api/v1/sessions', '/api/v1/sessions/current/second-factor']) {
      expect((await fixture.send('GET', own, { token })).json.code).to.equal('password-temporary');
    }
    expect((await fixture.send('GET', '/api/v1/sessions/current', { token })).status).to.equal(200);
    const path = '/api/v1/sessions/current/password';
    const body = { current: password, password: 'violet trombone under ice' };
    expect((await fixture.send('PUT', path, { token, body })).status).to.equal(204);
    const { json: again } = await fixture.send('POST', '/api/v1/sessions', {
      body: { login: 'dora', password: body.password },
    });
    const letIn = await fixture.send('GET', '/api/v1/operators', { token: again.token });
    expect(letIn.status).to.equal(200);
  });

  it('believes on the address of a caller what its own proxy added, and nobody else', async () => {
    const source = async (from: string, forwarded: string) => {
      await fixture.send('GET', '/api/v1/audit', {
        from,
        headers: { 'x-forwarded-for': forwarded },
      });
      const { json } = await fixture.send('GET', '/api/v1/audit?limit=1', { token: admin });
      return json.items[0].detail.source;
    };
    expect(await source('203.0.113.1', '10.0.0.1')).to.equal('203.0.113.1');
    expect(await source('10.9.9.9', '10.0.0.1, 203.0.113.2')).to.equal('203.0.113.2');
    expect(await source('10.9.9.9', 'evil')).to.equal('10.9.9.9');
  });

  it('is alive, and ready when its checks are', async () => {
    let ready = true;
    const api = createApi({
      ...fixture,
      ...{ title: 'T', version: '1', ids: systemIds, serverName: 'MSK', registry: new Registry() },
      readiness: async () => ({ ready, checks: { store: { ok: ready } } }),
    });
    const status = async (path: string) => (await api.app.request(path)).status;
    expect([await status('/livez'), await status('/readyz')]).to.deep.equal([200, 200]);
    ready = false;
    expect([await status('/livez'), await status('/readyz')]).to.deep.equal([200, 503]);
  });

  it('writes one line a request, with the pattern and never the token', async () => {
    fixture.logged.length = 0;
    await fixture.send('GET', '/api/v1/operators?cursor=79161234567', { token: admin });
    const [line] = fixture.logged.map((text) => JSON.parse(text));
    expect(line).to.include({ msg: 'request', route: '/api/v1/operators', operator: 'anna' });
    expect(fixture.logged.join('')).not.to.include(admin).and.not.to.include('79161234567');
  });
});
