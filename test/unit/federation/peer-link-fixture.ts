import { request as httpsRequest } from 'node:https';
import { Hono } from 'hono';
import type { NodeIdentity } from '../../../shared/federation/identity.ts';
import { createPeerClient } from '../../../shared/federation/peer-client.ts';
import {
  callerOf,
  createPeerServer,
  type PeerBindings,
  type PeerRefusal,
} from '../../../shared/federation/peer-server.ts';
import type { PeerRequest } from '../../../shared/federation/peers.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import {
  changeableDirectory,
  federationKeys,
  shiftableClock,
} from '../../support/federation-keys.ts';

export const msk = 'MSK' as NodeCode;
export const spb = 'SPB' as NodeCode;
export const nsk = 'NSK' as NodeCode;
export const ask: PeerRequest = { method: 'GET', path: '/peer/v1/caller', timeoutMs: 5_000 };

const undo: (() => Promise<void>)[] = [];

/** Ends all that a test opened. */
export async function closeLinks(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

/** MSK listens; SPB (by default) calls it over real TLS. */
export async function link(
  options: { client?: NodeIdentity; app?: Hono<{ Bindings: PeerBindings }> } = {},
) {
  const keys = await federationKeys([msk, spb, nsk]);
  const clock = shiftableClock();
  const clientClock = shiftableClock();
  const current = { server: keys.identity(msk), client: options.client ?? keys.identity(spb) };
  const refusals: PeerRefusal[] = [];
  const serverDirectory = changeableDirectory([keys.peer(spb)]);
  const app = options.app ?? echoApp();
  const server = createPeerServer({
    identity: () => current.server,
    directory: serverDirectory,
    fetch: (request, env) => app.fetch(request, env),
    onRefused: (refusal) => refusals.push(refusal),
    clock,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  undo.push(() => server.close());
  const peerUrl = `https://127.0.0.1:${port}`;
  const clientDirectory = changeableDirectory([keys.peer(msk, { peerUrl })]);
  const client = createPeerClient({
    identity: () => current.client,
    directory: clientDirectory,
    clock: clientClock,
  });
  undo.push(() => client.close());
  const call = (changes: Partial<PeerRequest> = {}) => client.request(msk, { ...ask, ...changes });
  return {
    keys,
    clock,
    clientClock,
    current,
    refusals,
    server,
    port,
    peerUrl,
    client,
    call,
    serverDirectory,
    clientDirectory,
  };
}

function echoApp() {
  const app = new Hono<{ Bindings: PeerBindings }>();
  app.get('/peer/v1/caller', (c) => c.json({ caller: callerOf(c.env), serial: c.env.serial }));
  app.post('/peer/v1/echo', async (c) => c.text(await c.req.text()));
  app.get('/enrolment/ca.pem', (c) => c.text(c.env.caller ?? 'nobody'));
  app.post('/enrolment/requests', async (c) => c.text(await c.req.text()));
  return app;
}

/** One raw HTTPS request, with or without a certificate. */
export function raw(
  port: number,
  options: {
    identity?: NodeIdentity;
    path?: string;
    method?: string;
    headers?: Record<string, string>;
  },
  body: string | Buffer = '',
): Promise<{ status: number; body: string }> {
  const { identity, path = ask.path, method = 'GET', headers = {} } = options;
  const tls = identity ? { key: identity.tlsKeyPem, cert: identity.certPem } : {};
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      { host: '127.0.0.1', port, path, method, headers, rejectUnauthorized: false, ...tls },
      async (incoming) => {
        let text = '';
        for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
        resolve({ status: incoming.statusCode ?? 0, body: text });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
