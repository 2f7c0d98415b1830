import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type Clock, pause, systemClock } from '../time/clock.ts';

const limits = {
  /** The whole head of a request; slower callers are cut off. */
  headersTimeout: 10_000,
  /** The whole request. */
  requestTimeout: 30_000,
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

const loopbackPattern = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/;

export interface FrontServerDeps {
  readonly fetch: Parameters<typeof getRequestListener>[0];
  readonly tls?: { readonly certPem: string; readonly keyPem: string };
  /** Plain HTTP beyond this machine, for a proxy that ends TLS in a network of its own. */
  readonly allowPlain?: boolean;
  readonly clock?: Clock;
}

export interface FrontServer {
  /** @throws Error for plain HTTP on a host that is not loopback, unless `allowPlain`. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Finishes the requests in flight, for 5 s at most, then cuts off the rest. */
  close(): Promise<void>;
}

/** The server of people and of partners' programs: HTTPS, or HTTP on loopback. */
export function createFrontServer(deps: FrontServerDeps): FrontServer {
  const { fetch, tls, allowPlain = false, clock = systemClock } = deps;
  const listener = getRequestListener(fetch);
  const server: Server = tls
    ? createTlsServer(
        { ...limits, cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.2', ciphers },
        listener,
      )
    : createServer(limits, listener);
  server.maxConnections = maxConnections;

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
      let isClosed = false;
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          isClosed = true;
          resolve();
        });
      });
      // A keep-alive connection becomes idle when its last answer is out; nothing tells us, so we
      // look.
      const rounds = closeLimitMs / closePollMs;
      for (let round = 0; round < rounds && !isClosed; round += 1) {
        server.closeIdleConnections();
        await Promise.race([closed, pause(clock, closePollMs)]);
      }
      server.closeAllConnections();
      await closed;
    },
  };
}
