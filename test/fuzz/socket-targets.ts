import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { loadIdentity } from '../../shared/federation/identity.ts';
import { startedHeader } from '../../shared/wire/peer-messages.ts';
import { apiInputs, headers as oddHeaders } from './api-inputs.ts';
import { documentOf, endpointsOf, harvestLists } from './api-targets.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzedCode, FuzzFederation } from './fuzz-federation.ts';
import { hostileTexts } from './hostile-values.ts';
import { ours } from './judge.ts';
import { marks } from './page-judge.ts';

const kibibyte = 1_024;
const maxShownLength = 2_000;
/** After which a port waits for more, not the other way round. */
const quietMs = 500;
/** Each costs both sides a handshake. */
const handshakesMax = 2_000;

/** A request as it goes over the wire. */
interface Wire {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly lines: readonly string[];
  readonly body: string;
}

/** What HTTP itself refuses, or a method that nobody has. */
const ofHttp: ReadonlySet<number> = new Set([501, 503, 505]);

/** What no `Request` can hold: the bytes of a port, as they may come from anybody. */
export async function socketTargets(fuzz: FuzzFederation, code: FuzzedCode): Promise<Target[]> {
  await harvestLists(fuzz, code);
  const { url, peerUrl } = fuzz.federation.branch(code);
  const front = new URL(url);
  const token = await fuzz.tokenFor(code, code === 'HQ' ? 'centre-manager' : 'branch-manager');
  const asked = await frontRequests(fuzz, code, [
    'Host: front.example',
    `Authorization: Bearer ${token}`,
  ]);
  const open = () =>
    connect({ port: Number(front.port), host: front.hostname, allowHalfOpen: true });
  const rogue = await loadIdentity(join(fuzz.federation.branch('SPB').dataDir, 'identity'));
  const peer = {
    ...{ port: Number(new URL(peerUrl).port), host: '127.0.0.1', allowHalfOpen: true },
    ...{ key: rogue.tlsKeyPem, cert: rogue.certPem, rejectUnauthorized: false },
  };
  return [
    ...pairOf(`${code} front port`, asked, open),
    ...pairOf(`${code} peer port`, peerRequests, () => connectTls(peer), handshakesMax),
  ];
}

function pairOf(
  name: string,
  requests: fc.Arbitrary<Wire>,
  open: () => Socket,
  maxInputs?: number,
): Target[] {
  const probe = (bytes: Buffer) => speak(open, bytes);
  const common = { name, probe, ...(maxInputs === undefined ? {} : { maxInputs }) };
  const plain = requests.map(bytesOf);
  return [
    targetOf({ ...common, kind: 'valid', inputs: plain }),
    targetOf({
      ...common,
      kind: 'hostile',
      inputs: fc.oneof(
        { arbitrary: spoilt(requests).map(bytesOf), weight: 8 },
        { arbitrary: damaged(plain), weight: 2 },
      ),
    }),
  ];
}

async function frontRequests(
  fuzz: FuzzFederation,
  code: FuzzedCode,
  lines: readonly string[],
): Promise<fc.Arbitrary<Wire>> {
  const document = await documentOf(fuzz, code);
  const reading = (await endpointsOf(fuzz, code)).filter(({ method }) => method === 'GET');
  const asked = reading.map((operation) => apiInputs(operation, document, fuzz.vocabulary).valid);
  const pages = fc.constantFrom('/', '/sign-in', '/docs', '/openapi.json', '/livez', '/find?q=a');
  const paths = fc.oneof(...asked.map((each) => each.map(({ path }) => path)), pages);
  const reads = fc.tuple(fc.constantFrom('GET', 'GET', 'HEAD'), paths).map(([method, target]) => {
    return { method, target, version: 'HTTP/1.1', lines, body: '' };
  });
  const json = '{"login":"victim","password":"not the one"}';
  const posts = fc.constantFrom(...['/api/v1/sessions', '/api/v1/receipt-checks'], '/sign-in');
  const writes = fc.tuple(posts, fc.boolean()).map(([target, isChunked]) => ({
    ...{ method: 'POST', target, version: 'HTTP/1.1' },
    lines: [...lines, 'Content-Type: application/json', ...framing(json, isChunked)],
    body: isChunked ? chunked(json) : json,
  }));
  return fc.oneof({ arbitrary: reads, weight: 3 }, { arbitrary: writes, weight: 1 });
}

