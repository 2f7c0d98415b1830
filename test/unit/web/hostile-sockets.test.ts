import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { createPeerServer } from '../../../shared/federation/peer-server.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { createFrontServer } from '../../../shared/web/listen.ts';
import { until } from '../../support/federation.ts';
import { federationKeys } from '../../support/federation-keys.ts';

const kibibyte = 1_024;
const maxMs = 1_000;
const maxConnections = 8;

interface Port {
  open(): Socket;
  /** The paths that reached the application. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

/** Nothing but the server stands behind it: what comes here was let through. */
function echo(seen: string[]) {
  return async (request: Request): Promise<Response> => {
    seen.push(new URL(request.url).pathname);
    return new Response((await request.text()).length.toString());
  };
}

async function frontPort(): Promise<Port> {
  const seen: string[] = [];
  const server = createFrontServer({
    fetch: echo(seen),
    limits: { requestTimeout: maxMs, headersTimeout: maxMs, connectionsCheckingInterval: 100 },
    maxConnections,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { open: () => connect(port, '127.0.0.1'), seen, close: server.close };
}

async function peerPort(): Promise<Port> {
  const seen: string[] = [];
  const [msk, spb] = ['MSK', 'SPB'] as NodeCode[] as [NodeCode, NodeCode];
  const keys = await federationKeys([msk, spb]);
  const peer = keys.peer(spb);
  const server = createPeerServer({
    identity: () => keys.identity(msk),
    directory: { peer: (code) => (code === spb ? peer : undefined), peers: () => [peer] },
    fetch: echo(seen),
    onRefused: () => {},
    clock: systemClock,
    requestMaxMs: maxMs,
    maxConnections,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const { tlsKeyPem: key, certPem: cert } = keys.identity(spb);
  const open = () => connectTls({ port, host: '127.0.0.1', key, cert, rejectUnauthorized: false });
  return { open, seen, close: server.close };
}

/** All that comes back for some bytes until the server hangs up, or the caller does after a second answer. */
async function answersTo(port: Port, text: string): Promise<string> {
  const socket = port.open();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(text, 'latin1');
  await until(
    'the server hangs up',
    () => socket.closed || socket.destroyed || socket.readableEnded,
  );
  socket.destroy();
  return answer;
}

const head = (lines: readonly string[]) =>
  `${['POST /peer/v1/x HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const refused = /^(HTTP\/1\.1 (400|408|413|417|431|501|505)[\s\S]*)?$/;

for (const [name, listen] of [
  ['people', frontPort],
  ['peers', peerPort],
] as const) {
  describe(`the port for ${name}, spoken to byte by byte`, function () {
    this.timeout(120_000);
    let port: Port;
    before(async () => {
      port = await listen();
    });
    after(() => port.close());

    it('takes a request, and goes on taking them', async () => {
      const answer = await answersTo(port, `${head(['Content-Length: 2', 'Connection: close'])}ab`);
      expect(answer).to.match(/^HTTP\/1\.1 200/);
    });

    for (const [what, text] of [
      ['two lengths', `${head(['Content-Length: 2', 'Content-Length: 3'])}abc`],
      [
        'a length and chunks',
        `${head(['Content-Length: 4', 'Transfer-Encoding: chunked'])}0\r\n\r\n${smuggled}`,
      ],
      [
        'chunks under another spelling',
        `${head(['Transfer-Encoding: xchunked'])}0\r\n\r\n${smuggled}`,
      ],
      ['chunks twice', `${head(['Transfer-Encoding: chunked, chunked'])}0\r\n\r\n${smuggled}`],
      ['a space before the colon', `${head(['Content-Length : 2'])}ab`],
      ['a length with a sign', `${head(['Content-Length: +2'])}ab`],
      ['a chunk without a size', `${head(['Transfer-Encoding: chunked'])}zz\r\nab\r\n${smuggled}`],
      ['a chunk of 2^64 bytes', `${head(['Transfer-Encoding: chunked'])}10000000000000000\r\nab`],
      ['a bare line feed in a header', `${head(['X: a\nContent-Length: 0'])}${smuggled}`],
      ['NUL in a header', head(['X: a\u0000b'])],
      ['64 KiB of header', head([`X: ${'x'.repeat(64 * kibibyte)}`])],
      ['10,000 headers', head(Array.from({ length: 10_000 }, (_, index) => `X${index}: x`))],
      ['a path of 64 KiB', head([]).replace('/peer/v1/x', `/${'x'.repeat(64 * kibibyte)}`)],
      ['no HTTP', `${'\u0016\u0003\u0001'.repeat(100)}\r\n\r\n`],
      ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['an expectation nobody knows', head(['Expect: the-unexpected', 'Connection: close'])],
      ['a head that never ends', 'POST /peer/v1/x HTTP/1.1\r\nHost: a\r\nX: '],
      ['a body that never ends', `${head(['Content-Length: 100'])}ab`],
      ['chunks that never end', `${head(['Transfer-Encoding: chunked'])}2\r\nab\r\n`],
    ] as const) {
      it(`hangs up on ${what}, and lets nothing of it through`, async () => {
        expect(await answersTo(port, text)).to.match(refused);
        expect(port.seen).not.to.include('/smuggled');
      });
    }

    it('ends a body that trickles in', async () => {
      const socket = port.open();
      socket.on('error', () => {});
      socket.write(head(['Content-Length: 100000']));
      const trickle = setInterval(() => socket.writable && socket.write('x'), 20);
      await until('the server hangs up', () => socket.closed || socket.readableEnded);
      clearInterval(trickle);
      socket.destroy();
    });

    it('drops connections over its number, and serves again when they are gone', async () => {
      const sockets = Array.from({ length: 4 * maxConnections }, () => port.open());
      for (const socket of sockets) socket.on('error', () => {});
      await until('those over the number are dropped', () => {
        return sockets.filter(({ closed }) => closed).length >= 3 * maxConnections;
      });
      for (const socket of sockets) socket.destroy();
      await until('it serves again', async () => {
        const again = port.open();
        again.on('error', () => {});
        again.write(`${head(['Content-Length: 0', 'Connection: close'])}`);
        const answered = Promise.race([once(again, 'data'), once(again, 'close')]);
        const [chunk] = await answered.catch(() => ['refused']);
        again.destroy();
        return String(chunk).startsWith('HTTP/1.1 200');
      });
    });
  });
}
