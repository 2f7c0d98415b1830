import { z } from 'zod';
import { keyStates, keyUses } from '../federation/peers.ts';
import { msisdnPattern, nodeCodePattern } from '../ids/ids.ts';
import { currencyPattern, parseMoney } from '../money/money.ts';
import { DomainError } from '../problem/problem.ts';
import { boundedCache } from '../store/bounded-cache.ts';
import { isBusinessDate } from '../time/clock.ts';

const maxNameLength = 200;
const maxUrlLength = 300;
const maxListItems = 200;
const fullBasisPoints = 10_000;

const code = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$/, 'is not a code');
const name = z.string().trim().min(1).max(maxNameLength);
const nodeCode = z.string().regex(nodeCodePattern, 'is not a node code');
const msisdn = z.string().regex(msisdnPattern, 'is not an E.164 number without +');
const currency = z.string().regex(currencyPattern, 'is not an ISO 4217 code');
const date = z.string().refine(isBusinessDate, 'is not a calendar date');
const amount = z.string().max(24);
const hexSha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in hex');
const origin = z
  .string()
  .max(maxUrlLength)
  .regex(/^https?:\/\/[^/\s]+$/, 'is not https://host:port');
const maxPemLength = 8_000;
const timeZonesKept = 100;
const validity = { validFrom: date, validTo: date.exactOptional() };

/** The public half of a node's Ed25519 key (RFC 8037). Strict: a private `d` never passes. */
export const publicSigningKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'is not an Ed25519 public key'),
  kid: z.string().max(100).exactOptional(),
  alg: z.string().max(20).exactOptional(),
  use: z.string().max(20).exactOptional(),
});

function moneyColumns(...columns: readonly string[]) {
  return (row: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    for (const column of columns) {
      try {
        const sum = parseMoney({ amount: String(row[column]), currency: String(row.currency) });
        if (sum.amount < 0n) throw new DomainError('invalid-money', 'is negative');
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        const message = error.errors[0]?.message ?? error.message;
        context.addIssue({ code: 'custom', path: [column], message });
      }
    }
  };
}

function periodInOrder(
  row: { validFrom: string; validTo?: string },
  context: z.RefinementCtx,
): void {
  if (row.validTo !== undefined && row.validTo < row.validFrom) {
    context.addIssue({ code: 'custom', path: ['validTo'], message: 'is before validFrom' });
  }
}

function rangeInOrder(row: { from: string; to: string }, context: z.RefinementCtx): void {
  if (row.from.length !== row.to.length || row.to < row.from) {
    context.addIssue({ code: 'custom', path: ['to'], message: 'is before from' });
  }
}

/** What HQ's people edit of a branch; where it is and who it is comes from its enrolment. */
export const branchTerms = z.strictObject({
  code: nodeCode,
  name,
  region: name,
  timeZone: z.string().refine((text) => timeZones(text), 'is not an IANA time zone'),
  netDebitCap: z.strictObject({ amount, currency }).superRefine(moneyColumns('amount')),
});

/** Endpoints and keys are there from enrolment on, and stay when a branch is removed. */
const branch = branchTerms
  .extend({
    peerUrl: origin.exactOptional(),
    frontUrl: origin.exactOptional(),
    signingKey: publicSigningKey.exactOptional(),
    tlsKeySha256: hexSha256.exactOptional(),
    revokedSerials: z.array(z.string().regex(/^[0-9a-f]{1,40}$/)).max(maxListItems),
    active: z.boolean(),
  })
  .superRefine((row, context) => {
    if (!row.active) return;
    for (const field of ['peerUrl', 'signingKey', 'tlsKeySha256'] as const) {
      if (row[field] !== undefined) continue;
      context.addIssue({ code: 'custom', path: [field], message: 'is missing, yet it is active' });
    }
  });

/** Slow to find out, and the same few in every release. */
const timeZones = boundedCache(timeZonesKept, (text) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});

const priced = { currency, ...validity };

interface Definition<Schema extends z.ZodObject> {
  readonly schema: Schema;
  /** The fields that name a row; no two rows share them. */
  readonly key: readonly (keyof z.infer<Schema> & string)[];
  /** A field (dotted, may hold a list) and the data set whose `code` it names. */
  readonly references: Readonly<Record<string, string>>;
}

function dataset<Schema extends z.ZodObject>(
  schema: Schema,
  key: readonly (keyof z.infer<Schema> & string)[],
  references: Readonly<Record<string, string>> = {},
): Definition<Schema> {
  return { schema, key, references };
}

/**
 * Every data set of a release: the shape of a row, what names it, what it refers to. Keys that hold
 * `validFrom` have periods: of the rows that agree in the rest, one at most is valid on any day.
 */
