import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Money } from '../../shared/money/money.ts';
import type { Leg } from '../../shared/reconciliation/leg.ts';
import type { PriceFacts } from '../../shared/settlement/obligation.ts';

/** A leg as head office keeps it. */
export interface CollectedLeg extends Leg {
  /** Of a conclusion: what it says was decided. */
  readonly outcome?: 'executed' | 'refused' | undefined;
  /** Of an execution. */
  readonly facts?: PriceFacts | undefined;
  /** Of an acceptance: the hash of what it says. Of a decision: of the acceptance that was decided, as told there. */
  readonly acceptedSha256?: string | undefined;
  /** Of a decision and of a conclusion. */
  readonly decisionSha256?: string | undefined;
  /** Where its entry stands in the branch's log. */
  readonly place?: { readonly epoch: string; readonly seq: number } | undefined;
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

export type Verdict =
  | 'open'
  | 'matched'
  | 'refused'
  | 'legs-differ'
  | 'conclusion-differs'
  | 'two-histories';

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
  if (!accepted.every((leg) => isSameHash(leg.acceptedSha256, decision.acceptedSha256))) {
    return 'two-histories';
  }
  if (concluded && concluded.outcome !== decision.point) return 'conclusion-differs';
  if (!isSameHash(concluded?.decisionSha256, decision.decisionSha256)) return 'conclusion-differs';
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

/** An older node, or a leg told before this was kept, names no hash: then there is nothing to compare. */
function isSameHash(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

/** A branch speaks of its own part only. */
function isInPlace({ branch, point, serving, home }: Leg): boolean {
  return branch === (isServingPoint(point) ? serving : home);
}

const isServingPoint = (point: Leg['point']) => point === 'accepted' || point === 'concluded';

type Parties = Pick<Leg, 'serving' | 'home'>;

export const isAmong = (leg: Parties, parties: Parties) =>
  leg.serving === parties.serving && leg.home === parties.home;

/**
 * Whether a leg may speak of an operation. Who the parties are is the serving branch's to say, and the first one's that
 * claimed the id: nobody else's word touches the operation. `corrects`: others had named the home branch before the
 * serving branch did. `contradicts`: the serving branch now names another one than it did.
 */
export function standingOf(
  leg: CollectedLeg,
  { known, legs }: { known: CollectedOperation | undefined; legs: readonly CollectedLeg[] },
): 'party' | 'stranger' | 'corrects' | 'contradicts' {
  if (!isInPlace(leg)) return 'stranger';
  if (!known || isAmong(leg, known)) return 'party';
  if (leg.serving !== known.serving || !isServingPoint(leg.point)) return 'stranger';
  const hasSpoken = legs.some((other) => isServingPoint(other.point) && isAmong(other, known));
  return hasSpoken ? 'contradicts' : 'corrects';
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
    isSameHash(one.acceptedSha256, other.acceptedSha256) &&
    isSameHash(one.decisionSha256, other.decisionSha256) &&
    sameMoney([one, other])
  );
}

/** In the order in which they are kept. */
export function legsWith(legs: readonly CollectedLeg[], leg: CollectedLeg): CollectedLeg[] {
  const place = ({ point, branch }: CollectedLeg) => `${point} ${branch}`;
  return [...legs, leg].sort((one, other) => (place(one) < place(other) ? -1 : 1));
}

/** The sum that an operation is about: what was decided, before that what was asked. */
export function moneyOfLegs(legs: readonly CollectedLeg[]): Money | null {
  const decided = legs.find((leg) => leg.point === 'executed');
  return (decided ?? legs[0])?.money ?? null;
}
