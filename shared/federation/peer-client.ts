import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError } from '../problem/problem.ts';
import { stateSentences } from '../text/state-sentences.ts';
import type { Clock } from '../time/clock.ts';
import { Pool } from './http-pool.ts';
import type { TlsMaterial } from './identity.ts';
import { createLookup } from './lookup.ts';
import { connectMaxMs, peerConnector } from './peer-client-connect.ts';
import type { Peer, PeerClient, PeerDirectory, PeerRequest, PeerResponse } from './peers.ts';

const maxConnectionsPerPeer = 8;
/** Waiting and in flight; a dead peer must not pile up memory. */
const maxRequestsPerPeer = 512;
const defaultMaxAnswerBytes = 32 * 1024 * 1024;
const gzipFromBytes = 1_024;
/** Level 1: the link is rarely the bottleneck, the processor often is. */
const gzipLevel = 1;
const idleMs = 20_000;
/** A server announces when it will close an idle connection; ours close this much before. */
const idleMarginMs = 5_000;

const compress = promisify(gzip);

interface Line {
  readonly pool: Pool;
  readonly peer: Peer;
  waiting: number;
  /** Until the first of the certificates that its connections proved runs out. */
  goodUntilMs: number;
}

/**
 * Requests to peers over mutual TLS, one pool of connections per peer. `timeoutMs` bounds all of
 * a request: waiting, connecting, sending, receiving. A peer whose address or key changes in the
 * directory gets new connections with the next request.
 */
export function createPeerClient(deps: {
  /** The current TLS material; asked again after `reload()`. */
  identity: () => TlsMaterial;
  directory: PeerDirectory;
  clock: Clock;
}): PeerClient & { close(): Promise<void>; reload(): void } {
  const lines = new Map<NodeCode, Line>();
  const lookup = createLookup({ clock: deps.clock });
  let closed = false;

  function lineTo(code: NodeCode): Line {
    const peer = deps.directory.peer(code);
    const line = lines.get(code);
    if (!peer?.active) {
      hangUp(code, 'now');
      throw unreachable(code, `The directory has no active node ${code}.`);
    }
    const isGood = line && deps.clock.nowMs() <= line.goodUntilMs;
    if (isGood && sameLine(line.peer, peer)) return line;
    // Another address lets the old requests end; another key or a revocation does not.
    hangUp(code, line && sameKey(line.peer, peer) ? 'when-idle' : 'now');
    const opened = openLine(peer);
    lines.set(code, opened);
    return opened;
  }

  function openLine(peer: Peer): Line {
    const { code } = peer;
    const pool = new Pool(peer.peerUrl, {
      connections: maxConnectionsPerPeer,
      pipelining: 1,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      keepAliveTimeoutThreshold: idleMarginMs,
      connect: peerConnector({
        ...{ material: deps.identity(), code, clock: deps.clock, lookup },
        peer: () => deps.directory.peer(code),
        proved({ notAfter }) {
          line.goodUntilMs = Math.min(line.goodUntilMs, notAfter);
        },
      }),
    });
    const line = { pool, peer, waiting: 0, goodUntilMs: Number.POSITIVE_INFINITY };
    return line;
  }

  function hangUp(code: NodeCode, when: 'now' | 'when-idle'): void {
    const line = lines.get(code);
    if (!line) return;
    lines.delete(code);
    const ended = when === 'now' ? line.pool.destroy() : line.pool.close();
    // Whoever waits on this pool is told through his own request.
    ended.catch(() => undefined);
  }

  async function ask(to: NodeCode, request: PeerRequest, signal: AbortSignal) {
    const encoded = await encode(request);
    // From here to the pool nothing waits: a reload in between would close it under the request.
    if (closed) throw unreachable(to, 'This node is stopping.');
    const line = lineTo(to);
    if (line.waiting >= maxRequestsPerPeer) {
      throw unreachable(to, `Too many requests wait for ${to}.`);
    }
    line.waiting += 1;
    try {
      return await send(line.pool, request, encoded, signal);
    } finally {
      line.waiting -= 1;
    }
  }

  return {
    async request(to, request) {
      try {
        return await withinDeadline(deps.clock, request.timeoutMs, (signal) =>
          ask(to, request, signal),
        );
      } catch (cause) {
        if (isDomainError(cause, 'peer-unreachable')) throw cause;
        throw unreachable(to, silenceOf(to, cause), cause);
      }
    },

    /** After a renewal: new connections show the new certificate, open requests end on the old. */
    reload() {
      for (const code of [...lines.keys()]) hangUp(code, 'when-idle');
    },

    /** Breaks off what is in flight. */
    async close() {
      closed = true;
      await Promise.allSettled([...lines.values()].map(({ pool }) => pool.destroy()));
      lines.clear();
    },
  };
}

