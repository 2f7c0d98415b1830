import { z } from 'zod';
import { headOffice, type NodeCode, nodeCodePattern } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { publicSigningKey } from './identity.ts';

const maxUrlCharacters = 300;
const maxPemCharacters = 16_384;

/**
 * `https://host[:port]` and nothing behind it: what the directory takes as a node's address.
 * Names under `sbms.internal` are the authority's to give: a branch that could ask for HQ's in
 * its certificate would pass for it in TLS.
 */
export const nodeUrl = originOf(['https:'], 'must be https://host:port, not under sbms.internal');

/** Where people find a node; on one machine, or behind a proxy, it may be plain HTTP. */
export const frontUrl = originOf(
  ['https:', 'http:'],
  'must be https://host:port or http://host:port, not under sbms.internal',
);

const pem = z.string().max(maxPemCharacters);
const nodeCode = z.custom<NodeCode>(
  (value) => typeof value === 'string' && nodeCodePattern.test(value),
  'must be 2–8 capitals',
);

export const enrolmentRequest = z.strictObject({
  code: nodeCode,
  token: z.string().max(200),
  csrPem: pem,
  signingJwk: publicSigningKey,
  peerUrl: nodeUrl,
  frontUrl,
});
export type EnrolmentRequest = z.infer<typeof enrolmentRequest>;

export const enrolmentAnswer = z.strictObject({
  certPem: pem,
  caPem: pem,
  hqSigningKey: publicSigningKey,
});
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswer>;

/** Signed with the signing key, for a certificate that TLS does not take any more. */
export const renewalType = 'sbms-renewal+jws';
/** Head office's next key, signed with the one before: a chain of them leads to the present one. */
export const successorType = 'sbms-successor+jws';
/** Signed with the old and with the new signing key. */
export const keysType = 'sbms-keys+jws';

const jws = z.string().max(4_096);
const csrSha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const renewalStatement = z.strictObject({ node: nodeCode, csrSha256 });
export const lateRenewalRequest = z.strictObject({ code: nodeCode, csrPem: pem, statement: jws });

/** New keys of a node: from the next release on they are accepted beside the old ones. */
export const keysStatement = renewalStatement.extend({ signingKey: publicSigningKey });
export const keysRequest = z.strictObject({ csrPem: pem, statement: jws, proof: jws });
/** The node uses its new keys; the others end. The TLS key is the caller's. */
export const keysAdoption = z.strictObject({ signingKey: publicSigningKey });

const maxSuccessors = 1_000;
export const successorStatement = z.strictObject({
  node: z.literal(headOffice),
  sequence: z.int().min(1),
  signingKey: publicSigningKey,
});
/** The statements in their order; the last one names the key that head office signs with. */
export const successorsAnswer = z.strictObject({ items: z.array(jws).max(maxSuccessors) });

export const renewalRequest = z.strictObject({ csrPem: pem });
export const renewalAnswer = z.strictObject({ certPem: pem });
export type RenewalAnswer = z.infer<typeof renewalAnswer>;

/** An enrolment token: a secret, and the fingerprint of the authority that will take it. */
export interface EnrolmentToken {
  readonly secret: string;
  /** SHA-256 (hex) of the authority's certificate (DER). */
  readonly authoritySha256: string;
}

export function tokenText(token: EnrolmentToken): string {
  return `${token.secret}.${token.authoritySha256}`;
}

/** @throws DomainError `enrolment-refused` for what is not a token. */
export function parseToken(text: string): EnrolmentToken {
  const match = /^([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/.exec(text.trim());
  const [, secret, authoritySha256] = match ?? [];
  if (secret === undefined || authoritySha256 === undefined) {
    throw new DomainError('enrolment-refused', 'This is not an enrolment token.');
  }
  return { secret, authoritySha256 };
}

function originOf(protocols: readonly string[], message: string) {
  return z
    .string()
    .max(maxUrlCharacters)
    .refine((text) => {
      if (!URL.canParse(text)) return false;
      const { protocol, origin, hostname } = new URL(text);
      const reserved = /(^|\.)sbms\.internal\.?$/.test(hostname);
      return protocols.includes(protocol) && origin === text && !reserved;
    }, message);
}
