import { z } from 'zod';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { parseInput } from '../../shared/web/input.ts';
import type { OperationKind } from '../operations/operation.ts';
import type { Charges } from './charges.ts';
import { assertActive, assertPlanCurrency, servicesAfterPlanChange } from './subscriber.ts';
import type { SubscriberService } from './subscriber-service.ts';

const request = z.strictObject({ ratePlan: z.string().max(40) });
const decided = z.object({ ratePlan: z.string(), services: z.array(z.string()) });

/** Another rate plan, for the fee that it names for switching to it. */
export function createRatePlanChange(deps: {
  subscribers: SubscriberService;
  charges: Charges;
  /** @throws DomainError `no-release` */
  reference(): Reference;
}): OperationKind {
  const { subscribers, charges } = deps;
  return {
    kind: 'rate-plan-change',
    request,
    acceptedWhileRecovering: false,
    changesPlans: true,
    accept: async () => ({}),
    async decide(tx, operation) {
      const { ratePlan } = parseInput(request, operation.request);
      const subscriber = await subscribers.requireHere(tx, operation.msisdn);
      assertActive(subscriber);
      if (subscriber.ratePlan === ratePlan) throw new DomainError('rate-plan-unchanged');
      const { businessDate } = operation;
      const plan = deps.reference().ratePlan(ratePlan, businessDate);
      if (!plan) throw new DomainError('unknown-rate-plan');
      assertPlanCurrency(plan, subscriber);
      await charges.assertCovered(tx, subscriber, plan.switchFee);
      return {
        ratePlan,
        services: servicesAfterPlanChange(subscriber.services, {
          from: await subscribers.servicesOfPlan(tx, subscriber, businessDate),
          to: plan.services,
        }),
        billingAccountId: subscriber.billingAccountId,
        fee: { ...formatMoney(plan.switchFee) },
      };
    },
    async apply(tx, operation, result) {
      await charges.charge(tx, operation, result);
      await subscribers.changePlan(tx, operation, decided.parse(result));
    },
    conclude: async () => {},
  };
}
