import type { CertificateFacts } from './certificates.ts';
import { type Peer, tlsKeyState } from './peers.ts';

/** Why a certificate of our own authority does not make its holder a peer. */
export type RefusalReason =
  | 'no-certificate'
  | 'not-our-authority'
  | 'names-no-node'
  | 'wrong-node'
  | 'not-yet-valid'
  | 'expired'
  | 'unknown-node'
  | 'inactive-node'
  | 'other-key'
  | 'revoked-key'
  | 'revoked-serial';

/**
 * The directory's word on a certificate, asked for every request: a CRL would refuse everyone
 * once it expires, and a keep-alive socket outlives any change of the TLS context.
 * @returns undefined when the holder is a peer.
 */
export function refusalOf(
  facts: CertificateFacts,
  peer: Peer | undefined,
  nowMs: number,
): RefusalReason | undefined {
  if (nowMs < facts.notBefore) return 'not-yet-valid';
  if (nowMs > facts.notAfter) return 'expired';
  if (!peer || peer.code !== facts.code) return 'unknown-node';
  if (!peer.active) return 'inactive-node';
  const key = tlsKeyState(peer, facts.spkiSha256);
  if (key !== 'accepted') return key === 'revoked' ? 'revoked-key' : 'other-key';
  if (peer.revokedSerials.includes(facts.serial)) return 'revoked-serial';
  return undefined;
}
