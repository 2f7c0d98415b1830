import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { type CertificateFacts, certificateFacts } from './certificates.ts';
import type { TlsMaterial } from './identity.ts';
import { maxAnonymousBodyBytes, maxBodyBytes, readBody } from './peer-server-body.ts';
import { problemText, problemType } from './peer-server-problem.ts';
import type { PeerDirectory } from './peers.ts';
import { type RefusalReason, refusalOf } from './revocation.ts';

const maxConnections = 512;
const maxHeaderBytes = 16 * 1024;
const handshakeMaxMs = 10_000;
const headersMaxMs = 10_000;
const requestMaxMs = 60_000;
const idleMaxMs = 120_000;
/** Longer than peers keep idle connections: they close first, so no request meets a closing one. */
const keepAliveMs = 60_000;
const timeoutCheckMs = 2_000;
const closeMaxMs = 5_000;

/** Exact paths only, no dots or escapes that a router could read as another place. */
const anonymousPath = /^\/enrolment\/[a-z][a-z.-]*$/;

const verificationFailures: ReadonlyMap<string, RefusalReason> = new Map([
  ['CERT_HAS_EXPIRED', 'expired'],
  ['CERT_NOT_YET_VALID', 'not-yet-valid'],
] as const);

/** What the peer server puts into a Hono app's environment (`c.env`). */
export interface PeerBindings {
  /** The node whose certificate was proved; absent only under `/enrolment/`. */
  readonly caller?: NodeCode;
  /** The serial of its certificate. */
  readonly serial?: string;
  /** The key that it proved, as the directory names it. */
  readonly tlsKeySha256?: string;
  /** The address the connection came from. */
  readonly address: string;
}

export interface PeerRefusal {
  readonly reason: RefusalReason;
  /** The code that the certificate names; proved only when the reason comes from the directory. */
  readonly claimed?: string;
  readonly serial?: string;
  readonly address: string;
}

export interface PeerServerDeps {
  /** The current TLS material; asked again by `reload()`. */
  readonly identity: () => TlsMaterial;
  readonly directory: PeerDirectory;
  /** A Hono app's `fetch`; called only for proved peers, and for `/enrolment/`. */
  readonly fetch: (request: Request, env: PeerBindings) => Response | Promise<Response>;
  readonly onRefused: (refusal: PeerRefusal) => void;
  /** A request of this caller (`unknown` for enrolment) that could not be read: too big, broken. */
  readonly onUnread?: (unread: {
    caller: string;
    path: string;
    code: string;
    detail: string;
  }) => void;
  readonly clock: Clock;
  /** How long a whole request may take. */
  readonly requestMaxMs?: number;
  readonly maxConnections?: number;
}

/** @throws DomainError `peer-refused` on a path that needs a proved node. */
export function callerOf(env: PeerBindings): NodeCode {
  if (!env.caller) throw new DomainError('peer-refused', 'No node certificate was presented.');
  return env.caller;
}

type Admission = CertificateFacts | { readonly reason: RefusalReason; readonly claimed?: string };

/**
 * The listener for other nodes: TLS 1.3, and each request's caller proved by its certificate,
 * the authority's signature, the clock and the directory as it is at that moment.
 */
