import { z } from 'zod';
import { publicSigningKey } from '../federation/identity.ts';
import { operationKinds } from '../wire/operation-kinds.ts';
import { nodeCode } from '../wire/peer-messages.ts';

/**
 * What head office holds, as one file for a third party: a JSON object per line. Everything in it is signed by whom it
 * speaks of, or hangs on what is; the last line is head office's signature over all others.
 */

export const bundleVersion = 1;
export const bundleType = 'sbms-audit+jws';
/** The data sets that say who was who, and what was owed for what. */
export const bundledDatasets = ['branches', 'node-keys', 'tariffs', 'commissions'] as const;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const epoch = z.string().regex(/^[0-9a-f]{32}$/);
const position = z.int().min(1);
const jws = z.string().max(1_048_576);
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const minorUnits = z
  .string()
  .regex(/^\d{1,18}$/)
  .transform((digits) => BigInt(digits));

/** What was asked for. Of a period all entries are there; of an operation or a settlement, the hashes of the others. */
export const bundleScope = z.strictObject({
  from: date.optional(),
  to: date.optional(),
  branch: nodeCode.optional(),
  operation: z.string().max(64).optional(),
  settlement: z.string().max(64).optional(),
});
export type BundleScope = z.infer<typeof bundleScope>;

const opening = z.strictObject({
  type: z.literal('bundle'),
  version: z.literal(bundleVersion),
  createdAt: z.string().max(30),
  scope: bundleScope,
  headOfficeKey: publicSigningKey,
});
const dataset = z.strictObject({ type: z.literal('dataset'), sha256: hash, content: z.string() });
const release = z.strictObject({ type: z.literal('release'), jws });
const authority = z.strictObject({ type: z.literal('authority'), certPem: z.string().max(16_384) });
const certificate = z.strictObject({
  type: z.literal('certificate'),
  code: nodeCode,
  serial: z.string().max(64),
  tlsKeySha256: hash,
  notBefore: z.string().max(30),
  notAfter: z.string().max(30),
});
/** A stretch of one stream; `last` is the position that it reaches to. */
const stream = z.strictObject({
  type: z.literal('stream'),
  from: nodeCode,
  to: nodeCode,
  epoch,
  first: position,
  last: position,
});
/** Stands before the entries that it signs. */
const head = z.strictObject({ type: z.literal('head'), jws });
/** `entry` is its canonical JSON, word for word; left out where it is none of the third party's business. */
const entry = z.strictObject({
  type: z.literal('entry'),
  position,
  hash,
  entry: z.string().optional(),
});
const obligation = z.strictObject({
  type: z.literal('obligation'),
  settlementId: z.string().max(64),
  operationId: z.string().max(64),
  attempt: z.int().min(1),
  kind: z.union([
    z.enum(Object.keys(operationKinds) as (keyof typeof operationKinds)[]),
    z.literal('case-adjustment'),
  ]),
  debtor: nodeCode,
  creditor: nodeCode,
  currency: z.string().max(3),
  gross: minorUnits,
  commission: minorUnits,
  fee: minorUnits,
  net: minorUnits,
});
export type BundledObligation = z.infer<typeof obligation>;
const end = z.strictObject({ type: z.literal('end'), lines: z.int().min(1), sha256: hash, jws });

export const bundleLine = z.discriminatedUnion('type', [
  opening,
  dataset,
  release,
  authority,
  certificate,
  stream,
  head,
  entry,
  obligation,
  end,
]);
export type BundleLine = z.infer<typeof bundleLine>;
export type LineOf<Type extends BundleLine['type']> = Extract<BundleLine, { type: Type }>;

/** What head office signs at the end. */
export const bundleSeal = z.strictObject({ lines: z.int().min(1), sha256: hash });
