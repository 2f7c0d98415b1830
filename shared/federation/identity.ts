import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { type NodeCode, nodeCodePattern } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { adoptNextFiles, finishAdopting, nextFolderOf } from '../store/adopted-files.ts';
import { replaceFile } from '../store/durable-file.ts';
import {
  certificateFacts,
  certificatesIn,
  createTlsKey,
  parseCertificate,
} from './certificates.ts';

/** What TLS needs of a node; all PEM. */
export interface TlsMaterial {
  readonly tlsKeyPem: string;
  readonly certPem: string;
  readonly caPem: string;
}

/** A node's two private keys; all it has before it is enrolled. */
export interface NodeKeys {
  readonly code: NodeCode;
  readonly tlsKeyPem: string;
  /** Ed25519, private. */
  readonly signingKey: JWK;
}

/** An enrolled node's identity. */
export interface NodeIdentity extends NodeKeys, TlsMaterial {
  /** HQ's public signing key, pinned at enrolment. */
  readonly headOfficeKey: JWK;
}

/** 32 bytes as base64url, in their one spelling: the last letter has two bits that are not read. */
const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);

/** A public signing key as it stands on the wire and in the directory. */
export const publicSigningKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: bytes32,
});
export type PublicSigningKey = z.infer<typeof publicSigningKey>;

const privateSigningKey = publicSigningKey.extend({ d: bytes32 });

const files = {
  tlsKey: 'tls-key.pem',
  cert: 'tls-cert.pem',
  ca: 'ca.pem',
  signingKey: 'signing-key.jwk',
  headOfficeKey: 'hq-signing-key.jwk',
} as const;

/** The JWK thumbprint (RFC 7638) that a `kid` names. */
export function signingKeyId(jwk: JWK): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256');
}

/** A public signing key by its `x`. */
export function signingKeyOf(x: string): PublicSigningKey {
  return { kty: 'OKP', crv: 'Ed25519', x };
}

/** The public half of a signing key, without anything else. */
export function publicKeyOf(signingKey: JWK): PublicSigningKey {
  const { kty, crv, x } = signingKey;
  return publicSigningKey.parse({ kty, crv, x });
}

/** New keys, in memory only. */
export async function createKeys(code: NodeCode): Promise<NodeKeys> {
  const [tlsKeyPem, pair] = await Promise.all([
    createTlsKey(),
    generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true }),
  ]);
  const signingKey = privateSigningKey.parse(await exportJWK(pair.privateKey));
  return { code, tlsKeyPem, signingKey };
}

/**
 * The keys in `dir`, made there if it has none: an interrupted enrolment goes on with its own.
 * @throws DomainError `enrolment-refused` when `dir` belongs to another node.
 */
export async function createIdentity(dir: string, code: NodeCode): Promise<NodeKeys> {
  if (!nodeCodePattern.test(code)) throw new DomainError('invalid-input', 'Not a node code.');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const certPem = readIfPresent(join(dir, files.cert));
  if (certPem !== undefined && certificateFacts(certPem).code !== code) {
    throw new DomainError('enrolment-refused', `${dir} holds the identity of another node.`);
  }
  // The signing key is written last: with it there, both are.
  if (readIfPresent(join(dir, files.signingKey)) !== undefined) {
    return { code, ...(await loadKeys(dir)) };
  }
  const keys = await createKeys(code);
  writeFile(dir, files.tlsKey, keys.tlsKeyPem);
  writeFile(dir, files.signingKey, JSON.stringify(keys.signingKey));
  return keys;
}

/** Adds what the centre answered; the certificate goes last, it makes the identity whole. */
export function completeIdentity(
  dir: string,
  enrolled: { certPem: string; caPem: string; headOfficeKey: JWK },
): void {
  writeFile(dir, files.headOfficeKey, JSON.stringify(publicKeyOf(enrolled.headOfficeKey)));
  writeFile(dir, files.ca, enrolled.caPem);
  replaceCertificate(dir, enrolled.certPem);
}

/** A renewal: the same key under a new certificate. */
export function replaceCertificate(dir: string, certPem: string): void {
  writeFile(dir, files.cert, certPem);
}

/**
 * Keys that are not adopted yet, with their certificate once there is one. Looked for every second, and mostly not
 * there: nothing to wait for.
 */
export function loadNextKeys(
  dir: string,
  code: NodeCode,
): { readonly keys: NodeKeys; readonly certPem: string | undefined } | undefined {
  const next = nextFolderOf(dir);
  if (!existsSync(next)) return undefined;
  const [tlsKeyPem, signingKey, certPem] = [files.tlsKey, files.signingKey, files.cert].map(
    (name) => readIfPresent(join(next, name)),
  );
  if (tlsKeyPem === undefined || signingKey === undefined) return undefined;
  const keys = { code, tlsKeyPem, signingKey: privateSigningKey.parse(JSON.parse(signingKey)) };
  return { keys, certPem };
}

/** From here on the next identity is the node's own; the keys before it are gone. */
export function adoptNextIdentity(dir: string): Promise<NodeIdentity> {
  adoptNextFiles(dir);
  return loadIdentity(dir);
}

/** An authority that is believed besides, or no more. */
export function replaceAuthorities(dir: string, caPem: string): void {
  writeFile(dir, files.ca, caPem);
}

/** Head office's key, as it says itself, signed with the one before. */
export function replaceHeadOfficeKey(dir: string, key: JWK): void {
  writeFile(dir, files.headOfficeKey, JSON.stringify(publicKeyOf(key)));
}

function writeFile(dir: string, name: string, text: string): void {
  replaceFile(join(dir, name), Buffer.from(text));
}

/**
 * Reads an enrolled node's identity and checks that its parts belong together.
 * @throws DomainError `not-found` when the node is not enrolled; Error when a file is damaged.
 */
export async function loadIdentity(dir: string): Promise<NodeIdentity> {
  finishAdopting(dir);
  const certPem = readIfPresent(join(dir, files.cert));
  if (certPem === undefined) {
    throw new DomainError('not-found', `No node identity in ${dir}: enrol this node first.`);
  }
  const keys = await loadKeys(dir);
  const certificate = parseCertificate(certPem);
  if (!certificate.checkPrivateKey(createPrivateKey(keys.tlsKeyPem))) {
    throw new Error(`${files.cert} and ${files.tlsKey} in ${dir} do not belong together`);
  }
  return {
    code: certificateFacts(certificate).code,
    ...keys,
    certPem,
    caPem: await loadAuthorities(dir),
    headOfficeKey: publicSigningKey.parse(await readJson(join(dir, files.headOfficeKey))),
  };
}

/** Without it nobody would be believed, and every peer would seem to be a stranger. */
async function loadAuthorities(dir: string): Promise<string> {
  const text = await readFile(join(dir, files.ca), 'utf8');
  const begun = text.match(/-----BEGIN/g) ?? [];
  if (begun.length > 0 && holdsCertificates(text, begun.length)) return text;
  throw new Error(
    `${files.ca} in ${dir} is damaged: put back the authority's certificate, which head office serves as /enrolment/ca.pem`,
  );
}

/** Each signs itself, so one that was changed anywhere shows. */
function holdsCertificates(text: string, count: number): boolean {
  try {
    const all = certificatesIn(text);
    return all.length === count && all.every((each) => each.verify(each.publicKey));
  } catch {
    return false;
  }
}

async function loadKeys(dir: string): Promise<Omit<NodeKeys, 'code'>> {
  return {
    tlsKeyPem: await readFile(join(dir, files.tlsKey), 'utf8'),
    signingKey: privateSigningKey.parse(await readJson(join(dir, files.signingKey))),
  };
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