const peerRequests: fc.Arbitrary<Wire> = fc
  .tuple(
    fc.constantFrom(
      ...['releases/latest', 'releases/1', 'head-office-keys', 'subscribers/79250000000'],
      ...['hello', 'stream', 'recovery'],
    ),
    fc.boolean(),
  )
  .map(([name, isChunked]) => {
    const isSent = ['hello', 'stream', 'recovery'].includes(name);
    const body = isSent ? '{"node":"SPB","from":"SPB"}' : '';
    const lines = ['Host: peer.example', `${startedHeader}: ${'a'.repeat(32)}`];
    return {
      ...{ method: isSent ? 'POST' : 'GET', target: `/peer/v1/${name}`, version: 'HTTP/1.1' },
      lines: isSent
        ? [...lines, 'Content-Type: application/json', ...framing(body, isChunked)]
        : lines,
      body: isChunked && isSent ? chunked(body) : body,
    };
  });

const framing = (body: string, isChunked: boolean) => [
  isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`,
];
const chunked = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`;

function bytesOf({ method, target, version, lines, body }: Wire): Buffer {
  const head = [`${method} ${target} ${version}`, ...lines, 'Connection: close'];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

const targets: readonly ((target: string) => string)[] = [
  (target) => `/${target}`,
  (target) => target.replaceAll('/', '//'),
  (target) => target.replaceAll('/', '%2f'),
  (target) => target.replaceAll('/', '\\'),
  (target) => `/.${target}`,
  (target) => `/x/..${target}`,
  (target) => `/x/%2e%2e${target}`,
  (target) => `${target}/`,
  (target) => `${target};jsessionid=1`,
  (target) => `${target}#fragment`,
  (target) => `http://elsewhere.example${target}`,
  (target) => `https://user:pass@[::1]:99999${target}`,
  (target) => `evil:${target}`,
  (target) => target.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (target) => target.toUpperCase(),
  (target) => `${target}%`,
  (target) => `${target}%zz%c0%af%00`,
  (target) => `${target}\xff\xfe`,
  (target) => `${target}${target.includes('?') ? '&' : '?'}${'a=1&'.repeat(2 * kibibyte)}`,
  (target) => `${target}?limit=1&limit=2&limit[]=3&limit%5B%5D=4&__proto__=5&cursor=&cursor=x`,
  (target) => `${target}?${'%'.repeat(1_000)}=${'+'.repeat(1_000)}`,
  (target) => `${target}/${'x/'.repeat(3_000)}`,
  () => '*',
  () => '',
  () => 'x',
  () => '/assets/../../package.json',
  () => '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
];
const methods = [
  ...['HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'PATCH', 'PUT', 'DELETE', 'PROPFIND', 'QUERY'],
  ...['get', 'Get', 'GETS', 'G\x00T', ' GET', 'M-SEARCH', 'PRI', 'SOURCE', '__proto__'],
];
const versions = ['HTTP/1.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/1.1 x', 'http/1.1', ''];
const names = [
  ...['Authorization', 'Content-Type', 'Content-Length', 'Host', 'Cookie', 'Idempotency-Key'],
  ...['Transfer-Encoding', 'X-Forwarded-For', 'Origin', 'Sec-Fetch-Site', 'traceparent', 'Range'],
  ...['If-None-Match', 'If-Modified-Since', 'If-Match', 'Expect', 'Upgrade', 'TE', 'Trailer'],
  ...['Accept', 'Accept-Encoding', 'Accept-Language', 'Connection', 'Keep-Alive', 'HTTP2-Settings'],
  ...['__proto__', 'constructor', 'toString', 'Sbms-Actor', startedHeader, 'HX-Request', 'Date'],
];
const values = [
  ...['', ' ', '*', '0', '-1', '1, 1', '99999999999999999999', 'chunked', 'gzip, chunked', 'close'],
  ...['bytes=0-', 'bytes=-1', 'bytes=9-1,0-0', '"x"', 'W/"x"', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ...['100-continue', 'websocket', 'h2c', 'Upgrade, HTTP2-Settings', 'trailers', 'keep-alive'],
  ...['Bearer x', 'Bearer \xff', 'application/json; charset=utf-7', 'a b.example', '[', ':80', '@'],
  ...['text/html', 'same-origin', 'null', 'x\t\ty', '\xa0', 'x'.repeat(7 * kibibyte)],
];

function spoilt(requests: fc.Arbitrary<Wire>): fc.Arbitrary<Wire> {
  const texts = fc.constantFrom(...values, ...marks, ...hostileTexts.map(onOneLine));
  const line = fc.tuple(fc.constantFrom(...names), texts).map((parts) => parts.join(': '));
  const known = fc
    .constantFrom(...oddHeaders)
    .map((odd) => Object.entries(odd).map((pair) => pair.map(onOneLine).join(': ')));
  const change = fc.oneof(
    fc
      .constantFrom(...targets)
      .map((make) => (was: Wire) => ({ ...was, target: make(was.target) })),
    fc.constantFrom(...methods).map((method) => (was: Wire) => ({ ...was, method })),
    fc.constantFrom(...versions).map((version) => (was: Wire) => ({ ...was, version })),
    line.map((more) => (was: Wire) => ({ ...was, lines: [...was.lines, more] })),
    line.map((more) => (was: Wire) => ({ ...was, lines: [more, ...was.lines] })),
    known.map((more) => (was: Wire) => ({ ...was, lines: [...was.lines, ...more] })),
    fc.nat().map((at) => (was: Wire) => {
      const left = was.lines.filter((_, index) => index !== at % was.lines.length);
      return { ...was, lines: left };
    }),
    fc.nat().map((at) => (was: Wire) => ({
      ...was,
      lines: [...was.lines, was.lines[at % was.lines.length] ?? 'X: y'],
    })),
  );
  return fc
    .tuple(requests, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([request, changes]) => changes.reduce((was, make) => make(was), request));
}

const onOneLine = (text: string): string =>
  Buffer.from(text.replaceAll(/[\r\n]/g, ' '))
    .toString('latin1')
    .slice(0, 4 * kibibyte);

/** Bytes changed, left out, put in; the request cut off, or said twice. */
function damaged(requests: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(requests, fc.nat(), fc.uint8Array({ maxLength: 4 }), fc.nat({ max: 4 }))
    .map(([bytes, place, more, skip]) => {
      const at = place % (bytes.length + 1);
      if (skip === 4) return bytes.subarray(0, at);
      if (skip === 3) return Buffer.concat([bytes, bytes]);
      return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + skip)]);
    });
}

/** Says it and no more; takes whatever comes back until the other side hangs up. */
async function speak(open: () => Socket, bytes: Buffer): Promise<Verdict> {
  const socket = open();
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('error', () => {});
  socket.write(bytes);
  // Who says no more before he was answered has hung up: it is done to those alone who are not answered.
  let isGivenUp = false;
  const quiet = setTimeout(() => {
    isGivenUp = true;
    socket.end();
  }, quietMs);
  await once(socket, 'close').catch(() => {});
  clearTimeout(quiet);
  const text = Buffer.concat(parts).toString('latin1');
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, code]) => Number(code));
  const [first] = statuses;
  const fault = wireFault(text, statuses);
  const shown = [bytes.toString('latin1'), text].map((each) => each.slice(0, maxShownLength));
  const said = [fault, ...shown].join('\n');
  return {
    outcome: String(first ?? (isGivenUp ? 'waited for more' : 'hung up')),
    fault: fault && said,
  };
}

function wireFault(text: string, statuses: readonly number[]): string | undefined {
  if (text !== '' && !text.startsWith('HTTP/1.1 ')) return 'no HTTP comes back';
  const error = statuses.find((status) => status >= 500 && !ofHttp.has(status));
  if (error !== undefined) return `an error: ${error}`;
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  if (/^(?:set-cookie|location):.*fuzz/im.test(head)) return 'a header says what it was told';
  return statuses[0] !== undefined && statuses[0] >= 400 && ours.test(body)
    ? 'says how it is made'
    : undefined;
}
