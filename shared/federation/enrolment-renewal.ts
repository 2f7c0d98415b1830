import { headOffice } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { certificateFacts, createRequest, dueForRenewal } from './certificates.ts';
import { assertCertificateFor } from './enrolment.ts';
import { renewalAnswer } from './enrolment-messages.ts';
import { type NodeIdentity, replaceCertificate } from './identity.ts';
import type { PeerClient } from './peers.ts';

const renewalMaxMs = 30_000;

/**
 * Renews the certificate once two thirds of its life are over: same key, new dates. The caller
 * then reloads peer server and client; neither interrupts a request.
 * @returns the new identity, already on disk, or undefined when it is not due.
 * @throws DomainError `peer-unreachable` (try later), `enrolment-refused`.
 */
export async function renewIfDue(deps: {
  client: PeerClient;
  clock: Clock;
  dir: string;
  identity: NodeIdentity;
}): Promise<NodeIdentity | undefined> {
  const { identity } = deps;
  if (!dueForRenewal(certificateFacts(identity.certPem), deps.clock.nowMs())) return undefined;
  const response = await deps.client.request(headOffice, {
    method: 'POST',
    path: '/peer/v1/certificates',
    body: JSON.stringify({
      csrPem: createRequest({ code: identity.code, keyPem: identity.tlsKeyPem }),
    }),
    timeoutMs: renewalMaxMs,
  });
  if (response.status !== 201) {
    throw new DomainError('enrolment-refused', `The renewal was answered ${response.status}.`);
  }
  const { certPem } = renewalAnswer.parse(JSON.parse(response.body));
  const { code, caPem, tlsKeyPem } = identity;
  assertCertificateFor({ certPem, caPem, keyPem: tlsKeyPem, code });
  replaceCertificate(deps.dir, certPem);
  return { ...identity, certPem };
}
