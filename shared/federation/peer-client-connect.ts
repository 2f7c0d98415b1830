import type { LookupFunction } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { type CertificateFacts, certificateFacts, tlsName } from './certificates.ts';
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
  code: NodeCode;
  /** As the directory has it at that moment: a key may be accepted since that was not before. */
  peer: () => Peer | undefined;
  clock: Clock;
  lookup: LookupFunction;
  /** Told of each connection that is given out. */
  proved: (server: CertificateFacts) => void;
}): Connector {
  const connect = buildConnector({
    secureContext: contextOf(deps.material),
    servername: tlsName(deps.code),
    timeout: connectMaxMs,
    lookup: deps.lookup,
    // Resumption would skip the certificate that is checked here.
    maxCachedSessions: 0,
  });
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      try {
        deps.proved(provedServer(socket, deps));
        callback(null, socket);
      } catch (refusal) {
        socket.destroy();
        callback(refusal instanceof Error ? refusal : new Error(String(refusal)), null);
      }
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

/** @throws DomainError `peer-refused` for who is not this peer, or not any more. */
function provedServer(
  socket: unknown,
  { code, peer, clock }: Pick<Parameters<typeof peerConnector>[0], 'code' | 'peer' | 'clock'>,
): CertificateFacts {
  const x509 = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!x509) throw new DomainError('peer-refused', 'The server showed no certificate.');
  const facts = certificateFacts(x509);
  const reason = facts.code === code ? refusalOf(facts, peer(), clock.nowMs()) : 'wrong-node';
  if (reason === undefined) return facts;
  throw new DomainError('peer-refused', `The server is not ${code}: ${reason}.`);
}
