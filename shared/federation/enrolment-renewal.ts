import { headOffice } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import { certificateFacts, createRequest, dueForRenewal, followsFrom } from './certificates.ts';
import { assertCertificateFor } from './enrolment.ts';
import { renewalAnswer, renewalType } from './enrolment-messages.ts';
import type { NodeIdentity } from './identity.ts';
import { answerIn } from './peer-answer.ts';
import type { PeerClient, PeerResponse, Signer } from './peers.ts';

const renewalMaxMs = 30_000;

interface RenewalDeps {
  readonly client: PeerClient;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  /** The authority that makes new certificates, once a release names it. */
  readonly issuingPem?: string | undefined;
  /** Due or not: peers refuse the one it has. */
  readonly now?: boolean;
}

/**
 * Renews the certificate once two thirds of its life are over, or when another authority issues
 * them: same key, new dates. The caller writes it, unless the node has other keys meanwhile, and
 * reloads peer server and client; neither interrupts a request. One that TLS does not take any more
 * is renewed by the word of the signing key.
 * @returns the new certificate, or undefined when it is not due.
 * @throws DomainError `peer-unreachable` (try later), `enrolment-refused`.
 */
export async function renewIfDue(deps: RenewalDeps): Promise<string | undefined> {
  const { identity, issuingPem } = deps;
  const isOfAnother = issuingPem !== undefined && !isIssuedBy(identity.certPem, issuingPem);
  const isDue = dueForRenewal(certificateFacts(identity.certPem), deps.clock.nowMs());
  if (!isDue && !isOfAnother && !deps.now) return undefined;
  const csrPem = createRequest({ code: identity.code, keyPem: identity.tlsKeyPem });
  let response = await post(deps, '/peer/v1/certificates', { csrPem });
  if (response.status === 403) response = await renewLate(deps, csrPem);
  if (response.status !== 201) {
    throw new DomainError('enrolment-refused', `The renewal was answered ${response.status}.`);
  }
  const { certPem } = answerIn(renewalAnswer, response, headOffice);
  const { code, caPem, tlsKeyPem } = identity;
  assertCertificateFor({ certPem, caPem, keyPem: tlsKeyPem, code });
  return certPem;
}

async function renewLate(deps: RenewalDeps, csrPem: string): Promise<PeerResponse> {
  const { code } = deps.identity;
  const statement = await deps.signer.sign(renewalType, { node: code, csrSha256: sha256(csrPem) });
  return post(deps, '/enrolment/renewals', { code, csrPem, statement });
}

function post(deps: RenewalDeps, path: string, body: object): Promise<PeerResponse> {
  const request = { method: 'POST', path, body: JSON.stringify(body) } as const;
  return deps.client.request(headOffice, { ...request, timeoutMs: renewalMaxMs });
}

/** By this authority itself, not by a link to it. */
function isIssuedBy(certPem: string, authorityPem: string): boolean {
  const [own = ''] = certPem.split(/(?<=-----END CERTIFICATE-----\r?\n)/);
  return followsFrom(own, authorityPem);
}
