import { CompactSign, type CryptoKey, compactVerify, importJWK, type JWK } from 'jose';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { publicKeyOf, signingKeyId } from './identity.ts';
import type { PeerDirectory, Signer, Verifier } from './peers.ts';

const algorithm = 'EdDSA';
const maxJwsCharacters = 1_048_576;
const maxCachedKeys = 1_024;

/** Signs with a node's Ed25519 key; `typ`, `kid` and `alg` stand in the protected header. */
export function createSigner(identity: { code: NodeCode; signingKey: JWK }): Signer {
  const ready = loadKey(identity.signingKey);
  // A broken key is reported by the first `sign`, not as an unhandled rejection.
  ready.catch(() => undefined);
  return {
    node: identity.code,
    async sign(typ, payload) {
      const { key, kid } = await ready;
      const bytes = Buffer.from(JSON.stringify(payload));
      return new CompactSign(bytes).setProtectedHeader({ alg: algorithm, typ, kid }).sign(key);
    },
  };
}

/**
 * Verifies against the directory's keys. HQ's is the directory's once a release names it, and
 * the one pinned at enrolment before that. Signatures of inactive nodes are refused, unless
 * `historic`: for reading what was signed while they were members.
 */
export function createVerifier(deps: {
  directory: PeerDirectory;
  headOfficeKey: JWK;
  historic?: boolean;
}): Verifier {
  const keys = new Map<string, Promise<LoadedKey>>();

  function keyOf(node: NodeCode): JWK {
    const peer = deps.directory.peer(node);
    if (!peer && node === headOffice) return deps.headOfficeKey;
    if (!peer) throw new DomainError('peer-refused', `The directory knows no node ${node}.`);
    if (!peer.active && !deps.historic) {
      throw new DomainError('peer-refused', `${node} is no longer a member.`);
    }
    return peer.signingKey;
  }

  function loaded(jwk: JWK): Promise<LoadedKey> {
    const name = `${jwk.crv}:${jwk.x}`;
    const known = keys.get(name);
    if (known) return known;
    if (keys.size >= maxCachedKeys) keys.clear();
    const loading = loadKey(publicKeyOf(jwk));
    keys.set(name, loading);
    return loading;
  }

  return {
    async verify(jws, { node, typ }) {
      const jwk = keyOf(node);
      if (jws.length > maxJwsCharacters) {
        throw new DomainError('peer-refused', 'The signed statement is too long.');
      }
      try {
        const { key, kid } = await loaded(jwk);
        const result = await compactVerify(jws, key, { algorithms: [algorithm] });
        const header = result.protectedHeader;
        if (header.typ !== typ || header.kid !== kid) {
          throw new Error(`typ ${header.typ}, kid ${header.kid}: not what was expected`);
        }
        return JSON.parse(new TextDecoder().decode(result.payload));
      } catch (cause) {
        throw new DomainError('peer-refused', `This is not a ${typ} signed by ${node}.`, { cause });
      }
    },
  };
}

interface LoadedKey {
  readonly key: CryptoKey;
  readonly kid: string;
}

async function loadKey(jwk: JWK): Promise<LoadedKey> {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array || jwk.crv !== 'Ed25519') {
    throw new TypeError('a signing key is an Ed25519 key');
  }
  return { key, kid: await signingKeyId(jwk) };
}
