import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import { expect } from 'chai';
import { Hono } from 'hono';
import forge from 'node-forge';
import { createFrontServer } from '../../../shared/web/listen.ts';

function selfSigned() {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(Date.now() - 60_000);
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000);
  const subject = [{ name: 'commonName', value: 'localhost' }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return {
    certPem: forge.pki.certificateToPem(certificate),
    keyPem: forge.pki.privateKeyToPem(keys.privateKey),
  };
}

const host = '127.0.0.1';

/** Five seconds pass at once: the clock fires its timers at the next turn. */
const hurried = {
  nowMs: () => 0,
  after(_: number, fn: () => void) {
    const timer = setImmediate(fn);
    return () => clearImmediate(timer);
  },
};

describe('the front server', () => {
  it('speaks plain HTTP on loopback only, unless told', async () => {
    const app = new Hono().get('/', (c) => c.text('here'));
    const refused = await createFrontServer({ fetch: app.fetch })
      .listen({ host: '0.0.0.0', port: 0 })
      .catch(String);
    expect(refused).to.include('plain HTTP is for loopback only');
    for (const options of [{ host }, { host: '0.0.0.0', allowPlain: true }]) {
      const server = createFrontServer({ fetch: app.fetch, ...options });
      const { port } = await server.listen({ host: options.host, port: 0 });
      const answer = await fetch(`http://${host}:${port}/`);
      expect(await answer.text()).to.equal('here');
      await server.close();
    }
  });

  it('speaks TLS with its certificate', async () => {
    const tls = selfSigned();
    const app = new Hono().get('/', (c) => c.text(new URL(c.req.url).protocol));
    const server = createFrontServer({ fetch: app.fetch, tls });
    const { port } = await server.listen({ host, port: 0 });
    const agent = new Agent({ ca: tls.certPem });
    const [response] = await once(httpsRequest({ host, port, agent }).end(), 'response');
    expect(await text(response)).to.equal('https:');
    await server.close();
    agent.destroy();
  });

  it('says when its port is taken', async () => {
    const first = createFrontServer({ fetch: new Hono().fetch });
    const { port } = await first.listen({ host, port: 0 });
    const second = createFrontServer({ fetch: new Hono().fetch });
    const error = await second.listen({ host, port }).catch(String);
    expect(error).to.include('EADDRINUSE');
    await first.close();
    await second.close();
  });

  it('answers who has said all and closes his side, as some payment terminals do', async () => {
    const app = new Hono<{ Bindings: HttpBindings }>().post('/', async (c) => {
      const { socket } = c.env.incoming;
      if (!socket.readableEnded) await once(socket, 'end');
      return c.text(await c.req.text());
    });
    for (const tls of [undefined, selfSigned()]) {
      const server = createFrontServer({ fetch: app.fetch, ...(tls ? { tls } : {}) });
      const { port } = await server.listen({ host, port: 0 });
      const socket = tls ? connectTls({ host, port, ca: tls.certPem }) : connect({ host, port });
      socket.end('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\npaid');
      expect(await text(socket)).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*paid$/);
      await server.close();
    }
  });

  it('holds nobody before TLS stands who has closed his side, and waits for nobody there when it closes', async () => {
    const fetch = () => new Response();
    const server = createFrontServer({ fetch, tls: selfSigned(), clock: hurried });
    const { port } = await server.listen({ host, port: 0 });
    const left = connect({ host, port, allowHalfOpen: true });
    left.resume().end();
    await once(left, 'end');
    const silent = connect({ host, port });
    await once(silent, 'connect');
    const cutOff = once(silent, 'close');
    await server.close();
    await cutOff;
  }).timeout(4_000);

  it('finishes what is in flight before it closes, and takes nothing new', async () => {
    let enter = () => {};
    let leave = () => {};
    const entered = new Promise<void>((resolve) => {
      enter = resolve;
    });
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const app = new Hono().get('/', async (c) => {
      enter();
      await left;
      return c.text('finished');
    });
    const server = createFrontServer({ fetch: app.fetch });
    const { port } = await server.listen({ host, port: 0 });
    const inFlight = once(httpRequest({ host, port }).end(), 'response');
    await entered;
    const closing = server.close();
    const late = connect(port, host);
    const [refused] = await once(late, 'error');
    expect(refused.code).to.equal('ECONNREFUSED');
    leave();
    const [response] = await inFlight;
    expect(await text(response)).to.equal('finished');
    await closing;
  });

  it('cuts off what does not finish in five seconds', async () => {
    let enter = () => {};
    const entered = new Promise<void>((resolve) => {
      enter = resolve;
    });
    const app = new Hono().get('/', async () => {
      enter();
      return new Promise<Response>(() => {});
    });
    const server = createFrontServer({ fetch: app.fetch, clock: hurried });
    const { port } = await server.listen({ host, port: 0 });
    const stuck = once(httpRequest({ host, port }).end(), 'response').catch(String);
    await entered;
    await server.close();
    expect(await stuck).to.include('socket hang up');
  });
});
