import {
  constants,
  createPublicKey,
  generateKeyPair,
  privateEncrypt,
  X509Certificate,
} from 'node:crypto';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import type Forge from 'node-forge';
import type { Ids, NodeCode } from '../ids/ids.ts';
import { nodeCodePattern } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { boundedCache } from '../store/bounded-cache.ts';
import type { Clock } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';

const require = createRequire(import.meta.url);
/** Loaded by the first certificate that is made: most starts make none. */
const forge = (): typeof Forge => require('node-forge');

const keyBits = 2048;
const maxKeyBits = 4_096;
const maxExponentBits = 32;
const dayMs = 86_400_000;
/** As many certificates as a node looks at again and again: its own, its authorities'. */
const certificatesKeptMax = 64;
/** A fresh certificate must be good at once on a node whose clock is a little behind. */
const backdatedMs = 300_000;

/** What EMSA-PKCS1-v1_5 puts before a SHA-256 digest (RFC 8017, 9.2, note 1). */
const sha256DigestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** The federation's certificate authority: a self-signed certificate and its key, both PEM. */
export interface Authority {
  readonly certPem: string;
  readonly keyPem: string;
}

/** The authority that makes new certificates, and whom else it follows. */
export interface Authorities extends Authority {
  /** Its key under the authority before it: who knows only that one believes it. */
  readonly linkPem?: string;
  /** Certificates of earlier authorities that are still believed. */
  readonly formerPems?: readonly string[];
}

/** Whose certificates are believed. */
export function trustedPem({
  certPem,
  formerPems = [],
}: Pick<Authorities, 'certPem' | 'formerPems'>): string {
  return [certPem, ...formerPems].join('');
}

/** What the federation reads in a node's certificate. */
export interface CertificateFacts {
  readonly code: NodeCode;
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 (hex) of the SubjectPublicKeyInfo. */
  readonly spkiSha256: string;
  /** Milliseconds since the epoch, both. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The name that peers ask for in TLS, whatever address they dial: `msk.sbms.internal`. */
export function tlsName(code: NodeCode): string {
  return `${code.toLowerCase()}.sbms.internal`;
}

/** The hosts of URLs, each once, as a certificate names them (IPv6 without brackets). */
export function hostsOf(urls: readonly string[]): string[] {
  const hosts = urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''));
  return [...new Set(hosts)];
}

/** An RSA key, PKCS #8 PEM; made off the event loop. */
export async function createTlsKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: keyBits });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A random positive 127-bit serial that DER writes without padding (RFC 5280, 4.1.2.2). */
export function randomSerial(ids: Ids): string {
  const hex = ids.hex(16);
  const first = (Number.parseInt(hex.slice(0, 2), 16) & 0x7f) | 0x40;
  return first.toString(16) + hex.slice(2);
}

/** A new self-signed certificate authority, good for `validDays`. */
export async function createAuthority(options: {
  commonName: string;
  clock: Clock;
  ids: Ids;
  validDays: number;
}): Promise<Authority> {
  const keyPem = await createTlsKey();
  const subject = [{ name: 'commonName', value: options.commonName }];
  const cert = blankCertificate({ ...options, serial: randomSerial(options.ids) });
  cert.publicKey = publicKeyOf(keyPem);
  cert.setSubject(subject);
  cert.setIssuer(subject);
  cert.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  cert.sign(signingKeyOf(keyPem), forge().md.sha256.create());
  return { certPem: forge().pki.certificateToPem(cert), keyPem };
}

