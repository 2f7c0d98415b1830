import type { JWK } from 'jose';
import type { NodeCode } from '../ids/ids.ts';

export const keyUses = ['signing', 'tls'] as const;
export const keyStates = ['accepted', 'retired', 'revoked'] as const;

/** One key of a node's history. While keys are being rotated, two of a use are accepted. */
export interface NodeKey {
  readonly use: (typeof keyUses)[number];
  /** Of a signing key its `x`, of a TLS key the SHA-256 (hex) of its SubjectPublicKeyInfo. */
  readonly key: string;
  /** What was signed with a retired or revoked key can still be read; nothing new counts. */
  readonly state: (typeof keyStates)[number];
}

/** A node as the directory of the release in force describes it. */
export interface Peer {
  readonly code: NodeCode;
  /** `https://host:port`, no path. */
  readonly peerUrl: string;
  /** Ed25519 public key that signs this node's heads, actors and statements. */
  readonly signingKey: JWK;
  /**
   * SHA-256 (hex) of the SubjectPublicKeyInfo of its TLS key; renewals keep the key. HQ, who runs
   * the authority, has none.
   */
  readonly tlsKeySha256?: string;
  /** All keys that it ever had; those above are accepted unless this says otherwise. */
  readonly keys?: readonly NodeKey[];
  /** Certificate serials (lower-case hex) that are refused whatever their dates say. */
  readonly revokedSerials: readonly string[];
  /** A removed branch stays in the directory, inactive, so that its old signatures can be read. */
  readonly active: boolean;
}

/** The public signing keys of a peer: those that count now, or all that it ever had. */
export function signingKeysOf(peer: Peer, options: { historic: boolean }): JWK[] {
  const keys = new Map([[String(peer.signingKey.x), true]]);
  for (const { use, key, state } of peer.keys ?? []) {
    if (use === 'signing') keys.set(key, state === 'accepted');
  }
  return [...keys]
    .filter(([, counts]) => counts || options.historic)
    .map(([x]) => ({ kty: 'OKP', crv: 'Ed25519', x }));
}

/** What the directory says of a TLS key that a certificate of this peer is for. */
export function tlsKeyState(peer: Peer, spkiSha256: string): NodeKey['state'] | 'unknown' {
  const listed = peer.keys?.find(({ use, key }) => use === 'tls' && key === spkiSha256);
  if (listed) return listed.state;
  const isPinned = peer.tlsKeySha256 === undefined || peer.tlsKeySha256 === spkiSha256;
  return isPinned ? 'accepted' : 'unknown';
}

/** Whether a key is left by which it may prove itself: none where stolen ones have ended, until it has new ones. */
export function isKeyed(peer: Peer): boolean {
  const first = peer.tlsKeySha256 === undefined ? [] : [peer.tlsKeySha256];
  const keys = (peer.keys ?? []).filter(({ use }) => use === 'tls').map(({ key }) => key);
  return [...first, ...keys].some((key) => tlsKeyState(peer, key) === 'accepted');
}

/** The live view of who the peers are; a new release changes what it answers. */
export interface PeerDirectory {
  peer(code: NodeCode): Peer | undefined;
  /** All nodes but this one. */
  peers(): readonly Peer[];
}

export interface PeerRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query, e.g. `/peer/v1/stream`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Of an answer that may be longer than others. */
  readonly maxAnswerBytes?: number;
}

export interface PeerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a node reaches another one: mTLS in production, a simulated network in the simulation. */
export interface PeerClient {
  /** @throws DomainError `peer-unreachable` when no answer came; any HTTP answer is returned. */
  request(to: NodeCode, request: PeerRequest): Promise<PeerResponse>;
}

/** Compact JWS by this node's Ed25519 signing key; `typ` names what is signed (RFC 8725, 3.11). */
export interface Signer {
  readonly node: NodeCode;
  sign(typ: string, payload: object): Promise<string>;
}

export interface Verifier {
  /**
   * The payload of a JWS signed by `node`, unparsed.
   * @throws DomainError `peer-refused` for a wrong `typ`, `kid`, `alg`, key or signature.
   */
  verify(jws: string, expected: { node: NodeCode; typ: string }): Promise<unknown>;
}
