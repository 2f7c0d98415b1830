import {
  type Authority,
  type CertificateFacts,
  certificateFacts,
  createAuthority,
  createRequest,
  issueCertificate,
  randomSerial,
} from '../../shared/federation/certificates.ts';
import { createKeys, type NodeIdentity, publicKeyOf } from '../../shared/federation/identity.ts';
import { headOffice, type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { startMs } from './calendar.ts';
import { knowSecret } from './quick-crypto.ts';

/** The keys of all nodes, made once for all seeds of a process. */

const clock = { nowMs: () => startMs - 86_400_000, after: () => () => {} };
/** Expiry is the simulation's to play, not the calendar's. */
const validDays = 3_650;

let authority: Authority | undefined;
const identities = new Map<NodeCode, NodeIdentity>();
const certificates = new Map<NodeCode, CertificateFacts>();

export async function makeKeys(codes: readonly NodeCode[]): Promise<void> {
  authority ??= await createAuthority({ commonName: 'CA', clock, ids: systemIds, validDays });
  const made = authority;
  const missing = [headOffice, ...codes].filter((code) => !identities.has(code));
  const keys = await Promise.all(missing.map(createKeys));
  const first = identities.get(headOffice)?.signingKey ?? keys[0]?.signingKey;
  if (!first) throw new Error('head office has no key');
  const headOfficeKey = publicKeyOf(first);
  for (const key of keys) {
    const certPem = issueCertificate({
      authority: made,
      csrPem: createRequest({ code: key.code, keyPem: key.tlsKeyPem }),
      code: key.code,
      hosts: ['127.0.0.1'],
      validDays,
      clock,
      serial: randomSerial(systemIds),
    });
    keep({ ...key, certPem, caPem: made.certPem, headOfficeKey });
  }
}

export interface KeyRing {
  readonly authority: Authority;
  readonly identities: readonly NodeIdentity[];
}

export function keyRing(): KeyRing {
  return { authority: theAuthority(), identities: [...identities.values()] };
}

/** Keys that another process made, with the templates that are under them. */
export function takeKeys(ring: KeyRing): void {
  authority = ring.authority;
  for (const identity of ring.identities) keep(identity);
}

function keep(identity: NodeIdentity): void {
  identities.set(identity.code, identity);
  certificates.set(identity.code, certificateFacts(identity.certPem));
  knowSecret(identity.signingKey);
}

export function theAuthority(): Authority {
  if (!authority) throw new Error('no keys were made');
  return authority;
}

export function identityOf(code: NodeCode): NodeIdentity {
  const found = identities.get(code);
  if (!found) throw new Error(`no keys were made for ${code}`);
  return found;
}

export function certificateOf(code: NodeCode): CertificateFacts {
  const found = certificates.get(code);
  if (!found) throw new Error(`no keys were made for ${code}`);
  return found;
}
