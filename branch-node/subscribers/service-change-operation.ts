import { z } from 'zod';
import { formatMoney, type Money } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { parseInput } from '../../shared/web/input.ts';
import type { Operation, OperationKind } from '../operations/operation.ts';
import type { Charges } from './charges.ts';
import { assertActive, type Subscriber, servicesBroughtBy } from './subscriber.ts';
import type { SubscriberService } from './subscriber-service.ts';

const request = z.strictObject({ service: z.string().max(40), action: z.enum(['on', 'off']) });
const decided = z.object({ services: z.array(z.string()) });

/** A service switched on, for its fee unless the rate plan brings it, or off. */
export function createServiceChange(deps: {
  subscribers: SubscriberService;
  charges: Charges;
  /** @throws DomainError `no-release` */
  reference(): Reference;
}): OperationKind {
  const { subscribers, charges } = deps;

  function feeOf(operation: Operation, subscriber: Subscriber): Money {
    const { service, action } = parseInput(request, operation.request);
    const free = { amount: 0n, currency: subscriber.currency };
    // What is off the list already can still be switched off.
    if (action === 'off') return free;
    const reference = deps.reference();
    const listed = reference.service(service, operation.businessDate);
    if (!listed) throw new DomainError('unknown-service');
    const plan = { ratePlan: subscriber.ratePlan, date: operation.businessDate };
    return servicesBroughtBy(reference, plan).includes(service) ? free : listed.fee;
  }

  return {
    kind: 'service-change',
    request,
    acceptedWhileRecovering: false,
    changesPlans: true,
    accept: async () => ({}),
    async decide(tx, operation) {
      const { service, action } = parseInput(request, operation.request);
      const subscriber = await subscribers.requireHere(tx, operation.msisdn);
      assertActive(subscriber);
      const { services, billingAccountId } = subscriber;
      const isOn = services.includes(service);
      if (isOn === (action === 'on')) throw new DomainError('service-unchanged');
      const fee = feeOf(operation, subscriber);
      await charges.assertCovered(tx, subscriber, fee);
      const others = services.filter((each) => each !== service);
      return {
        services: action === 'on' ? [...others, service].sort() : others,
        billingAccountId,
        fee: { ...formatMoney(fee) },
      };
    },
    async apply(tx, operation, result) {
      await charges.charge(tx, operation, result);
      await subscribers.changePlan(tx, operation, decided.parse(result));
    },
    conclude: async () => {},
  };
}
