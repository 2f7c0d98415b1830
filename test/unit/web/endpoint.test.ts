import { expect } from 'chai';
import { z } from 'zod';
import { DomainError } from '../../../shared/problem/problem.ts';
import type { AnyEndpointSpec } from '../../../shared/web/endpoint.ts';
import { msisdn, wireMoney } from '../../../shared/web/schemas.ts';
import { type ApiFixture, answerOf, apiFixture } from './api-fixture.ts';

describe('an endpoint', () => {
  let fixture: ApiFixture;
  let admin: string;
  let cashier: string;

  before(async () => {
    fixture = await apiFixture();
    [admin, cashier] = [await fixture.signIn('anna'), await fixture.signIn('boris')];
    fixture.api.app.get('/a-page', (c) => c.html('<p>hello</p>'));
    const common = { tag: 'Test', summary: 'Test' };
    const body = z.strictObject({ msisdn, money: wireMoney, note: z.string().optional() });
    const { endpoint } = fixture.api;
    endpoint(
      {
        ...{ ...common, method: 'POST', path: '/api/v1/payments', permission: 'payment.take' },
        ...{ operationId: 'pay', body, response: body, maxBodyBytes: 1024 },
      },
      async ({ body }) => body,
    );
    endpoint(
      {
        ...{ ...common, method: 'GET', path: '/api/v1/errors/{kind}', permission: 'public' },
        params: z.strictObject({ kind: z.enum(['domain', 'bug', 'denied', 'busy']) }),
        query: z.strictObject({ n: z.string().optional() }),
        ...{ operationId: 'fail', response: z.string() },
      },
      async ({ params, query }) => {
        if (params.kind === 'bug') throw new Error('secret detail of 79161234567');
        if (params.kind === 'busy') throw new DomainError('overloaded');
        if (params.kind === 'denied') throw new DomainError('same-person');
        throw new DomainError('unknown-number', `No such number: ${query.n}.`);
      },
    );
  });
  after(() => fixture.close());

  const good = { msisdn: '79161234567', money: { amount: '500.00', currency: 'RUB' } };
  const pay = (body: unknown, headers = {}) =>
    fixture.send('POST', '/api/v1/payments', { token: cashier, body, headers });
  /** As it travels, for bodies that JSON.stringify does not make. */
  async function payRaw(body: RequestInit['body'], headers: Record<string, string> = {}) {
    const all = { authorization: `Bearer ${cashier}`, ...headers };
    // `duplex` is what a streaming body needs; the type of RequestInit lacks it.
    const init = { method: 'POST', headers: all, body, duplex: 'half' } as RequestInit;
    return answerOf(await fixture.api.app.request('/api/v1/payments', init));
  }
  const json = { 'content-type': 'application/json' };

  it('answers what its handler made of what was parsed', async () => {
    const answer = await pay(good);
    expect(answer.status).to.equal(201);
    expect(answer.json).to.deep.equal(good);
    expect(answer.headers.get('content-type')).to.equal('application/json');
  });

  it('names every field that is wrong or unknown, by its dotted path', async () => {
    const money = { amount: 500, currency: 'RUB', rate: 1 };
    const answer = await pay({ msisdn: '+7', money, extra: 1 });
    expect(answer.status).to.equal(400);
    expect(answer.headers.get('content-type')).to.equal('application/problem+json');
    expect(answer.json.code).to.equal('invalid-input');
    const fields = answer.json.errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).to.deep.equal(['extra', 'money.amount', 'money.rate', 'msisdn']);
  });

  it('refuses an own __proto__ and a repeated member', async () => {
    const proto = await payRaw('{"__proto__":{"note":"x"},"msisdn":"79161234567"}', json);
    expect(proto.status).to.equal(400);
    expect(proto.text).to.include('__proto__');
    const text = JSON.stringify(good).replace('{', '{"msisdn":"1",');
    const repeated = await payRaw(text, json);
    expect(repeated.status).to.equal(400);
    expect(repeated.json.errors[0].field).to.equal('msisdn');
  });

  for (const [what, body] of [
    ['text that is not JSON', '{'],
    ['no body', ''],
    ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ] as const) {
    it(`refuses ${what}, naming body`, async () => {
      const answer = await payRaw(body, json);
      expect(answer.status).to.equal(400);
      expect(answer.json.errors[0].field).to.equal('body');
    });
  }

  it('refuses an array or null for a body', async () => {
    for (const body of [[], null, 'x', 5]) {
      expect((await payRaw(JSON.stringify(body), json)).status).to.equal(400);
    }
  });

  it('takes JSON only', async () => {
    const text = JSON.stringify(good);
    for (const type of [
      'text/plain',
      'application/jsonp',
      'application/json; charset=latin1',
      '',
    ]) {
      const answer = await payRaw(text, { 'content-type': type });
      expect([answer.status, type]).to.deep.equal([415, type]);
    }
    const utf8 = { 'content-type': 'Application/JSON; charset=UTF-8' };
    expect((await payRaw(text, utf8)).status).to.equal(201);
  });

  it('unpacks nothing', async () => {
    const text = JSON.stringify(good);
    for (const encoding of ['gzip', 'br', 'deflate, gzip', 'zstd', 'x-gzip']) {
      const answer = await payRaw(text, { ...json, 'content-encoding': encoding });
      expect([answer.status, encoding]).to.deep.equal([415, encoding]);
    }
    expect((await payRaw(text, { ...json, 'content-encoding': 'identity' })).status).to.equal(201);
  });

  it('refuses a body over its limit, declared or streamed', async () => {
    const big = JSON.stringify({ ...good, note: 'x'.repeat(1024) });
    const declared = { ...json, 'content-length': String(big.length) };
    expect((await payRaw(big, declared)).status).to.equal(413);
    let pulled = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(512).fill(0x20));
      },
    });
    expect((await payRaw(stream, json)).status).to.equal(413);
    expect(pulled).to.be.lessThan(6);
  });

  it('refuses unknown and wrong parameters', async () => {
    const wrong = await fixture.send('GET', '/api/v1/errors/other');
    expect([wrong.status, wrong.json.errors[0].field]).to.deep.equal([400, 'kind']);
    const unknown = await fixture.send('GET', '/api/v1/errors/domain?m=1');
    expect([unknown.status, unknown.json.errors[0].field]).to.deep.equal([400, 'm']);
  });

  it('answers a refusal with its problem document, identifiers masked', async () => {
    const answer = await fixture.send('GET', '/api/v1/errors/domain?n=79161234567');
    expect(answer.status).to.equal(404);
    expect(answer.json).to.include({
      type: 'urn:sbms:problem:unknown-number',
      title: 'No such number',
      detail: 'No such number: 7916•••4567.',
      status: 404,
    });
  });

  it('says of what passes by itself when to come again', async () => {
    const busy = await fixture.send('GET', '/api/v1/errors/busy');
    expect([busy.status, busy.headers.get('retry-after')]).to.deep.equal([503, '5']);
    const refused = await fixture.send('GET', '/api/v1/errors/domain');
    expect(refused.headers.get('retry-after')).to.equal(null);
  });

  it('documents what a number must look like, as it is checked', async () => {
    const { json: document } = await fixture.send('GET', '/openapi.json');
    const schema = document.paths['/api/v1/payments'].post.requestBody.content['application/json'];
    const { pattern } = schema.schema.properties.msisdn;
    for (const msisdn of ['79161234567', '+79161234567', '89161234567890123', '']) {
      const isTaken = (await pay({ ...good, msisdn })).status === 201;
      expect(new RegExp(pattern).test(msisdn), msisdn).to.equal(isTaken);
    }
  });

  it('answers a bug with the trace id alone, and logs it masked', async () => {
    fixture.logged.length = 0;
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const answer = await fixture.send('GET', '/api/v1/errors/bug', { headers: { traceparent } });
    expect([answer.status, answer.json.code]).to.deep.equal([500, 'internal']);
    expect(answer.json.instance).to.equal(`urn:sbms:trace:${traceId}`);
    expect(answer.text).not.to.match(/secret|stack|\.ts|\.js/);
    const logged = fixture.logged.join('');
    expect(logged).to.include(traceId).and.include('secret detail of 7916•••4567');
    expect(logged).not.to.include('79161234567');
  });

  it('knows 404 from 405, and names the methods', async () => {
    expect((await fixture.send('GET', '/api/v1/nothing')).status).to.equal(404);
    const answer = await fixture.send('DELETE', '/api/v1/payments', { token: cashier });
    expect([answer.status, answer.headers.get('allow')]).to.deep.equal([405, 'POST']);
    const shared = await fixture.send('PATCH', '/api/v1/operators', { token: admin });
    expect(shared.headers.get('allow')).to.equal('GET, POST');
  });

  it('goes on with the trace of its caller, or starts one', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-00`;
    const known = (await pay(good, { traceparent })).headers.get('traceparent') ?? '';
    expect(known).to.match(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    expect(known).not.to.equal(traceparent);
    for (const wrong of ['', 'x', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`]) {
      const fresh = (await pay(good, { traceparent: wrong })).headers.get('traceparent');
      expect(fresh).to.match(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(fresh).not.to.include('0'.repeat(32));
    }
  });

  it('sets security headers on answers, refusals, unknown paths and pages', async () => {
    const paths = [
      '/livez',
      '/api/v1/nothing',
      '/docs',
      '/docs/docs.css',
      '/a-page',
      '/api/v1/audit',
    ];
    for (const path of paths) {
      const { headers } = await fixture.send('GET', path);
      expect(headers.get('x-content-type-options'), path).to.equal('nosniff');
      expect(headers.get('content-security-policy'), path).to.include("default-src 'none'");
      expect(headers.get('referrer-policy'), path).to.equal('no-referrer');
      expect(headers.get('traceparent'), path).to.be.a('string');
      expect(headers.get('strict-transport-security'), path).to.equal(null);
    }
    const secure = await fixture.api.app.request('https://msk.example/livez');
    expect(secure.headers.get('strict-transport-security')).to.be.a('string');
  });
});

