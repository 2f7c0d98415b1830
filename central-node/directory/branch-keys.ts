import {
  type keysRequest,
  keysStatement,
  keysType,
  type lateRenewalRequest,
  type RenewalAnswer,
  renewalStatement,
  renewalType,
} from '../../shared/federation/enrolment-messages.ts';
import type { Verifier } from '../../shared/federation/peers.ts';
import { verifyByKey } from '../../shared/federation/signing.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import type { Enrolment } from './enrolment-service.ts';
import { createFailedTries } from './failed-tries.ts';

export type BranchKeys = ReturnType<typeof createBranchKeys>;

/** What a member's signing key proves when its certificate does not, and how it changes both keys. */
export function createBranchKeys(deps: {
  enrolment: Pick<Enrolment, 'renew'>;
  verifier: Verifier;
  clock: Clock;
}) {
  const { enrolment, verifier } = deps;
  const failedTries = createFailedTries(deps);

  async function renewed(request: LateRenewal): Promise<RenewalAnswer> {
    const { code, csrPem } = request;
    const payload = await verifier.verify(request.statement, { node: code, typ: renewalType });
    const statement = renewalStatement.safeParse(payload).data;
    if (statement?.node !== code || statement.csrSha256 !== sha256(csrPem)) throw notThis();
    return enrolment.renew({ caller: code, csrPem });
  }

  return {
    /**
     * A certificate for who has none that TLS takes: it expired while head office was away, or is
     * by an authority that was given up. The request proves the TLS key, the statement the other.
     * @throws DomainError `enrolment-refused`; `locked-out` after five failed tries a minute.
     */
    async renewLate(request: LateRenewal, source: string): Promise<RenewalAnswer> {
      if (failedTries.exhausted(source)) {
        throw new DomainError('locked-out', 'Too many failed renewals; wait a minute.');
      }
      try {
        return await renewed(request);
      } catch (error) {
        if (!isDomainError(error)) throw error;
        failedTries.record(source);
        throw isDomainError(error, 'peer-refused') ? notThis(error) : error;
      }
    },

    /**
     * New keys of a member, said with the old signing key and with the new one.
     * @throws DomainError `peer-refused`, `enrolment-refused`.
     */
    async announce(caller: NodeCode, request: KeysRequest): Promise<RenewalAnswer> {
      const { csrPem } = request;
      const payload = await verifier.verify(request.statement, { node: caller, typ: keysType });
      const statement = keysStatement.safeParse(payload).data;
      if (statement?.node !== caller || statement.csrSha256 !== sha256(csrPem)) throw notThis();
      const { signingKey } = statement;
      const proof = await verifyByKey(request.proof, { key: signingKey, typ: keysType });
      if (keysStatement.safeParse(proof).data?.csrSha256 !== statement.csrSha256) throw notThis();
      return enrolment.renew({ caller, csrPem, next: { signingKey } });
    },
  };
}

type LateRenewal = ReturnType<typeof lateRenewalRequest.parse>;
type KeysRequest = ReturnType<typeof keysRequest.parse>;

function notThis(cause?: unknown): DomainError {
  return new DomainError('enrolment-refused', 'The statement is not about this request.', {
    cause,
  });
}
