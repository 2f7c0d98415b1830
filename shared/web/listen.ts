import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { type Clock, pause, systemClock } from '../time/clock.ts';

const limits = {
  /** The whole head of a request; slower callers are cut off. */
  headersTimeout: 10_000,
  /** The whole request. */
  requestTimeout: 30_000,
  /** How often both are looked at: with Node's own half a minute a slow body had a whole one. */
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 16 * 1024,
} as const satisfies ServerOptions;
/** All of TLS 1.3; of TLS 1.2 only what keeps what was said secret when the key is lost later. */
const ciphers = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
].join(':');
const maxConnections = 5_000;
const closeLimitMs = 5_000;
const closePollMs = 20;
/** A caller that works steadily hears in an answer that the connection ends, and meets no closed one. */
const farewellMs = 250;

const loopbackPattern = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/;

export interface FrontServerDeps {
  readonly fetch: Parameters<typeof getRequestListener>[0];
  readonly tls?: { readonly certPem: string; readonly keyPem: string };
  /** Plain HTTP beyond this machine, for a proxy that ends TLS in a network of its own. */
  readonly allowPlain?: boolean;
  readonly clock?: Clock;
  readonly limits?: Partial<Record<keyof typeof limits, number>>;
  readonly maxConnections?: number;
}

export interface FrontServer {
  /** @throws Error for plain HTTP on a host that is not loopback, unless `allowPlain`. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Takes no new connection, answers what comes on the open ones, tells them that it was the last; cuts off after 5 s. */
  close(): Promise<void>;
}

/** The server of people and of partners' programs: HTTPS, or HTTP on loopback. */
export function createFrontServer(deps: FrontServerDeps): FrontServer {
  const { fetch, tls, allowPlain = false, clock = systemClock } = deps;
  const answer = getRequestListener(fetch);
  const inFlight = new Set<ServerResponse>();
  let closing = false;
  const listener: RequestListener = (incoming, outgoing) => {
    if (closing) outgoing.shouldKeepAlive = false;
    inFlight.add(outgoing);
    outgoing.once('close', () => inFlight.delete(outgoing));
    void answer(incoming, outgoing);
  };
  const server: Server = tls
    ? createTlsServer(
        {
          ...limits,
          ...deps.limits,
          cert: tls.certPem,
          key: tls.keyPem,
          minVersion: 'TLSv1.2',
          ciphers,
          // Node's own is two minutes.
          handshakeTimeout: deps.limits?.headersTimeout ?? limits.headersTimeout,
        },
        listener,
      )
    : createServer({ ...limits, ...deps.limits }, listener);
  server.maxConnections = deps.maxConnections ?? maxConnections;
  // Who has closed his side after a whole request still gets his answer: Node would hang up, with his money taken.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Not sooner: who closes his side before TLS stands has nothing to wait for, and would be held for two minutes.
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });

  return {
    async listen({ host, port }) {
      if (!tls && !allowPlain && !loopbackPattern.test(host)) {
        throw new Error(`plain HTTP is for loopback only: give ${host} a certificate`);
      }
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      // An address of a TCP server is never a pipe's name.
      const { port: bound } = server.address() as AddressInfo;
      return { host, port: bound };
    },

    async close() {
      if (!server.listening) return;
      closing = true;
      for (const outgoing of inFlight) outgoing.shouldKeepAlive = false;
      let isClosed = false;
      const closed = new Promise<void>((resolve) => {
        // The HTTP server's own would cut idle connections at once, and with them requests that are on their way.
        NetServer.prototype.close.call(server, () => {
          isClosed = true;
          resolve();
        });
      });
      await Promise.race([closed, pause(clock, farewellMs)]);
      // A keep-alive connection becomes idle when its last answer is out; nothing tells us, so we
      // look.
      const rounds = closeLimitMs / closePollMs;
      for (let round = 0; round < rounds && !isClosed; round += 1) {
        server.closeIdleConnections();
        await Promise.race([closed, pause(clock, closePollMs)]);
      }
      // Those too in which TLS does not stand yet: the HTTP server's own list has none of them.
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
