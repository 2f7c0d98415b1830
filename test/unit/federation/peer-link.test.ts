import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { Hono } from 'hono';
import { certificateFacts, createAuthority } from '../../../shared/federation/certificates.ts';
import type { NodeIdentity } from '../../../shared/federation/identity.ts';
import type { PeerBindings } from '../../../shared/federation/peer-server.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { certificateFor, type federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { ask, closeLinks, link, msk, nsk, raw, spb } from './peer-link-fixture.ts';

const dayMs = 86_400_000;

describe('the peer link', () => {
  afterEach(closeLinks);

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

    it('a key that is accepted besides is taken also by a client that knew the peer before', async () => {
      const { call, current, keys, server, serverDirectory, clientDirectory, peerUrl } =
        await link();
      await call();
      const { spkiSha256 } = certificateFacts(keys.identity(nsk).certPem);
      const next = { use: 'tls', key: spkiSha256, state: 'accepted' } as const;
      clientDirectory.set(keys.peer(msk, { peerUrl, keys: [next] }));
      await call();
      const renewed = { ...keys.identity(nsk), code: msk };
      current.server = { ...renewed, certPem: certificateFor(keys.authority, renewed) };
      server.reload();
      // The connection is lost, as any network loses some.
      serverDirectory.remove(spb);
      server.recheck();
      serverDirectory.set(keys.peer(spb));
      await call().catch(() => undefined);
      expect(await call()).to.include({ status: 200 });
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

    it('a certificate that runs out on an open connection', async () => {
      const { call, clientClock } = await link();
      // As many as it opens.
      await Promise.all(Array.from({ length: 8 }, () => call()));
      clientClock.shift(31 * dayMs);
      expect(String((await refusalBy(call())).cause)).to.include('expired');
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
      expect(performance.now() - started).to.be.lessThan(30_000);
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
    expect(performance.now() - before).to.be.lessThan(4_500);
  });
});
