import { expect } from 'chai';
import { bodyBreaker } from '../support/broken-bodies.ts';
import {
  type Answer,
  addOperator,
  cash,
  nextNumber,
  registerSubscriber,
  send,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

// biome-ignore lint/suspicious/noExplicitAny: documents and answers are read as they come
type Anything = any;

const password = 'correct horse battery';
const json = { 'content-type': 'application/json' };
const kibibyte = 1_024;

/** One operation of a node's OpenAPI document, with its path filled in. */
interface Endpoint {
  readonly node: string;
  readonly method: string;
  readonly path: string;
  readonly permission: string;
  readonly schema: Anything;
  readonly query: readonly string[];
  readonly pathParameters: number;
}

describe('bad input', function () {
  this.timeout(120_000);
  let federation: TestFederation;
  let msisdn: string;
  const endpoints: Endpoint[] = [];
  const breakers = new Map<string, ReturnType<typeof bodyBreaker>>();
  const tokens = new Map<string, string>();
  /** Permissions that the manager does not have. */
  const administrators = new Set<string>();

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(['MSK', 'SPB']);
    await addOperator(federation.running('MSK'), { login: 'admin', role: 'branch-admin' });
    msisdn = await registerSubscriber(federation.branch('MSK'));
    for (const node of ['MSK', 'HQ']) {
      const { body } = await send(federation.branch(node).url, 'GET', '/openapi.json');
      breakers.set(node, bodyBreaker(body));
      endpoints.push(...endpointsOf(node, body));
      for (const login of ['manager', 'admin']) {
        const credentials = { body: { login, password } };
        const { url } = federation.branch(node);
        const session = await send(url, 'POST', '/api/v1/sessions', credentials);
        tokens.set(`${node} ${login}`, session.body.token);
      }
    }
    await federation.untilQuiet();
  });
  after(() => federation.stop());

  function endpointsOf(node: string, document: Anything): Endpoint[] {
    const examples: Record<string, string> = {
      ...{ msisdn, login: 'cashier', code: 'SPB', name: 'services', number: 'MSK-1' },
      ...{ date: '2025-06-30', businessDate: '2025-06-30', format: 'csv', branch: 'MSK' },
      peer: 'HQ',
    };
    return Object.entries<Anything>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Anything>(methods).map(([method, operation]) => ({
        node,
        method: method.toUpperCase(),
        path: path.replaceAll(/\{(\w+)\}/g, (_, name) => examples[name] ?? 'no-such-thing'),
        permission: operation['x-permission'],
        schema: operation.requestBody?.content['application/json'].schema,
        query: (operation.parameters ?? [])
          .filter((parameter: Anything) => parameter.in === 'query')
          .map((parameter: Anything) => parameter.name),
        pathParameters: path.split('{').length - 1,
      })),
    );
  }

  async function call(
    endpoint: Pick<Endpoint, 'node' | 'method' | 'path'>,
    { body, headers = json, login = 'manager', suffix = '' }: Anything = {},
  ): Promise<Answer> {
    const { node, method, path } = endpoint;
    const authorization = `Bearer ${tokens.get(`${node} ${login}`)}`;
    const response = await fetch(federation.branch(node).url + path + suffix, {
      method,
      headers: { authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    const { status } = response;
    return { status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** As the manager, or as the administrator for what the manager may not do. */
  async function callAllowed(endpoint: Endpoint, request: Anything): Promise<Answer> {
    const { permission } = endpoint;
    const login = administrators.has(permission) ? 'admin' : 'manager';
    const answer = await call(endpoint, { ...request, login });
    if (answer.status !== 403 || login === 'admin') return answer;
    administrators.add(permission);
    return callAllowed(endpoint, request);
  }

  function expectProblem(answer: Answer, what: string, field?: string): void {
    const said = `${what}: ${answer.status} ${JSON.stringify(answer.body)}`;
    expect(answer.status, said).to.be.within(400, 499);
    expect(answer.status, said).not.to.equal(403);
    expect(answer.headers.get('content-type'), said).to.equal('application/problem+json');
    expect(answer.body, said).to.include.keys('type', 'title', 'status', 'detail', 'code');
    if (field === undefined) return;
    const fields = answer.body.errors?.map((error: Anything) => error.field);
    expect(fields, said).to.include(field);
  }

  /** All that a caller could have changed, as the API tells it. */
  async function state(): Promise<object> {
    const seen: Record<string, unknown> = {};
    const lists = endpoints.filter(
      ({ method, pathParameters }) => method === 'GET' && pathParameters === 0,
    );
    for (const endpoint of lists) {
      const { node, path } = endpoint;
      // What the node is doing changes without anybody's asking.
      if (/audit|sessions|v1\/nodes?$|v1\/reference$/.test(path)) continue;
      const { body, status } = await callAllowed(endpoint, {});
      // One that wants parameters tells nothing without them.
      if (status === 400) continue;
      seen[`${node} ${path}`] = path.endsWith('streams')
        ? body.items.flatMap(({ peer, outbound }: Anything) =>
            outbound.map(({ position }: Anything) => [peer, position]),
          )
        : body;
    }
    return seen;
  }

  const name = ({ node, method, path }: Endpoint) => `${node} ${method} ${path}`;
  const writes = () => endpoints.filter(({ method }) => method === 'POST' || method === 'PUT');

  describe('to everything that can be written', () => {
    let before: object;
    beforeEach(async () => {
      before = await state();
    });
    afterEach(async () => expect(await state()).to.deep.equal(before));

    it('is refused when it is no JSON object in UTF-8', async () => {
      expect(writes().length).to.be.greaterThan(30);
      for (const endpoint of writes()) {
        const good = endpoint.schema
          ? (breakers.get(endpoint.node)?.sample(endpoint.schema) ?? '')
          : '{}';
        for (const body of ['{', 'undefined', "{'a':1}", '[]', 'null', '5', '"x"']) {
          expectProblem(await callAllowed(endpoint, { body }), `${name(endpoint)} ${body}`, 'body');
        }
        const broken = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
        expectProblem(await callAllowed(endpoint, { body: broken }), name(endpoint), 'body');
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/json']) {
          const headers = { 'content-type': type };
          const answer = await callAllowed(endpoint, { body: good, headers });
          expect(answer.status, `${name(endpoint)} ${type}`).to.equal(415);
          expectProblem(answer, name(endpoint));
        }
        if (!endpoint.schema?.required && !endpoint.schema?.$ref) continue;
        const empty = await callAllowed(endpoint, { body: '' });
        expectProblem(empty, `${name(endpoint)} empty`, 'body');
      }
    });

    it('is refused when a field is missing, unknown or of another type, and named', async () => {
      let count = 0;
      for (const endpoint of writes().filter(({ schema }) => schema)) {
        const breaker = breakers.get(endpoint.node);
        for (const { what, body, field } of breaker?.wrongValues(endpoint.schema) ?? []) {
          expectProblem(await callAllowed(endpoint, { body }), `${name(endpoint)} ${what}`, field);
          count += 1;
        }
      }
      expect(count).to.be.greaterThan(200);
    });

    it('is refused when it is big, deep, ambiguous or tampers with objects', async () => {
      const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
      const deeper = `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`;
      for (const endpoint of writes()) {
        const pad = JSON.stringify({ pad: 'x'.repeat(300 * kibibyte) });
        expectProblem(await callAllowed(endpoint, { body: pad }), `${name(endpoint)} big`);
        for (const [body, field] of [
          [`{"bogus":${deep}}`, 'bogus'],
          [`{"bogus":${deeper}}`, 'bogus'],
          ['{"bogus":1,"bogus":1}', 'bogus'],
          ['{"__proto__":{"admin":true}}', '__proto__'],
          ['{"x":{"__proto__":1}}', 'x.__proto__'],
          ['{"constructor":{"prototype":{}}}', 'constructor'],
        ] as const) {
          const said = `${name(endpoint)} ${body.slice(0, 40)}`;
          expectProblem(await callAllowed(endpoint, { body }), said, field);
        }
        const first = Object.keys(endpoint.schema?.properties ?? {})[0];
        if (first === undefined) continue;
        for (const body of [`{"${first}":${deep}}`, `{"${first}":${deeper}}`]) {
          expectProblem(await callAllowed(endpoint, { body }), `${name(endpoint)} deep`);
        }
        const twice = `{"${first}":"x","${first}":"x"}`;
        expectProblem(await callAllowed(endpoint, { body: twice }), name(endpoint), first);
      }
    });

    it('is refused in a path: never an error of ours', async () => {
      for (const endpoint of endpoints.filter(({ pathParameters }) => pathParameters > 0)) {
        for (const bad of ['%00', '%27%20OR%201=1', '..%2f..', '%F0%9F%92%A9', 'x'.repeat(300)]) {
          const path = endpoint.path.replace(
            /(api\/v1\/[a-z-]+(?:\/datasets)?\/)[^/]+/,
            `$1${bad}`,
          );
          const request = { ...endpoint, path };
          const answer = await callAllowed(request, endpoint.schema ? { body: '{}' } : {});
          expectProblem(answer, `${name(endpoint)} ${bad}`);
        }
      }
    });
  });

  describe('to what is asked', () => {
    const bad: Readonly<Record<string, readonly string[]>> = {
      limit: ['0', '201', 'abc', '-1', '1.5', '', '1e2', '٥', '99999999999999999999'],
      cursor: ['x', '!', 'bnVsbA', 'e30', 'W10', 'eyJpZCI6NX0', '%00', 'x'.repeat(600)],
      msisdn: ['+79161234567', 'abc', '7', '0'.repeat(12)],
      state: ['gone', ''],
    };

    it('names the parameter that is wrong or unknown', async () => {
      let count = 0;
      for (const endpoint of endpoints.filter(({ method }) => method === 'GET')) {
        const unknown = await callAllowed(endpoint, { suffix: '?bogus=1' });
        expectProblem(unknown, `${name(endpoint)} bogus`, 'bogus');
        for (const parameter of endpoint.query) {
          for (const value of bad[parameter] ?? []) {
            const answer = await callAllowed(endpoint, { suffix: `?${parameter}=${value}` });
            expectProblem(answer, `${name(endpoint)} ${parameter}=${value}`, parameter);
            count += 1;
          }
        }
      }
      expect(count).to.be.greaterThan(100);
    });

    it('never makes an error of ours, whatever a parameter holds', async () => {
      for (const endpoint of endpoints.filter(({ method }) => method === 'GET')) {
        for (const parameter of endpoint.query) {
          for (const value of ['%00', "'%20OR%201=1--", '%25_', '%EF%BF%BF', 'x'.repeat(2_000)]) {
            const answer = await callAllowed(endpoint, { suffix: `?${parameter}=${value}` });
            const said = `${name(endpoint)} ${parameter}=${value}: ${JSON.stringify(answer.body)}`;
            expect(answer.status, said).to.be.lessThan(500);
          }
        }
      }
    });

    it('refuses days that no calendar has', async () => {
      for (const day of ['2025-02-30', '2025-13-01', '2025-6-1', '20250601', 'today']) {
        const close = { node: 'MSK', method: 'POST', path: `/api/v1/business-days/${day}/close` };
        expectProblem(await call(close), day, 'date');
        const report = { node: 'HQ', method: 'GET', path: `/api/v1/reconciliations/${day}` };
        expectProblem(await call(report), day, 'businessDate');
      }
    });
  });

  describe('to the payment desk', () => {
    const take = { node: 'MSK', method: 'POST', path: '/api/v1/payments' };
    const pay = (changes: object, headers: object = {}) =>
      call(take, {
        body: JSON.stringify({ msisdn, ...cash('500.00'), ...changes }),
        headers: { ...json, ...headers },
      });
    const money = (amount: unknown, currency: unknown = 'RUB') => ({ money: { amount, currency } });
    let before: object;
    beforeEach(async () => {
      before = await state();
    });

    for (const [what, changes, status, code, field] of [
      ['another currency', money('5.00', 'USD'), 422, 'wrong-currency', 'money.currency'],
      ['a currency that is none', money('5.00', 'rub'), 400, 'invalid-input', 'money.currency'],
      ['a currency of JavaScript', money('5.00', 'constructor'), 400, 'invalid-input'],
      ['too many decimals', money('5.000'), 400, 'invalid-money', 'money.amount'],
      ['too few decimals', money('5.0'), 400, 'invalid-money', 'money.amount'],
      ['no decimals', money('5'), 400, 'invalid-money', 'money.amount'],
      ['a sum below zero', money('-5.00'), 422, 'amount-out-of-limits', 'money.amount'],
      ['nothing', money('0.00'), 422, 'amount-out-of-limits', 'money.amount'],
      ['less than the least', money('0.99'), 422, 'amount-out-of-limits', 'money.amount'],
      ['more than the most', money('100000.01'), 422, 'amount-out-of-limits', 'money.amount'],
      ['an exponent', money('1e3'), 400, 'invalid-input', 'money.amount'],
      ['NaN', money('NaN'), 400, 'invalid-input', 'money.amount'],
      ['Infinity', money('Infinity'), 400, 'invalid-input', 'money.amount'],
      ['hexadecimal', money('0x10.00'), 400, 'invalid-input', 'money.amount'],
      ['a plus', money('+5.00'), 400, 'invalid-input', 'money.amount'],
      ['spaces', money(' 5.00'), 400, 'invalid-input', 'money.amount'],
      ['a line feed', money('5.00\n'), 400, 'invalid-input', 'money.amount'],
      ['a comma', money('5,00'), 400, 'invalid-input', 'money.amount'],
      ['Arabic digits', money('٥٠٠.٠٠'), 400, 'invalid-input', 'money.amount'],
      ['2^53+1 as text', money('9007199254740993.00'), 400, 'invalid-money', 'money.amount'],
      ['2^53 as a number', money(2 ** 53), 400, 'invalid-input', 'money.amount'],
      ['a number', money(500), 400, 'invalid-input', 'money.amount'],
      ['no money', { money: undefined }, 400, 'invalid-input', 'money'],
      ['an unknown tender', { tender: { kind: 'barter' } }, 422, 'unknown-tender', 'tender.kind'],
      ['the tender of suspense', { tender: { kind: 'suspense' } }, 422, 'unknown-tender'],
      ['a tender of JavaScript', { tender: { kind: '__proto__' } }, 422, 'unknown-tender'],
      ['a number with +', { msisdn: '+79161234567' }, 400, 'invalid-input', 'msisdn'],
      ['a short number', { msisdn: '7916123' }, 400, 'invalid-input', 'msisdn'],
      ['a long number', { msisdn: '7'.repeat(16) }, 400, 'invalid-input', 'msisdn'],
      ['a number in Arabic digits', { msisdn: '٧٩١٦١٢٣٤٥٦٧' }, 400, 'invalid-input', 'msisdn'],
      ['a number that is free', { msisdn: '79250099999' }, 404, 'unknown-number'],
      ['a number of nobody', { msisdn: '12025550100' }, 404, 'unknown-number'],
      ["another operator's number", { msisdn: '79031234567' }, 422, 'foreign-number'],
    ] as const) {
      it(`refuses ${what}: ${code}`, async () => {
        const answer = await pay(changes);
        expectProblem(answer, what, field);
        expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
        expect(await state()).to.deep.equal(before);
      });
    }

    it('refuses a terminated subscriber, at home and from afar: subscriber-terminated', async () => {
      const gone = await registerSubscriber(federation.branch('MSK'));
      const ended = await federation
        .branch('MSK')
        .manager.post('/api/v1/terminations', { msisdn: gone });
      expect(ended.status, JSON.stringify(ended.body)).to.equal(201);
      await federation.untilQuiet();
      for (const code of ['MSK', 'SPB']) {
        const answer = await federation
          .branch(code)
          .manager.post('/api/v1/payments', { msisdn: gone, ...cash('5.00') });
        expect(answer.status, JSON.stringify(answer.body)).to.equal(409);
        expect(answer.body.code).to.equal('subscriber-terminated');
      }
    });

    it('refuses a number that its home branch does not know, when asked from afar', async () => {
      const answer = await pay({ msisdn: nextNumber('SPB') });
      expect([answer.status, answer.body.code]).to.deep.equal([404, 'unknown-number']);
    });

    it('takes one payment for one key, however many ask at once', async () => {
      const ledger = { node: 'MSK', method: 'GET', path: '/api/v1/trial-balance' };
      const clearing = async () => (await call(ledger)).body.totals[0]?.debit ?? '0.00';
      const sum = Number(await clearing());
      const headers = { 'idempotency-key': 'key-1' };
      const answers = await Promise.all(Array.from({ length: 20 }, () => pay({}, headers)));
      const statuses = new Set(answers.map(({ status }) => status));
      expect([...statuses], JSON.stringify(answers[0]?.body)).to.deep.equal([201]);
      expect(new Set(answers.map(({ body }) => body.operationId)).size).to.equal(1);
      expect(Number(await clearing())).to.equal(sum + 500);
      const other = await pay(money('501.00'), headers);
      expect([other.status, other.body.code]).to.deep.equal([422, 'idempotency-key-reused']);
      expect(Number(await clearing())).to.equal(sum + 500);
    });

    it('refuses a key that is none', async () => {
      for (const key of ['', 'x'.repeat(129), 'ключ'.normalize()]) {
        const latin1 = Buffer.from(key).toString('latin1');
        const answer = await pay({}, { 'idempotency-key': latin1 });
        expectProblem(answer, key, 'Idempotency-Key');
      }
    });
  });

  describe('from those who may not', () => {
    const denials = async (): Promise<Anything[]> => {
      const audit = { node: 'MSK', method: 'GET', path: '/api/v1/audit' };
      return (await call(audit, { suffix: '?action=access.deny&limit=200' })).body.items;
    };
    const guarded = () =>
      endpoints.filter(({ node, permission }) => node === 'MSK' && permission !== 'public');

    it('is refused without a token and with a wrong one, before anything is read', async () => {
      const { url } = federation.branch('MSK');
      for (const { method, path } of guarded()) {
        for (const authorization of [undefined, 'Bearer wrong', 'Basic YTpi', 'Bearer a b']) {
          const headers = { ...json, ...(authorization ? { authorization } : {}) };
          const request = method === 'GET' ? { headers } : { headers, body: '{' };
          const answer = await send(url, method, path, request);
          expect([answer.status, answer.body.code], `${method} ${path}`).to.deep.equal([
            401,
            'not-signed-in',
          ]);
        }
      }
      await until('the wrong tokens are in the audit trail', async () =>
        (await denials()).some(({ subject }) => subject === 'POST /api/v1/payments'),
      );
    });

    it('is refused to a cashier, and written down', async () => {
      const { url } = federation.branch('MSK');
      const session = await send(url, 'POST', '/api/v1/sessions', {
        body: { login: 'cashier', password },
      });
      const authorization = `Bearer ${session.body.token}`;
      for (const [method, path] of [
        ['POST', '/api/v1/backups'],
        ['POST', '/api/v1/subscribers'],
        ['POST', '/api/v1/suspense/{operationId}/refund'],
        ['GET', '/api/v1/audit'],
      ] as const) {
        const answer = await send(url, method, path.replace('{operationId}', 'x'), {
          headers: { authorization },
          ...(method === 'POST' ? { body: '{' } : {}),
        });
        expect([answer.status, answer.body.code], path).to.deep.equal([403, 'not-permitted']);
        await until(`${path} is in the audit trail`, async () =>
          (await denials()).some(
            ({ subject, actor, detail }) =>
              subject === `${method} ${path}` &&
              actor.name === 'cashier' &&
              detail.reason === 'not-permitted',
          ),
        );
      }
    });
  });
});
