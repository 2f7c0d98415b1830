import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Money } from '../../shared/money/money.ts';
import type { Leg } from '../../shared/reconciliation/leg.ts';
import type { PriceFacts } from '../settlement/obligation.ts';

/** A leg as head office keeps it. */
export interface CollectedLeg extends Leg {
  /** Of a conclusion: what it says was decided. */
  readonly outcome?: 'executed' | 'refused' | undefined;
  /** Of an execution. */
  readonly facts?: PriceFacts | undefined;
}

export const collectedStates = ['open', 'matched', 'refused', 'case', 'adjusted'] as const;
export type CollectedState = (typeof collectedStates)[number];

/** One attempt of an operation, as its legs together show it. */
export interface CollectedOperation {
  readonly operationId: string;
  readonly attempt: number;
  readonly kind: string;
  readonly serving: NodeCode;
  readonly home: NodeCode;
  readonly operationDate: string;
  readonly money: Money | null;
  readonly state: CollectedState;
  readonly contradicted: boolean;
  /** When its first leg came, by head office's own clock. */
  readonly since: string;
  readonly caseId: string | null;
}

export type Verdict = 'open' | 'matched' | 'refused' | 'legs-differ' | 'conclusion-differs';

/**
 * What the legs of one attempt say together, in whatever order they came. An operation of one branch alone needs no
 * other leg than its decision.
 */
export function verdictOf(legs: readonly CollectedLeg[]): Verdict {
  const accepted = legs.filter((leg) => leg.point === 'accepted');
  const decided = legs.filter((leg) => leg.point === 'executed' || leg.point === 'refused');
  const concluded = legs.find((leg) => leg.point === 'concluded');
  if (decided.length > 1 || !legs.every(isInPlace) || !agree(legs)) return 'legs-differ';
  const [decision] = decided;
  if (!decision) return 'open';
  if (concluded && concluded.outcome !== decision.point) return 'conclusion-differs';
  const isPaired = accepted.length > 0 || decision.serving === decision.home;
  if (!isPaired) return 'open';
  return decision.point === 'executed' ? 'matched' : 'refused';
}

/** Which leg an open operation waits for. */
export function missingLegOf(
  legs: readonly CollectedLeg[],
): 'missing-home-leg' | 'missing-serving-leg' {
  const isDecided = legs.some((leg) => leg.point === 'executed' || leg.point === 'refused');
  return isDecided ? 'missing-serving-leg' : 'missing-home-leg';
}

/** A branch speaks of its own part only. */
function isInPlace({ branch, point, serving, home }: Leg): boolean {
  return branch === (point === 'accepted' || point === 'concluded' ? serving : home);
}

function agree([first, ...others]: readonly CollectedLeg[]): boolean {
  if (!first) return true;
  const isSame = others.every(
    (leg) =>
      leg.kind === first.kind &&
      leg.serving === first.serving &&
      leg.home === first.home &&
      leg.msisdn === first.msisdn &&
      leg.operationDate === first.operationDate,
  );
  return isSame && agreeOnMoney([first, ...others]);
}

/**
 * The money of a request is on every leg of it. Where the request has none, only an execution can name one: what the
 * home branch found.
 */
function agreeOnMoney(legs: readonly CollectedLeg[]): boolean {
  const accepted = legs.find((leg) => leg.point === 'accepted');
  const requested = accepted ?? legs.find((leg) => leg.point === 'refused');
  const executed = legs.filter((leg) => isExecution(leg));
  if (requested && !requested.money) {
    const others = legs.filter((leg) => !isExecution(leg));
    return others.every((leg) => !leg.money) && sameMoney(executed);
  }
  return sameMoney(legs);
}

function isExecution({ point, outcome }: CollectedLeg): boolean {
  return point === 'executed' || (point === 'concluded' && outcome === 'executed');
}

function sameMoney(legs: readonly CollectedLeg[]): boolean {
  const [first] = legs;
  return legs.every(
    ({ money }) =>
      money?.amount === first?.money?.amount && money?.currency === first?.money?.currency,
  );
}

/**
 * A branch that is asked again, or was set back, tells a leg again: the same fact, whatever day it tells it on.
 */
export function isSameFact(one: CollectedLeg, other: CollectedLeg): boolean {
  return (
    one.kind === other.kind &&
    one.serving === other.serving &&
    one.home === other.home &&
    one.msisdn === other.msisdn &&
    one.operationDate === other.operationDate &&
    one.outcome === other.outcome &&
    sameMoney([one, other])
  );
}

/** The sum that an operation is about: what was decided, before that what was asked. */
export function moneyOfLegs(legs: readonly CollectedLeg[]): Money | null {
  const decided = legs.find((leg) => leg.point === 'executed');
  return (decided ?? legs[0])?.money ?? null;
}