describe('wiring an endpoint', () => {
  let fixture: ApiFixture;
  before(async () => {
    fixture = await apiFixture();
  });
  after(() => fixture.close());

  const inner = z.object({ a: z.string() });
  const nested = z.strictObject({ list: z.array(z.union([z.string(), inner])).optional() });
  const common: AnyEndpointSpec = {
    ...{ method: 'POST', path: '/x', permission: 'signed-in' },
    ...{ tag: 'Test', summary: 'Test', operationId: 'x' },
  };
  const holes: readonly [what: string, spec: Partial<AnyEndpointSpec>, message: string][] = [
    ['a body that is not strict', { body: inner }, 'x: body must be a z.strictObject'],
    ['a nested object that is not', { body: nested }, 'x: body.list.[] must be a z.strictObject'],
    ['a query that is not strict', { query: inner }, 'x: query must be a z.strictObject'],
    ['params that nobody parses', { path: '/x/{id}' }, 'params must parse exactly id'],
    ['a key for strangers', { permission: 'public', idempotent: true }, 'signed in'],
    ['a GET with a body', { method: 'GET', body: z.strictObject({}) }, 'a GET has no body'],
  ];
  for (const [what, spec, message] of holes) {
    it(`refuses ${what}`, () => {
      const add = () => fixture.api.endpoint({ ...common, ...spec }, async () => undefined);
      expect(add).to.throw(message);
    });
  }

  it('does not compile without a permission', () => {
    const { permission: _, ...open } = common;
    // @ts-expect-error: the point of this test
    const add = () => fixture.api.endpoint(open, async () => undefined);
    expect(add).to.be.a('function');
  });
});
