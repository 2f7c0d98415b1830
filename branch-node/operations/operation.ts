import type { z } from 'zod';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Instant } from '../../shared/time/clock.ts';
import type { OperationKindName } from '../../shared/wire/operation-kinds.ts';
import type { JsonObject, WireDecision, wireOperation } from '../../shared/wire/peer-messages.ts';

/** Anything done for a subscriber, at any branch; the same object at serving and home branch. */
export type Operation = z.infer<typeof wireOperation>;

export type Decision = WireDecision;

export type OperationState = 'accepted' | 'concluded';

/** An operation as its serving branch keeps it. */
export interface OperationRecord extends Operation {
  readonly state: OperationState;
  readonly decision?: Decision;
  readonly concludedAt?: Instant;
  /** What acceptance added that the home branch does not need, e.g. the receipt's number. */
  readonly details: JsonObject;
}

/** How often a number that moves away is followed before its money goes to suspense. */
export const maxAttempts = 3;

/**
 * What one kind of operation does at the three points of its life. `decide` only reads; the others only do what was
 * decided, so that the same steps can be done again from the log after a set-back. All run inside one transaction of
 * the node where they happen, and await nothing else.
 *
 * A refusal is a thrown DomainError: before acceptance it reaches the caller; at the home branch its code becomes the
 * reason that the serving branch is told.
 */
export interface OperationKind {
  readonly kind: OperationKindName;
  /** What the request must look like; anything else is refused wherever it comes from. */
  readonly request: z.ZodType;
  /** False for what a node that is recovering must not take in. */
  readonly acceptedWhileRecovering: boolean;
  /** True for what goes by the release's plans and prices: refused while the release is too old. */
  readonly changesPlans?: boolean;
  /** Serving branch: posts money, reserves stock. `replayed` is what it answered the first time. */
  accept(tx: Transaction, operation: Operation, replayed?: JsonObject): Promise<JsonObject>;
  /** Home branch: may it be done? Answers what `apply` and the serving branch need to know. */
  decide(tx: Transaction, operation: Operation): Promise<JsonObject>;
  /** Home branch: does it. */
  apply(tx: Transaction, operation: Operation, result: JsonObject): Promise<void>;
  /** Serving branch: the answer is known. */
  conclude(tx: Transaction, operation: Operation, decision: Decision): Promise<void>;
  /**
   * Serving branch: the number has moved; may the operation follow it? Without this it may. What is `unknown` before this
   * start is certain of its past is asked again then.
   */
  mayFollow?(tx: Reader, operation: Operation): Promise<boolean | 'unknown'>;
  /** Serving branch: those to whose answers `mayFollow` may have been `unknown`. */
  toAskAgain?(tx: Reader): Promise<string[]>;
  /** Serving branch: the operation follows the number. */
  redirect?(tx: Transaction, operation: Operation, to: NodeCode): Promise<void>;
}

/** The bare operation of a record: what travels. */
export function operationOf(record: OperationRecord): Operation {
  const { id, kind, serving, home, attempt, msisdn } = record;
  const { businessDate, occurredAt, actor, release, request } = record;
  return {
    id,
    kind,
    serving,
    home,
    attempt,
    msisdn,
    businessDate,
    occurredAt,
    actor,
    release,
    request,
  };
}

/** An operation of a branch as far as it had come: enough to bring it back. */
export interface OperationTrace {
  readonly operation: Operation;
  readonly details: JsonObject;
  readonly decision?: Decision | undefined;
}

export function traceOf(record: OperationRecord): OperationTrace {
  return { operation: operationOf(record), details: record.details, decision: record.decision };
}

/** Where an operation goes next when its home branch refuses: after the number, or to its end. */
export function nextHome(operation: Operation, decision: Decision): NodeCode | undefined {
  const isFollowed =
    decision.outcome === 'refused' &&
    decision.movedTo !== undefined &&
    decision.movedTo !== operation.home &&
    operation.attempt < maxAttempts;
  return isFollowed ? decision.movedTo : undefined;
}
