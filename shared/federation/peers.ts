import type { JWK } from 'jose';
import type { NodeCode } from '../ids/ids.ts';

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
  /** Certificate serials (lower-case hex) that are refused whatever their dates say. */
  readonly revokedSerials: readonly string[];
  /** A removed branch stays in the directory, inactive, so that its old signatures can be read. */
  readonly active: boolean;
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