export function createPeerServer(deps: PeerServerDeps) {
  const sockets = new Set<TLSSocket>();
  const certificates = new WeakMap<TLSSocket, CertificateFacts | RefusalReason>();
  let closing = false;

  const server = createServer(
    {
      ...tlsOptions(deps.identity()),
      requestCert: true,
      // Enrolment has no certificate yet; everyone else is refused per request, with a reason.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMaxMs,
      headersTimeout: Math.min(headersMaxMs, deps.requestMaxMs ?? requestMaxMs),
      requestTimeout: deps.requestMaxMs ?? requestMaxMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: timeoutCheckMs,
      maxHeaderSize: maxHeaderBytes,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  );
  server.maxConnections = deps.maxConnections ?? maxConnections;
  server.timeout = idleMaxMs;
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  function admit(socket: TLSSocket): Admission {
    let read = certificates.get(socket);
    if (read === undefined) {
      read = readCertificate(socket);
      certificates.set(socket, read);
    }
    if (typeof read === 'string') return { reason: read };
    const reason = refusalOf(read, deps.directory.peer(read.code), deps.clock.nowMs());
    return reason === undefined ? read : { ...read, reason, claimed: read.code };
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { socket } = incoming;
    if (!(socket instanceof TLSSocket)) return void socket.destroy();
    const address = socket.remoteAddress ?? '';
    const anonymous = anonymousPath.test((incoming.url ?? '').split('?', 1)[0] ?? '');
    const admission = admit(socket);
    const refused = 'reason' in admission;
    if (refused && !anonymous) {
      deps.onRefused({ ...admission, address });
      return dismiss(incoming, outgoing, new DomainError('peer-refused', detailOf(admission)));
    }
    if (closing) outgoing.shouldKeepAlive = false;
    outgoing.once('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    const caller = refused ? undefined : admission.code;
    try {
      const maxBytes = refused ? maxAnonymousBodyBytes : maxBodyBytes;
      const rawBody = await readBody(incoming, maxBytes);
      // The listener takes a body that was read already under this name.
      Object.assign(incoming, { rawBody });
      const env = refused ? { address } : { ...bindingsOf(admission), address };
      await getRequestListener((request) => deps.fetch(request, env))(incoming, outgoing);
    } catch (error) {
      if (isDomainError(error)) {
        const { code, message: detail } = error;
        deps.onUnread?.({ caller: caller ?? 'unknown', path: incoming.url ?? '', code, detail });
      }
      dismiss(incoming, outgoing, error);
    }
  }

  return {
    /** @returns the port listened on (the one given, or a free one for 0). */
    listen(options: { host: string; port: number }): Promise<{ port: number }> {
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(options.port, options.host, () => {
          server.off('error', reject);
          resolve({ port: portOf(server.address()) });
        });
      });
    },

    /** Shows the renewed certificate to new connections; open ones live on. */
    reload(): void {
      server.setSecureContext(tlsOptions(deps.identity()));
    },

    /** Cuts the connections of those who are peers no longer; call it on each directory change. */
    recheck(): void {
      for (const socket of sockets) {
        const admission = admit(socket);
        if (!('reason' in admission) || admission.reason === 'no-certificate') continue;
        deps.onRefused({ ...admission, address: socket.remoteAddress ?? '' });
        socket.destroy();
      }
    },

    /** Takes nothing new, lets what is in flight end for up to 5 s, then cuts. */
    async close(): Promise<void> {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const cancel = deps.clock.after(closeMaxMs, () => server.closeAllConnections());
      await closed;
      cancel();
    },
  };
}

export type PeerServer = ReturnType<typeof createPeerServer>;

function tlsOptions({ tlsKeyPem, certPem, caPem }: TlsMaterial) {
  return {
    key: tlsKeyPem,
    cert: certPem,
    ca: caPem,
    minVersion: 'TLSv1.3' as const,
    // A resumed session would bring a verification along that may no longer hold.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** What a certificate proves of a caller whom the directory takes. */
export function bindingsOf({
  code,
  serial,
  spkiSha256,
}: CertificateFacts): Omit<PeerBindings, 'address'> {
  return { caller: code, serial, tlsKeySha256: spkiSha256 };
}

function readCertificate(socket: TLSSocket): CertificateFacts | RefusalReason {
  const x509 = socket.getPeerX509Certificate();
  if (!x509) return 'no-certificate';
  if (!socket.authorized) {
    return verificationFailures.get(verificationError(socket)) ?? 'not-our-authority';
  }
  try {
    return certificateFacts(x509);
  } catch (error) {
    if (isDomainError(error, 'peer-refused')) return 'names-no-node';
    throw error;
  }
}

// Typed as an Error, but on a server's socket it is OpenSSL's code as a string.
function verificationError(socket: TLSSocket): string {
  return String(socket.authorizationError);
}

function detailOf(admission: { reason: RefusalReason }): string {
  return `This server refuses the certificate: ${admission.reason}.`;
}

/** Answers with a problem and takes no more from this connection. */
function dismiss(incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void {
  if (outgoing.headersSent || outgoing.destroyed) return void incoming.socket.destroy();
  const { status, body } = problemText(error);
  outgoing.writeHead(status, { 'content-type': problemType, connection: 'close' });
  // Reading on lets the answer out before the reset that unread bytes would cause.
  incoming.resume();
  outgoing.end(body, () => incoming.socket.destroySoon());
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}
