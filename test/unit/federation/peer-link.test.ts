import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Hono } from 'hono';
import { certificateFacts, createAuthority } from '../../../shared/federation/certificates.ts';
import type { NodeIdentity } from '../../../shared/federation/identity.ts';
import { createPeerClient } from '../../../shared/federation/peer-client.ts';
import {
  callerOf,
  createPeerServer,
  type PeerBindings,
  type PeerRefusal,
} from '../../../shared/federation/peer-server.ts';
import { maxInflatedBytes } from '../../../shared/federation/peer-server-body.ts';
import type { PeerRequest } from '../../../shared/federation/peers.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import {
  certificateFor,
  changeableDirectory,
  federationKeys,
  refusalBy,
  shiftableClock,
} from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const nsk = 'NSK' as NodeCode;
const dayMs = 86_400_000;
const ask: PeerRequest = { method: 'GET', path: '/peer/v1/caller', timeoutMs: 5_000 };

describe('the peer link', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  /** MSK listens; SPB (by default) calls it over real TLS. */
  async function link(
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
    const call = (changes: Partial<PeerRequest> = {}) =>
      client.request(msk, { ...ask, ...changes });
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
  function raw(
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

  describe('between peers', () => {
    it('proves the caller to the application', async () => {
      const { call, keys } = await link();
      const answer = await call();
      expect(answer.status).to.equal(200);
      const { serial } = certificateFacts(keys.identity(spb).certPem);
      expect(JSON.parse(answer.body)).to.deep.equal({ caller: 'SPB', serial });
    });

    it('carries bodies small, gzipped and empty, as they were sent', async () => {
      const { call } = await link();
      for (const body of ['{"имя":"Анна"}', 'платёж '.repeat(100_000), '']) {
        const answer = await call({ method: 'POST', path: '/peer/v1/echo', body });
        expect(answer.body === body, `${body.length} characters`).to.equal(true);
      }
    });

    it('returns any HTTP answer, also a refusal by the application', async () => {
      const { call } = await link();
      expect(await call({ path: '/peer/v1/nothing' })).to.include({ status: 404 });
    });

    it('speaks TLS 1.3 only', async () => {
      const { port } = await link();
      const older = tlsConnect({ port, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
      const [error] = await once(older, 'error');
      expect(String(error)).to.match(/protocol version|alert/i);
    });

    it('resumes no session: each connection proves itself anew', async () => {
      const { port, keys } = await link();
      const { tlsKeyPem: key, certPem: cert } = keys.identity(spb);
      const options = { port, key, cert, rejectUnauthorized: false };
      const first = tlsConnect(options);
      let session: Buffer | undefined;
      first.on('session', (ticket) => {
        session = ticket;
      });
      first.write(`GET ${ask.path} HTTP/1.1\r\nHost: msk\r\nConnection: close\r\n\r\n`);
      first.resume();
      await once(first, 'close');
      const second = tlsConnect({ ...options, ...(session && { session }) });
      await once(second, 'secureConnect');
      expect(second.isSessionReused()).to.equal(false);
      second.destroy();
    });
  });

  describe('the server refuses', () => {
    async function refusedWith(
      reason: string,
      identity: (
        keys: Awaited<ReturnType<typeof federationKeys>>,
      ) => NodeIdentity | Promise<NodeIdentity>,
      prepare: (l: Awaited<ReturnType<typeof link>>) => void = () => {},
    ) {
      const l = await link();
      prepare(l);
      const answer = await raw(l.port, { identity: await identity(l.keys) });
      expect(answer.status).to.equal(403);
      expect(JSON.parse(answer.body)).to.include({ code: 'peer-refused' });
      expect(l.refusals.map((refusal) => refusal.reason)).to.deep.equal([reason]);
      return l.refusals[0];
    }

    it('who shows no certificate', async () => {
      const { port, refusals } = await link();
      expect(await raw(port, {})).to.include({ status: 403 });
      expect(refusals).to.have.length(1);
      expect(refusals[0]).to.include({ reason: 'no-certificate' });
    });

    it('a certificate of another authority, though it names a peer', async () => {
      await refusedWith('not-our-authority', async (keys) => {
        const authority = await createAuthority({
          commonName: 'Test CA',
          clock: systemClock,
          ids: systemIds,
          validDays: 30,
        });
        const identity = keys.identity(spb);
        return { ...identity, certPem: certificateFor(authority, identity) };
      });
    });

    it('an unknown node of our authority', async () => {
      const refusal = await refusedWith('unknown-node', (keys) => keys.identity(nsk));
      expect(refusal).to.include({ claimed: 'NSK', address: '127.0.0.1' });
    });

    it('a certificate for a peer under a key that the directory does not name', async () => {
      await refusedWith('other-key', (keys) => {
        const stranger = { ...keys.identity(nsk), code: spb };
        return { ...stranger, certPem: certificateFor(keys.authority, stranger) };
      });
    });

    it('an expired certificate, and one that is not valid yet', async () => {
      const ago = { ...systemClock, nowMs: () => systemClock.nowMs() - 40 * dayMs };
      await refusedWith('expired', (keys) => {
        const identity = keys.identity(spb);
        return { ...identity, certPem: certificateFor(keys.authority, identity, { clock: ago }) };
      });
      const ahead = { ...systemClock, nowMs: () => systemClock.nowMs() + 40 * dayMs };
      await refusedWith('not-yet-valid', (keys) => {
        const identity = keys.identity(spb);
        return { ...identity, certPem: certificateFor(keys.authority, identity, { clock: ahead }) };
      });
    });

    it('an inactive peer and a revoked serial', async () => {
      const own = (keys: Awaited<ReturnType<typeof federationKeys>>) => keys.identity(spb);
      await refusedWith('inactive-node', own, ({ keys, serverDirectory }) =>
        serverDirectory.set(keys.peer(spb, { active: false })),
      );
      await refusedWith('revoked-serial', own, ({ keys, serverDirectory }) => {
        const { serial } = certificateFacts(keys.identity(spb).certPem);
        serverDirectory.set(keys.peer(spb, { revokedSerials: [serial] }));
      });
    });

    it('a peer whose certificate expires on an open connection', async () => {
      const { call, clock, refusals } = await link();
      await call();
      clock.shift(31 * dayMs);
      expect(await call()).to.include({ status: 403 });
      expect(refusals[0]).to.include({ reason: 'expired', claimed: 'SPB' });
    });
  });

  describe('when the directory changes', () => {
    it('an open connection of a revoked peer is cut, and it comes in no more', async () => {
      const { call, keys, port, server, serverDirectory, refusals } = await link();
      const identity = keys.identity(spb);
      const socket = tlsConnect({
        port,
        key: identity.tlsKeyPem,
        cert: identity.certPem,
        rejectUnauthorized: false,
      });
      const get = `GET ${ask.path} HTTP/1.1\r\nHost: msk\r\n\r\n`;
      socket.write(get);
      const [first] = await once(socket, 'data');
      expect(String(first)).to.match(/^HTTP\/1.1 200/);
      await call();

      const { serial } = certificateFacts(identity.certPem);
      const cut = once(socket, 'close');
      serverDirectory.set(keys.peer(spb, { revokedSerials: [serial] }));
      server.recheck();
      await cut;
      expect(refusals).to.have.length(2);
      expect(refusals[0]).to.include({ reason: 'revoked-serial', serial });
      // The first may still meet the cut connection.
      await call().catch(() => undefined);
      expect(await call()).to.include({ status: 403 });
    });

    it('peers that are still peers keep their connections', async () => {
      const { call, keys, server, serverDirectory, refusals } = await link();
      await call();
      serverDirectory.set(keys.peer(nsk));
      server.recheck();
      expect(await call()).to.include({ status: 200 });
      expect(refusals).to.deep.equal([]);
    });

    it("the client follows a peer's new address", async () => {
      const { call, keys, clientDirectory } = await link();
      await call();
      const other = await link();
      clientDirectory.set(keys.peer(msk, { peerUrl: other.peerUrl }));
      expect(await call()).to.include({ status: 200 });
      expect(await other.call()).to.include({ status: 200 });
    });
  });

  describe('the client refuses', () => {
    async function impostor(change: (l: Awaited<ReturnType<typeof link>>) => void) {
      const l = await link();
      change(l);
      l.server.reload();
      const refusal = await refusalBy(l.call());
      expect(refusal).to.include({ code: 'peer-unreachable' });
      return String(refusal.cause);
    }

    it('another node at the address of a peer', async () => {
      const cause = await impostor((l) => {
        l.current.server = l.keys.identity(nsk);
      });
      expect(cause).to.match(/altnames|wrong-node/i);
    });

    it("a peer's name under a key that the directory does not name", async () => {
      const cause = await impostor((l) => {
        const thief = { ...l.keys.identity(nsk), code: msk };
        l.current.server = { ...thief, certPem: certificateFor(l.keys.authority, thief) };
      });
      expect(cause).to.include('other-key');
    });

    it('a revoked certificate, and an expired one', async () => {
      const revoked = await impostor(({ keys, clientDirectory, peerUrl }) => {
        const { serial } = certificateFacts(keys.identity(msk).certPem);
        clientDirectory.set(keys.peer(msk, { peerUrl, revokedSerials: [serial] }));
      });
      expect(revoked).to.include('revoked-serial');
      const expired = await impostor((l) => l.clientClock.shift(31 * dayMs));
      expect(expired).to.include('expired');
    });

    it('to call who is not in the directory, or inactive there', async () => {
      const { client, keys, clientDirectory, call } = await link();
      expect(await refusalBy(client.request(nsk, ask))).to.include({ code: 'peer-unreachable' });
      clientDirectory.set(keys.peer(msk, { active: false }));
      expect(await refusalBy(call())).to.include({ code: 'peer-unreachable' });
    });
  });

  describe('unreachable', () => {
    it('is a closed port', async () => {
      const { call, server } = await link();
      await server.close();
      expect(await refusalBy(call())).to.include({ code: 'peer-unreachable' });
    });

    it('is a peer that does not answer in time', async () => {
      const app = new Hono<{ Bindings: PeerBindings }>();
      const waiting: (() => void)[] = [];
      app.get('/peer/v1/caller', async (c) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return c.text('late');
      });
      const { call } = await link({ app });
      const refusal = await refusalBy(call({ timeoutMs: 200 }));
      expect(refusal).to.include({ code: 'peer-unreachable' });
      expect(String(refusal.cause)).to.include('200 ms');
      for (const resolve of waiting) resolve();
    });

    it('is a host that accepts and never shakes hands', async () => {
      const { keys, clientDirectory, call } = await link();
      const { createServer } = await import('node:net');
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const address = silent.address();
      const port = typeof address === 'object' ? address?.port : 0;
      clientDirectory.set(keys.peer(msk, { peerUrl: `https://127.0.0.1:${port}` }));
      const started = performance.now();
      await refusalBy(call({ timeoutMs: 300 }));
      expect(performance.now() - started).to.be.lessThan(2_000);
      silent.close();
    });
  });

  it('renews both certificates in mid-traffic without failing a request', async () => {
    const { call, current, keys, client, server } = await link();
    const serials = new Set<string>();
    let running = true;
    const caller = async () => {
      let answers = 0;
      while (running) {
        const answer = await call({ timeoutMs: 10_000 });
        expect(answer.status).to.equal(200);
        serials.add(JSON.parse(answer.body).serial);
        answers += 1;
      }
      return answers;
    };
    const done = Promise.all([caller(), caller(), caller(), caller()]);
    for (let renewal = 0; renewal < 4; renewal += 1) {
      const ownSerials = serials.size;
      current.client = {
        ...current.client,
        certPem: certificateFor(keys.authority, keys.identity(spb)),
      };
      current.server = {
        ...current.server,
        certPem: certificateFor(keys.authority, keys.identity(msk)),
      };
      server.reload();
      client.reload();
      // Until the new certificate was seen at the other end.
      while (serials.size <= ownSerials) await Promise.race([done, call()]);
    }
    running = false;
    expect(Math.min(...(await done))).to.be.greaterThan(0);
    expect(serials.size).to.be.greaterThan(3);
  });

  describe('without a certificate', () => {
    it('enrolment is reachable, and the application sees nobody', async () => {
      const { port, refusals } = await link();
      expect(await raw(port, { path: '/enrolment/ca.pem' })).to.deep.equal({
        status: 200,
        body: 'nobody',
      });
      expect(refusals).to.deep.equal([]);
    });

    it('no spelling of a path leads from enrolment to the peers', async () => {
      const { port } = await link();
      for (const path of [
        '/enrolment/../peer/v1/caller',
        '/enrolment/%2e%2e/peer/v1/caller',
        '/enrolment/..%2fpeer/v1/caller',
        '//enrolment/ca.pem',
        '/enrolment/',
        '/enrolment\\..\\peer',
      ]) {
        expect(await raw(port, { path }), path).to.include({ status: 403 });
      }
    });

    it('a body is small', async () => {
      const { port } = await link();
      const options = { path: '/enrolment/requests', method: 'POST' };
      expect(await raw(port, options, 'x'.repeat(60_000))).to.include({ status: 200 });
      expect(await raw(port, options, 'x'.repeat(70_000))).to.include({ status: 413 });
    });
  });

  describe('bodies', () => {
    const post = { method: 'POST', path: '/peer/v1/echo' };
    const gzip = { 'content-encoding': 'gzip' };

    it('are bounded on the wire, whether or not they say their length', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const body = Buffer.alloc(8 * 1024 * 1024 + 1);
      const headers = { 'transfer-encoding': 'chunked' };
      for (const options of [post, { ...post, headers }]) {
        const outcome = await raw(port, { identity, ...options }, body).catch((error) => error);
        // The answer may be overtaken by the reset of a connection that nobody reads any more.
        if (outcome instanceof Error) expect(outcome).to.have.property('code');
        else expect(outcome).to.include({ status: 413 });
      }
      expect(await raw(port, { identity, ...post }, 'ok')).to.include({ status: 200 });
    });

    it('are bounded after inflation', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const bomb = gzipSync(Buffer.alloc(maxInflatedBytes + 1));
      const answer = await raw(port, { identity, ...post, headers: gzip }, bomb);
      expect(answer).to.include({ status: 413 });
    });

    it('that are not what they say are refused', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const broken = await raw(port, { identity, ...post, headers: gzip }, 'not gzip');
      expect(broken).to.include({ status: 400 });
      const headers = { 'content-encoding': 'br' };
      expect(await raw(port, { identity, ...post, headers }, 'x')).to.include({ status: 415 });
    });
  });

  it('closes after what is in flight, and takes nothing new', async () => {
    const app = new Hono<{ Bindings: PeerBindings }>();
    let arrived = () => {};
    let finish = () => {};
    const started = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    app.get('/peer/v1/caller', async (c) => {
      arrived();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return c.text('done');
    });
    const { call, server, port } = await link({ app });
    const answer = call();
    await started;
    const closed = server.close();
    const late = tcpConnect(port, '127.0.0.1');
    await once(late, 'error');
    finish();
    expect(await answer).to.include({ status: 200, body: 'done' });
    const before = performance.now();
    await closed;
    expect(performance.now() - before).to.be.lessThan(2_000);
  });
});
