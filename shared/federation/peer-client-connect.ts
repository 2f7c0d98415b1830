import type { LookupFunction } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { certificateFacts, tlsName } from './certificates.ts';
import { buildConnector, type Connector } from './http-pool.ts';
import type { TlsMaterial } from './identity.ts';
import type { Peer } from './peers.ts';
import { refusalOf } from './revocation.ts';

export const connectMaxMs = 5_000;

/**
 * Opens TLS 1.3 connections to one peer and gives none out before the server has proved, by its
 * certificate, that it is this peer and that the directory still accepts it.
 */
export function peerConnector(deps: {
  material: TlsMaterial;
  peer: Peer;
  clock: Clock;
  lookup: LookupFunction;
}): Connector {
  const connect = buildConnector({
    secureContext: contextOf(deps.material),
    servername: tlsName(deps.peer.code),
    timeout: connectMaxMs,
    lookup: deps.lookup,
    // Resumption would skip the certificate that is checked here.
    maxCachedSessions: 0,
  });
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const refusal = refusalOfServer(socket, deps.peer, deps.clock.nowMs());
      if (refusal === undefined) return callback(null, socket);
      socket.destroy();
      callback(refusal, null);
    });
  };
}

/** Reading keys and certificates takes longer than a handshake: once for each identity, and not for each connection. */
const contexts = new WeakMap<TlsMaterial, SecureContext>();

function contextOf(material: TlsMaterial): SecureContext {
  const known = contexts.get(material);
  if (known) return known;
  const { tlsKeyPem: key, certPem: cert, caPem: ca } = material;
  const made = createSecureContext({ key, cert, ca, minVersion: 'TLSv1.3' });
  contexts.set(material, made);
  return made;
}

function refusalOfServer(socket: unknown, peer: Peer, nowMs: number): Error | undefined {
  const x509 = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!x509) return new DomainError('peer-refused', 'The server showed no certificate.');
  try {
    const facts = certificateFacts(x509);
    const reason = facts.code === peer.code ? refusalOf(facts, peer, nowMs) : 'wrong-node';
    if (reason === undefined) return undefined;
    return new DomainError('peer-refused', `The server is not ${peer.code}: ${reason}.`);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
