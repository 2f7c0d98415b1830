import { Hono } from 'hono';
import { z } from 'zod';
import { systemIds } from '../../../shared/ids/ids.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { createFrontServer } from '../../../shared/web/listen.ts';
import { msisdn, wireMoney } from '../../../shared/web/schemas.ts';
import { apiFixture } from './api-fixture.ts';

const f = await apiFixture();
const logger = createLogger({ clock: f.clock, node: 'MSK' });
const api = createApi({
  ...f,
  title: 't',
  version: '1',
  ids: systemIds,
  logger,
  serverName: 'MSK',
});
const body = z.strictObject({ msisdn, money: wireMoney, note: z.string().optional() });
const spec = {
  method: 'POST',
  permission: 'payment.take',
  tag: 't',
  summary: 's',
  body,
  response: body,
} as const;
api.endpoint({ ...spec, path: '/api/v1/echo', operationId: 'echo' }, async ({ body }) => body);
api.endpoint(
  { ...spec, path: '/api/v1/keyed', operationId: 'keyed', idempotent: true },
  async ({ body, idempotency }) => idempotency.write(async () => body),
);
api.endpoint(
  { ...spec, path: '/api/v1/write', operationId: 'write' },
  async ({ body, idempotency }) => idempotency.write(async () => body),
);
const bare = new Hono();
bare.post('/echo', async (c) => c.json(await c.req.json()));
const h9 = () => ({ 'content-type': 'application/json', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', traceparent: '00-665c74fc991464d89603cff7a9fe4f80-665c74fc991464d8-01' });
bare.post('/h9', async (c) => new Response(JSON.stringify(await c.req.json()), { status: 201, headers: h9() }));
bare.post('/h1', async (c) => new Response(JSON.stringify(await c.req.json()), { status: 201, headers: { 'content-type': 'application/json' } }));
bare.use('/mw/*', async (c, next) => { c.set('x' as never, {} as never); await next(); c.res.status; });
bare.post('/mw/h1', async (c) => new Response(JSON.stringify(await c.req.json()), { status: 201, headers: { 'content-type': 'application/json' } }));
bare.post('/hdr', async (c) => { for (const h of ['traceparent', 'authorization', 'content-type', 'content-length']) c.req.header(h); return new Response(JSON.stringify(await c.req.json()), { status: 201, headers: { 'content-type': 'application/json' } }); });
bare.post('/buf', async (c) => { const b = await c.req.arrayBuffer(); return new Response(JSON.stringify(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(b))), { status: 201, headers: { 'content-type': 'application/json' } }); });
const a = createFrontServer({ fetch: api.fetch });
const b = createFrontServer({ fetch: bare.fetch });
console.log(
  (await a.listen({ host: '127.0.0.1', port: Number(process.argv[2]) })).port,
  (await b.listen({ host: '127.0.0.1', port: Number(process.argv[2]) + 1 })).port,
  await f.signIn('boris'),
);
process.on('SIGTERM', async () => {
  await a.close();
  await b.close();
  await f.close();
});
