import { CompactSign, compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { publicSigningKey, signingKeyId } from '../federation/identity.ts';
import { DomainError } from '../problem/problem.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';

/**
 * Keys that are held offline by people: so many of them have to sign a release beside head office, so that head office's
 * own key alone makes no release [The Update Framework, roles and thresholds].
 */
export const approvalType = 'sbms-release-approval+jws';
export const keySetType = 'sbms-release-keys+jws';

const algorithm = 'EdDSA';
const maxKeys = 32;
const maxApprovals = 64;
const maxKeySets = 64;

const keySet = z
  .strictObject({
    version: z.int().min(1),
    threshold: z.int().min(1).max(maxKeys),
    keys: z.array(publicSigningKey).min(1).max(maxKeys),
  })
  .refine(({ threshold, keys }) => threshold <= keys.length, 'more signatures than keys')
  .refine(({ keys }) => new Set(keys.map(({ x }) => x)).size === keys.length, 'a key stands twice');
export type KeySet = z.infer<typeof keySet>;

const approval = z.string().max(2_048);
export const approvals = z.array(approval).max(maxApprovals);

/** The next key set, signed by the one before it. */
export const keySetStatement = z.strictObject({ keySet, approvals });
export type KeySetStatement = z.infer<typeof keySetStatement>;
export const keySetStatements = z.array(keySetStatement).max(maxKeySets);

const approved = z.strictObject({ version: z.int().min(1), sha256: z.string() });

/** @throws Error for what is no key set. */
export function parseKeySet(text: string): KeySet {
  return keySet.parse(JSON.parse(text));
}

/** What a holder of a key signs: the whole of it, by its hash. */
function subjectOf({ version, content }: Approvable) {
  return { version, sha256: sha256(canonicalJson(content)) };
}

interface Approvable {
  readonly version: number;
  readonly content: object;
}

export const approvableKeySet = (next: KeySet): Approvable => ({
  version: next.version,
  content: next,
});

/** Signs with a private release key. */
export async function approve(
  key: JWK,
  typ: typeof approvalType | typeof keySetType,
  subject: Approvable,
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(subjectOf(subject)));
  return new CompactSign(bytes)
    .setProtectedHeader({ alg: algorithm, typ, kid: await signingKeyId(key) })
    .sign(await importJWK(key, algorithm));
}

/** How many different keys of the set have signed this; whatever else is there counts for nothing. */
export async function countApprovals(
  { keys }: KeySet,
  given: readonly string[],
  { typ, subject }: { typ: typeof approvalType | typeof keySetType; subject: Approvable },
): Promise<number> {
  const wanted = subjectOf(subject);
  const signed = new Set<string>();
  for (const jwk of keys) {
    const kid = await signingKeyId(jwk);
    for (const jws of given) {
      if (await isSignedBy(jws, { jwk, kid, typ, wanted })) signed.add(kid);
    }
  }
  return signed.size;
}

async function isSignedBy(
  jws: string,
  by: { jwk: JWK; kid: string; typ: string; wanted: { version: number; sha256: string } },
): Promise<boolean> {
  try {
    const header = decodeProtectedHeader(jws);
    if (header.kid !== by.kid || header.typ !== by.typ) return false;
    const key = await importJWK(by.jwk, algorithm);
    const { payload } = await compactVerify(jws, key, { algorithms: [algorithm] });
    const said = approved.parse(JSON.parse(new TextDecoder().decode(payload)));
    return said.version === by.wanted.version && said.sha256 === by.wanted.sha256;
  } catch {
    return false;
  }
}

/**
 * The key set that counts, from the one that is pinned over every rotation that follows it: each is signed by the one
 * before.
 * @throws DomainError `release-not-approved` for a rotation that its predecessor did not sign.
 */
export async function currentKeySet(
  pinned: KeySet,
  rotations: readonly KeySetStatement[],
  /** Whose signatures count, of a set. */
  counting: (keySet: KeySet) => KeySet,
): Promise<KeySet> {
  let current = pinned;
  for (const { keySet: next, approvals: given } of rotations) {
    if (next.version <= current.version) continue;
    const subject = approvableKeySet(next);
    const count = await countApprovals(counting(current), given, { typ: keySetType, subject });
    if (next.version !== current.version + 1 || count < current.threshold) {
      throw new DomainError(
        'release-not-approved',
        `The release keys ${next.version} are signed by ${count} of ${current.threshold} keys.`,
      );
    }
    current = next;
  }
  return current;
}
