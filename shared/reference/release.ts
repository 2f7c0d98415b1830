import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { Signer, Verifier } from '../federation/peers.ts';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Instant } from '../time/clock.ts';
import { rowErrors } from './dataset-content.ts';
import { approvals, keySetStatements } from './release-keys.ts';

/** JWS types (RFC 8725, 3.11): one signed thing is never taken for the other. */
export const releaseType = 'sbms-release+jws';
export const latestType = 'sbms-latest+jws';

const maxDatasets = 100;
const version = z.int().min(1);
const instant = z.iso.datetime({ precision: 3 });
const hexSha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const releaseManifest = z
  .strictObject({
    version,
    /** The version before it, of which a node need not have heard; null in the first. */
    previous: version.nullable(),
    createdAt: instant,
    effectiveFrom: instant,
    /** Also names of data sets that older software does not know: it keeps them unread. */
    datasets: z.record(
      z.string().regex(/^[a-z][a-z-]{0,39}$/),
      z.strictObject({ sha256: hexSha256, rows: z.int().min(0) }),
    ),
    /** Rotations of the release keys so far, and who of them signed this, where a federation has such keys. */
    keySets: keySetStatements.optional(),
    approvals: approvals.optional(),
  })
  .refine((manifest) => Object.keys(manifest.datasets).length <= maxDatasets, 'too many data sets')
  .refine(({ previous, version: own }) => (previous ?? 0) < own, 'previous is not before version');

const latestSchema = z.strictObject({
  version,
  /** Of the manifest's JWS, character by character. */
  manifestSha256: hexSha256,
  issuedAt: instant,
  expiresAt: instant,
});

/** One numbered version of all reference data: which data sets, by their hashes. */
export type ReleaseManifest = z.infer<typeof releaseManifest>;
/** HQ's word, good for a short while, on which release is the latest [The Update Framework]. */
export type LatestStatement = z.infer<typeof latestSchema>;

/** Whether a release counts at a moment: at its own, or from the beginning if none was set. */
export function isDue({ createdAt, effectiveFrom }: ReleaseManifest, at: Instant): boolean {
  return effectiveFrom <= at || effectiveFrom <= createdAt;
}

/** Whether others than head office have put their names to it. */
export function isSignedByPeople({ approvals: given = [] }: ReleaseManifest): boolean {
  return given.length > 0;
}

export function signManifest(signer: Signer, manifest: ReleaseManifest): Promise<string> {
  return signer.sign(releaseType, releaseManifest.parse(manifest));
}

/** @throws DomainError `peer-refused` for the signature, `release-invalid` for the content. */
export function readManifest(
  verifier: Verifier,
  jws: string,
  node: NodeCode = headOffice,
): Promise<ReleaseManifest> {
  return readSigned(releaseManifest, verifier, jws, { node, typ: releaseType });
}

/** Of a release that this node holds: it was verified before it was stored. */
export function storedManifest(jws: string): ReleaseManifest {
  return decodeJwt<ReleaseManifest>(jws);
}

export function signLatest(signer: Signer, latest: LatestStatement): Promise<string> {
  return signer.sign(latestType, latestSchema.parse(latest));
}

/** Does not look at the dates. @throws DomainError as `readManifest`. */
export function readLatest(
  verifier: Verifier,
  jws: string,
  node: NodeCode = headOffice,
): Promise<LatestStatement> {
  return readSigned(latestSchema, verifier, jws, { node, typ: latestType });
}

async function readSigned<T>(
  schema: z.ZodType<T>,
  verifier: Verifier,
  jws: string,
  expected: { node: NodeCode; typ: string },
): Promise<T> {
  const parsed = schema.safeParse(await verifier.verify(jws, expected));
  if (parsed.success) return parsed.data;
  throw new DomainError('release-invalid', `A ${expected.typ} is not well formed.`, {
    errors: rowErrors(expected.typ, parsed.error),
  });
}
