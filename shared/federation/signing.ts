import {
  CompactSign,
  type CryptoKey,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
  type JWK,
} from 'jose';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { publicKeyOf, signingKeyId } from './identity.ts';
import { type PeerDirectory, type Signer, signingKeysOf, type Verifier } from './peers.ts';

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

/** Signs with the key that a node has now: keys are rotated while it runs. */
export function createChangingSigner(identity: () => { code: NodeCode; signingKey: JWK }): Signer {
  const { code } = identity();
  const signerOf = latest((signingKey: JWK) => createSigner({ code, signingKey }));
  return {
    node: code,
    sign: (typ, payload) => signerOf(identity().signingKey).sign(typ, payload),
  };
}

/** Makes what follows from an object once, until it is another object. */
function latest<From extends object, Made>(make: (from: From) => Made): (from: From) => Made {
  let known: { readonly from: From; readonly made: Made } | undefined;
  return (from) => {
    if (known?.from !== from) known = { from, made: make(from) };
    return known.made;
  };
}

/**
 * Verifies against the directory's keys. HQ's is the directory's once a release names it, and
 * the one pinned at enrolment before that. Signatures of inactive nodes and by former keys are
 * refused, unless `historic`: for reading what was signed while they counted. A node reads its
 * own signatures by all keys that it ever had: they are what it is recovered from.
 */
export function createVerifier(deps: {
  directory: PeerDirectory;
  headOfficeKey: JWK;
  historic?: boolean;
  /** The verifying node itself; its own keys need not be in the directory yet. */
  self?: { readonly node: NodeCode; readonly keys: () => readonly JWK[] };
}): Verifier {
  const { directory, self, historic = false } = deps;

  function keysOf(node: NodeCode): readonly JWK[] {
    const peer = directory.peer(node);
    if (node === self?.node) {
      return [...self.keys(), ...(peer ? signingKeysOf(peer, { historic: true }) : [])];
    }
    if (!peer && node === headOffice) return [deps.headOfficeKey];
    if (!peer) throw new DomainError('peer-refused', `The directory knows no node ${node}.`);
    if (!peer.active && !historic) {
      throw new DomainError('peer-refused', `${node} is no longer a member.`);
    }
    return signingKeysOf(peer, { historic });
  }

  const open = createJwsReader();
  return {
    async verify(jws, { node, typ }) {
      const candidates = keysOf(node);
      try {
        return await open(jws, { candidates, typ });
      } catch (cause) {
        throw new DomainError('peer-refused', `This is not a ${typ} signed by ${node}.`, { cause });
      }
    },
  };
}

/** The payload of what exactly this key signed. @throws DomainError `peer-refused` */
export async function verifyByKey(jws: string, by: { key: JWK; typ: string }): Promise<unknown> {
  try {
    return await createJwsReader()(jws, { candidates: [by.key], typ: by.typ });
  } catch (cause) {
    throw new DomainError('peer-refused', `This is not a ${by.typ} by that key.`, { cause });
  }
}

/** Reads what one of the candidates signed: the one that the signature names. */
function createJwsReader() {
  const keys = new Map<string, Promise<LoadedKey>>();

  function loaded(jwk: JWK): Promise<LoadedKey> {
    const name = `${jwk.crv}:${jwk.x}`;
    const known = keys.get(name);
    if (known) return known;
    if (keys.size >= maxCachedKeys) keys.clear();
    const loading = loadKey(publicKeyOf(jwk));
    keys.set(name, loading);
    return loading;
  }

  async function keyNamed(kid: unknown, candidates: readonly JWK[]): Promise<CryptoKey> {
    for (const jwk of candidates) {
      const known = await loaded(jwk);
      if (known.kid === kid) return known.key;
    }
    throw new Error(`kid ${kid} names no key that counts`);
  }

  return async (
    jws: string,
    { candidates, typ }: { candidates: readonly JWK[]; typ: string },
  ): Promise<unknown> => {
    if (jws.length > maxJwsCharacters) throw new Error('the signed statement is too long');
    const key = await keyNamed(decodeProtectedHeader(jws).kid, candidates);
    const result = await compactVerify(jws, key, { algorithms: [algorithm] });
    const { typ: said } = result.protectedHeader;
    if (said !== typ) throw new Error(`typ ${said}: not what was expected`);
    return JSON.parse(new TextDecoder().decode(result.payload));
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
