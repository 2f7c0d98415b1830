import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, type ProblemCode } from '../../shared/problem/problem.ts';
import type { RatePlan, Reference } from '../../shared/reference/reference.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';

export const subscriberStatuses = ['active', 'blocked', 'terminated', 'moved'] as const;
export type SubscriberStatus = (typeof subscriberStatuses)[number];

export type SubscriberEvent = 'block' | 'unblock' | 'move' | 'terminate';

/** One MSISDN with its SIM, plan and services, as its home branch keeps it. */
export interface Subscriber {
  readonly msisdn: string;
  readonly status: SubscriberStatus;
  readonly movedTo?: NodeCode;
  readonly customerId: string;
  readonly billingAccountId: string;
  readonly currency: string;
  readonly iccid: string;
  readonly imsi: string;
  readonly ratePlan: string;
  readonly services: readonly string[];
  readonly activatedAt: string;
}

export const changeKinds = ['start', 'rate-plan', 'services', 'status', 'sim'] as const;

/** One thing that became of a subscriber. */
export interface SubscriberChange {
  readonly what: (typeof changeKinds)[number];
  readonly before: string | null;
  readonly after: string;
  readonly operationId: string;
  readonly actorName: string;
  readonly branch: NodeCode;
  readonly occurredAt: string;
}

const transitions: Readonly<
  Record<SubscriberStatus, Partial<Record<SubscriberEvent, SubscriberStatus>>>
> = {
  active: { block: 'blocked', move: 'moved', terminate: 'terminated' },
  blocked: { unblock: 'active', terminate: 'terminated' },
  terminated: {},
  moved: {},
};

const refusals: Readonly<Record<SubscriberStatus, ProblemCode>> = {
  active: 'subscriber-not-blocked',
  blocked: 'subscriber-blocked',
  terminated: 'subscriber-terminated',
  moved: 'subscriber-moved',
};

/** @throws DomainError that says why a subscriber in this state cannot do that. */
export function nextStatus(status: SubscriberStatus, event: SubscriberEvent): SubscriberStatus {
  const next = transitions[status][event];
  if (!next) throw new DomainError(refusals[status]);
  return next;
}

/** @throws DomainError `subscriber-blocked` for what a blocked subscriber does not get. */
export function assertActive({ status }: Pick<Subscriber, 'status'>): void {
  if (status !== 'active') throw new DomainError(refusals[status]);
}

/**
 * What a change of plan leaves switched on: the new plan's services, and those of the subscriber's
 * own choice.
 */
export function servicesAfterPlanChange(
  services: readonly string[],
  { from, to }: { from: readonly string[]; to: readonly string[] },
): string[] {
  const chosen = services.filter((service) => !from.includes(service));
  return [...new Set([...to, ...chosen])].sort();
}

/** What a plan brings on a day, or brought last: one that is not offered any more does not leave its services behind. */
export function servicesBroughtBy(
  reference: Pick<Reference, 'rows'>,
  { ratePlan, date }: { ratePlan: string; date: BusinessDate },
): readonly string[] {
  const [last] = reference
    .rows('rate-plans')
    .filter(({ code, validFrom }) => code === ratePlan && validFrom <= date)
    .sort((one, other) => (one.validFrom > other.validFrom ? -1 : 1));
  return last?.services ?? [];
}

/** @throws DomainError `wrong-currency` for a plan whose fees the subscriber's account cannot pay. */
export function assertPlanCurrency(
  { monthlyFee }: Pick<RatePlan, 'monthlyFee'>,
  { currency }: Pick<Subscriber, 'currency'>,
): void {
  if (monthlyFee.currency !== currency) throw new DomainError('wrong-currency');
}
