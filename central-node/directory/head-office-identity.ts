import { isIP } from 'node:net';
import {
  type Authorities,
  certificateFacts,
  createRequest,
  dueForRenewal,
  hostsOf,
  isGoodAt,
  issueCertificate,
  parseCertificate,
  randomSerial,
  trustedPem,
} from '../../shared/federation/certificates.ts';
import {
  completeIdentity,
  createIdentity,
  loadIdentity,
  type NodeIdentity,
  publicKeyOf,
} from '../../shared/federation/identity.ts';
import { headOffice, type Ids } from '../../shared/ids/ids.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import type { Clock } from '../../shared/time/clock.ts';

const certificateValidDays = 30;

/**
 * HQ's own identity: it is its own authority, so it needs no token. Call it again to renew: it
 * issues a certificate when there is none, when two thirds of its life are over or it has not begun,
 * or when HQ has another address.
 */
export async function openHeadOfficeIdentity(deps: {
  dir: string;
  authority: Authorities;
  urls: readonly string[];
  clock: Clock;
  ids: Ids;
}): Promise<NodeIdentity> {
  const { dir, authority, clock } = deps;
  const hosts = hostsOf(deps.urls);
  const known = await loadIfPresent(dir);
  if (known && isGood(known, { authority, hosts, nowMs: clock.nowMs() })) return known;
  const keys = await createIdentity(dir, headOffice);
  const certPem = issueCertificate({
    authority,
    csrPem: createRequest({ code: headOffice, keyPem: keys.tlsKeyPem }),
    code: headOffice,
    hosts,
    validDays: certificateValidDays,
    clock,
    serial: randomSerial(deps.ids),
  });
  const headOfficeKey = publicKeyOf(keys.signingKey);
  const { linkPem = '' } = authority;
  const caPem = trustedPem(authority);
  completeIdentity(dir, { certPem: certPem + linkPem, caPem, headOfficeKey });
  return loadIdentity(dir);
}

function isGood(
  identity: NodeIdentity,
  wanted: { authority: Authorities; hosts: readonly string[]; nowMs: number },
): boolean {
  const certificate = parseCertificate(identity.certPem);
  const named = (host: string) =>
    (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
  return (
    identity.caPem === trustedPem(wanted.authority) &&
    certificate.verify(parseCertificate(wanted.authority.certPem).publicKey) &&
    wanted.hosts.every(named) &&
    // Made while the clock was ahead, it would be good to nobody before its day.
    isGoodAt(certificateFacts(certificate), wanted.nowMs) &&
    !dueForRenewal(certificateFacts(certificate), wanted.nowMs)
  );
}

async function loadIfPresent(dir: string): Promise<NodeIdentity | undefined> {
  try {
    return await loadIdentity(dir);
  } catch (error) {
    if (isDomainError(error, 'not-found')) return undefined;
    throw error;
  }
}
