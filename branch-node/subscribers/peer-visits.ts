import type { Audit } from '../../shared/access/audit.ts';
import type { Permission } from '../../shared/access/permissions.ts';
import { type ActorRequest, verifyActor } from '../../shared/federation/actor.ts';
import type { Verifier } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { admittedPermissions } from './home-questions.ts';
import { rememberAssertion } from './used-assertion-store.ts';

/** A person of another branch at this branch's records. */
export interface Visit {
  readonly caller: NodeCode;
  /** The value of `Sbms-Actor`. */
  readonly assertion: string;
  readonly request: ActorRequest;
}

export interface VisitPurpose {
  readonly permission: Permission;
  /** For the audit trail: what is done, to whom. */
  readonly action: string;
  readonly subject?: string | undefined;
}

export interface Visitor {
  readonly branch: NodeCode;
  readonly id: string;
  readonly name: string;
  readonly permissions: ReadonlySet<Permission>;
}

export type PeerVisits = ReturnType<typeof createPeerVisits>;

/**
 * Lets people of other branches ask, each assertion once, each look in the audit trail: also the
 * refused ones.
 */
export function createPeerVisits(deps: {
  node: NodeCode;
  store: Store;
  audit: Audit;
  verifier: Verifier;
  clock: Clock;
}) {
  const { node, store, audit, verifier, clock } = deps;

  async function identify({ caller, assertion, request }: Visit) {
    // Signatures are checked outside the store; what was used is remembered with what it was used
    // for.
    const used: { jti: string; expiresAtMs: number }[] = [];
    const rememberJti = (jti: string, expiresAtMs: number) => {
      used.push({ jti, expiresAtMs });
      return true;
    };
    const known = { verifier, clock, self: node, rememberJti };
    const actor = await verifyActor(known, assertion, { caller, request });
    const visitor: Visitor = {
      branch: actor.branch,
      id: actor.operator,
      name: actor.name,
      permissions: admittedPermissions(actor.permissions),
    };
    return { visitor, used };
  }

  /**
   * Runs `answer` for the visitor in one write with the memory of his assertion and the audit
   * entry.
   * @throws DomainError `peer-refused`, `replayed`, `not-permitted`, or what `answer` refuses with.
   */
  async function receive<Answer>(
    visit: Visit,
    { permission, action, subject }: VisitPurpose,
    answer: (tx: Transaction, visitor: Visitor) => Promise<Answer>,
  ): Promise<Answer> {
    const { visitor, used } = await identify(visit);
    const { id, name, branch } = visitor;

    async function attempt(tx: Transaction): Promise<{ answer: Answer } | DomainError> {
      if (!visitor.permissions.has(permission)) {
        return new DomainError('not-permitted', `This needs the permission ${permission}.`);
      }
      try {
        return { answer: await tx.attempt(() => answer(tx, visitor)) };
      } catch (error) {
        if (isDomainError(error)) return error;
        throw error;
      }
    }

    const outcome = await store.write(async (tx) => {
      for (const { jti, expiresAtMs } of used) {
        const isNew = await rememberAssertion(tx, { jti, expiresAtMs, nowMs: clock.nowMs() });
        if (!isNew) throw new DomainError('replayed', 'The actor assertion was used before.');
      }
      const made = await attempt(tx);
      const refusal = made instanceof DomainError ? made.code : undefined;
      await audit.record(tx, {
        ...{ actor: { id, name, node: branch }, action, subject },
        outcome: refusal === undefined ? 'done' : refusal === 'not-permitted' ? 'denied' : 'failed',
        ...(refusal === undefined ? {} : { detail: { reason: refusal } }),
      });
      return made;
    });
    if (outcome instanceof DomainError) throw outcome;
    return outcome.answer;
  }

  return { receive };
}