export const datasets = {
  branches: dataset(branch, ['code'], { 'netDebitCap.currency': 'currencies' }),
  'numbering-plan': dataset(
    z.strictObject({ from: msisdn, to: msisdn, branch: nodeCode }).superRefine(rangeInOrder),
    ['from'],
    { branch: 'branches' },
  ),
  'foreign-numbering': dataset(
    z.strictObject({ from: msisdn, to: msisdn, operator: name }).superRefine(rangeInOrder),
    ['from'],
  ),
  'ported-numbers': dataset(z.strictObject({ msisdn, branch: nodeCode }), ['msisdn'], {
    branch: 'branches',
  }),
  currencies: dataset(z.strictObject({ code: currency, decimals: z.int().min(0).max(4), name }), [
    'code',
  ]),
  'rate-plans': dataset(
    z
      .strictObject({
        code,
        name,
        monthlyFee: amount,
        switchFee: amount,
        services: z.array(code).max(maxListItems),
        ...priced,
      })
      .superRefine(moneyColumns('monthlyFee', 'switchFee'))
      .superRefine(periodInOrder),
    ['code', 'validFrom'],
    { currency: 'currencies', services: 'services' },
  ),
  services: dataset(
    z
      .strictObject({ code, name, fee: amount, ...priced })
      .superRefine(moneyColumns('fee'))
      .superRefine(periodInOrder),
    ['code', 'validFrom'],
    { currency: 'currencies' },
  ),
  tariffs: dataset(
    z
      .strictObject({
        action: code,
        amount,
        /** Who owes it to the serving branch. */
        payer: z.enum(['customer', 'home-branch']),
        ...priced,
      })
      .superRefine(moneyColumns('amount'))
      .superRefine(periodInOrder),
    ['action', 'validFrom'],
    { currency: 'currencies' },
  ),
  commissions: dataset(
    z
      .strictObject({
        operation: z.literal('payment'),
        tender: code,
        basisPoints: z.int().min(0).max(fullBasisPoints),
        ...validity,
      })
      .superRefine(periodInOrder),
    ['operation', 'tender', 'validFrom'],
    { tender: 'tenders' },
  ),
  tenders: dataset(
    z
      .strictObject({
        code,
        name,
        minAmount: amount,
        maxAmount: amount,
        currency,
        /** The most that one payment may be while its home branch cannot be reached. */
        unverifiedMax: amount,
      })
      .superRefine(moneyColumns('minAmount', 'maxAmount', 'unverifiedMax')),
    ['code'],
    { currency: 'currencies' },
  ),
  roles: dataset(
    z.strictObject({
      role: code,
      node: z.enum(['branch', 'centre']),
      permission: z.string().regex(/^[a-z-]+\.[a-z-]+$/, 'is not a permission'),
    }),
    ['node', 'role', 'permission'],
  ),
  reasons: dataset(
    z.strictObject({
      code,
      kind: z.enum(['block', 'termination', 'cancellation', 'refusal', 'case']),
      name,
    }),
    ['kind', 'code'],
  ),
  'document-types': dataset(z.strictObject({ code, name }), ['code']),
  regions: dataset(z.strictObject({ code, name, branch: nodeCode }), ['code'], {
    branch: 'branches',
  }),
  /** Every key that a node ever had. A data set of its own: older software keeps it unread. */
  'node-keys': dataset(
    z.strictObject({
      node: nodeCode,
      use: z.enum(keyUses),
      /** Of a signing key its `x`, of a TLS key the SHA-256 of its SubjectPublicKeyInfo. */
      key: z.string().regex(/^([A-Za-z0-9_-]{43}|[0-9a-f]{64})$/, 'is not a key'),
      state: z.enum(keyStates),
    }),
    ['use', 'key'],
  ),
  /** Whose certificates are believed; the issuing one makes the new ones. */
  authorities: dataset(
    z.strictObject({
      sha256: hexSha256,
      certPem: z.string().max(maxPemLength),
      state: z.enum(['issuing', 'trusted']),
    }),
    ['sha256'],
  ),
} as const;

/** What comes from enrolment and the keys' own commands; nobody edits it. */
export const directoryDatasets = ['node-keys', 'authorities'] as const;
export type DirectoryDataset = (typeof directoryDatasets)[number];

export type DatasetName = keyof typeof datasets;
export type RowOf<Name extends DatasetName> = z.infer<(typeof datasets)[Name]['schema']>;
/** All rows of a release; an absent data set has none. */
export type Datasets = { readonly [Name in DatasetName]: readonly RowOf<Name>[] };
export type BranchTerms = z.infer<typeof branchTerms>;

/** Every name, in the table's order. */
export const datasetNames: readonly DatasetName[] = Object.keys(datasets).filter(isDatasetName);

/** Those that people edit. */
export const editableDatasets = datasetNames.filter(
  (name) => !directoryDatasets.some((own) => own === name),
);

export function isDatasetName(text: string): text is DatasetName {
  return Object.hasOwn(datasets, text);
}