/** A new authority under the key of the one before it (RFC 4210, 4.4: "new with old"). */
export function linkAuthority(options: {
  former: Authority;
  issuing: Authority;
  clock: Clock;
  ids: Ids;
}): string {
  const { former, issuing } = options;
  const old = forge().pki.certificateFromPem(former.certPem);
  const next = forge().pki.certificateFromPem(issuing.certPem);
  const cert = forge().pki.createCertificate();
  cert.serialNumber = randomSerial(options.ids);
  cert.validity.notBefore.setTime(next.validity.notBefore.getTime());
  cert.validity.notAfter.setTime(old.validity.notAfter.getTime());
  cert.publicKey = next.publicKey;
  cert.setSubject(next.subject.attributes);
  cert.setIssuer(old.subject.attributes);
  cert.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: old.generateSubjectKeyIdentifier().getBytes(),
    },
  ]);
  cert.sign(signingKeyOf(former.keyPem), forge().md.sha256.create());
  return forge().pki.certificateToPem(cert);
}

/** A PKCS #10 request for `code`. It names no hosts: the issuer knows the node's URLs. */
export function createRequest(options: { code: NodeCode; keyPem: string }): string {
  const request = forge().pki.createCertificationRequest();
  request.publicKey = publicKeyOf(options.keyPem);
  request.setSubject([{ name: 'commonName', value: options.code }]);
  request.sign(signingKeyOf(options.keyPem), forge().md.sha256.create());
  return forge().pki.certificationRequestToPem(request);
}

/**
 * A node certificate for the key that signed the request: server and client in one.
 * Nothing but the key is taken from the request.
 * @throws DomainError `enrolment-refused` for a request that is broken, unsigned, weak or for
 * another code.
 */
export function issueCertificate(options: {
  authority: Authority;
  csrPem: string;
  code: NodeCode;
  hosts: readonly string[];
  validDays: number;
  clock: Clock;
  serial: string;
}): string {
  const { code, authority } = options;
  const ca = forge().pki.certificateFromPem(authority.certPem);
  const cert = blankCertificate(options);
  cert.publicKey = requestedKey(options.csrPem, code);
  cert.setSubject([{ name: 'commonName', value: code }]);
  cert.setIssuer(ca.subject.attributes);
  cert.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: alternativeNames(code, options.hosts) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: ca.generateSubjectKeyIdentifier().getBytes() },
  ]);
  cert.sign(signingKeyOf(authority.keyPem), forge().md.sha256.create());
  return forge().pki.certificateToPem(cert);
}

function publicKeyOf(keyPem: string): Forge.pki.PublicKey {
  return forge().pki.publicKeyFromPem(
    createPublicKey(keyPem).export({ type: 'spki', format: 'pem' }).toString(),
  );
}

// Forge's own RSA holds the event loop for a tenth of a second, OpenSSL's for a hundredth of that.
function signingKeyOf(keyPem: string) {
  const key = { key: keyPem, padding: constants.RSA_PKCS1_PADDING };
  return Object.assign(forge().pki.privateKeyFromPem(keyPem), {
    sign(md: Forge.md.MessageDigest): string {
      const digest = Buffer.from(md.digest().getBytes(), 'binary');
      return privateEncrypt(key, Buffer.concat([sha256DigestInfo, digest])).toString('binary');
    },
  });
}

function blankCertificate(options: { clock: Clock; validDays: number; serial: string }) {
  const cert = forge().pki.createCertificate();
  const nowMs = options.clock.nowMs();
  cert.serialNumber = options.serial;
  cert.validity.notBefore.setTime(nowMs - backdatedMs);
  cert.validity.notAfter.setTime(nowMs + options.validDays * dayMs);
  return cert;
}

// GeneralName (RFC 5280, 4.2.1.6): 2 is dNSName, 6 uniformResourceIdentifier, 7 iPAddress.
function alternativeNames(code: NodeCode, hosts: readonly string[]): object[] {
  return [
    { type: 6, value: `sbms:node:${code}` },
    { type: 2, value: tlsName(code) },
    ...hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })),
  ];
}