function sameLine(known: Peer, now: Peer): boolean {
  return known.peerUrl === now.peerUrl && sameKey(known, now);
}

function sameKey(known: Peer, now: Peer): boolean {
  return (
    known.tlsKeySha256 === now.tlsKeySha256 &&
    known.revokedSerials.join() === now.revokedSerials.join() &&
    refusedKeys(known) === refusedKeys(now)
  );
}

/** A key that is accepted besides cuts nobody off; one that is not any more does. */
function refusedKeys({ keys = [] }: Peer): string {
  return keys
    .flatMap(({ use, key, state }) => (use === 'tls' && state !== 'accepted' ? [key] : []))
    .sort()
    .join();
}

async function send(
  pool: Pool,
  request: PeerRequest,
  encoded: EncodedBody,
  signal: AbortSignal,
): Promise<PeerResponse> {
  const response = await pool.request({
    method: request.method,
    path: request.path,
    ...encoded,
    signal,
    // The deadline is ours; these only catch what a stopped clock would not.
    headersTimeout: request.timeoutMs + connectMaxMs,
    bodyTimeout: request.timeoutMs + connectMaxMs,
  });
  const { maxAnswerBytes = defaultMaxAnswerBytes } = request;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving this loop early destroys the body, and its connection with it.
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new DomainError('body-too-large', 'The answer is too big.');
    chunks.push(chunk);
  }
  return {
    status: response.statusCode,
    headers: singleValues(response.headers),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

interface EncodedBody {
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | null;
}

async function encode(request: PeerRequest): Promise<EncodedBody> {
  const { body = null } = request;
  const headers: Record<string, string> = { ...request.headers };
  if (body === null) return { headers, body };
  headers['content-type'] ??= 'application/json';
  if (Buffer.byteLength(body) <= gzipFromBytes) return { headers, body };
  headers['content-encoding'] = 'gzip';
  return { headers, body: await compress(body, { level: gzipLevel }) };
}

function singleValues(headers: Record<string, string | string[] | undefined>) {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) single[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return single;
}

/** Answers by the deadline although undici heeds a signal only once connected. */
async function withinDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let cancel = () => {};
  const deadline = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(timeoutMs, () => {
      const late = new Error(`no answer within ${timeoutMs} ms`);
      abort.abort(late);
      reject(late);
    });
  });
  try {
    return await Promise.race([work(abort.signal), deadline]);
  } finally {
    cancel();
  }
}

/** What people can do something about; the rest of a network's troubles comes and goes. */
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: stateSentences.say('noName', {}),
  EAI_AGAIN: stateSentences.say('noNameServer', {}),
  ECONNREFUSED: stateSentences.say('nobodyListens', {}),
  EHOSTUNREACH: stateSentences.say('noWay', {}),
  ENETUNREACH: stateSentences.say('noWay', {}),
  CERT_HAS_EXPIRED: stateSentences.say('peerExpired', {}),
  CERT_NOT_YET_VALID: stateSentences.say('peerNotYet', {}),
};

function silenceOf(peer: NodeCode, cause: unknown): string {
  const told = reasonOf(cause);
  if (told === undefined) return stateSentences.say('noAnswer', { peer });
  return stateSentences.say('noAnswerWhy', { peer, told });
}

function reasonOf(cause: unknown): string | undefined {
  if (isDomainError(cause)) return cause.message.replace(/\.$/, '');
  return reasons[cause instanceof Error && 'code' in cause ? String(cause.code) : ''];
}

function unreachable(to: NodeCode, detail: string, cause?: unknown): DomainError {
  return new DomainError('peer-unreachable', detail, { members: { peer: to }, cause });
}