function requestedKey(csrPem: string, code: NodeCode): Forge.pki.rsa.PublicKey {
  const request = readRequest(csrPem);
  const key = request?.publicKey;
  if (!request || !key || !('n' in key)) throw invalidRequest();
  if (key.n.bitLength() < keyBits) {
    throw new DomainError('enrolment-refused', `The TLS key has fewer than ${keyBits} bits.`);
  }
  // Before the signature is looked at: with numbers of a hundred thousand bits that takes hours.
  if (key.n.bitLength() > maxKeyBits || key.e.bitLength() > maxExponentBits) {
    throw new DomainError('enrolment-refused', `The TLS key has more than ${maxKeyBits} bits.`);
  }
  if (!isSignedByItself(request)) throw invalidRequest();
  if (request.subject.getField('CN')?.value !== code) {
    throw new DomainError('enrolment-refused', 'The certificate request is for another node.');
  }
  return key;
}

function invalidRequest(): DomainError {
  return new DomainError('enrolment-refused', 'The certificate request is not valid.');
}

function readRequest(csrPem: string): Forge.pki.CertificateSigningRequest | undefined {
  try {
    return forge().pki.certificationRequestFromPem(csrPem);
  } catch {
    return undefined;
  }
}

function isSignedByItself(request: Forge.pki.CertificateSigningRequest): boolean {
  try {
    return request.verify();
  } catch {
    return false;
  }
}

/**
 * Reads a node's certificate; proves nothing about who signed it.
 * @throws DomainError `peer-refused` when it names no node, or two.
 */
export function certificateFacts(certificate: string | X509Certificate): CertificateFacts {
  return typeof certificate === 'string' ? factsKept(certificate) : factsOf(certificate);
}

function factsOf(x509: X509Certificate): CertificateFacts {
  const names = x509.subject.split('\n').filter((line) => line.startsWith('CN='));
  const uris = (x509.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const code = names[0]?.slice('CN='.length) ?? '';
  const agrees = names.length === 1 && uris.length === 1 && uris[0] === `URI:sbms:node:${code}`;
  if (!agrees || !isNodeCode(code)) {
    throw new DomainError('peer-refused', 'The certificate does not name one node.');
  }
  return {
    code,
    serial: x509.serialNumber.toLowerCase(),
    spkiSha256: sha256(x509.publicKey.export({ type: 'spki', format: 'der' })),
    notBefore: Date.parse(x509.validFrom),
    notAfter: Date.parse(x509.validTo),
  };
}

/** @throws DomainError `peer-refused` for what is not a certificate. */
export function parseCertificate(pem: string): X509Certificate {
  try {
    return certificatesKept(pem);
  } catch (cause) {
    throw new DomainError('peer-refused', 'This is not a certificate.', { cause });
  }
}

const certificatesKept = boundedCache(certificatesKeptMax, (pem) => new X509Certificate(pem));
const factsKept = boundedCache(certificatesKeptMax, (pem) => factsOf(parseCertificate(pem)));

function isNodeCode(text: string): text is NodeCode {
  return nodeCodePattern.test(text);
}

/** The certificates of a PEM text, one by one. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map(parseCertificate);
}

/** Whether the first certificate of a chain follows from one of these authorities. */
export function followsFrom(chainPem: string, authoritiesPem: string): boolean {
  const [own, ...links] = certificatesIn(chainPem);
  const roots = certificatesIn(authoritiesPem);
  const isSigned = (certificate: X509Certificate, by: readonly X509Certificate[]) =>
    by.some((authority) => certificate.verify(authority.publicKey));
  const linked = links.filter((link) => link.ca && isSigned(link, roots));
  return own !== undefined && isSigned(own, [...roots, ...linked]);
}

/** SHA-256 (hex) of a certificate's DER: what an enrolment token pins. */
export function certificateFingerprint(pem: string): string {
  return sha256(parseCertificate(pem).raw);
}

export function isGoodAt({ notBefore, notAfter }: CertificateFacts, nowMs: number): boolean {
  return notBefore <= nowMs && nowMs <= notAfter;
}

/** True once two thirds of the certificate's life are over. */
export function dueForRenewal(facts: CertificateFacts, nowMs: number): boolean {
  return nowMs >= facts.notBefore + ((facts.notAfter - facts.notBefore) * 2) / 3;
}
