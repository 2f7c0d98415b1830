import { z } from 'zod';
import type { Federation } from '../../shared/federation/federation.ts';
import { iccidPattern, imsiPattern } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import { parseInput } from '../../shared/web/input.ts';
import type { OperationKind, OperationRecord } from '../operations/operation.ts';
import type { NumberService } from '../sim/number-service.ts';
import type { SimService } from '../sim/sim-service.ts';
import type { SubscriberService } from './subscriber-service.ts';

/** The customer is a reference: personal data is at the home branch before the operation is. */
const request = z.strictObject({
  customerId: z.string().min(1).max(64),
  iccid: z.string().regex(iccidPattern),
  imsi: z.string().regex(imsiPattern),
  ratePlan: z.string().max(40),
});

const decided = z.object({
  ratePlan: z.string(),
  services: z.array(z.string()),
  currency: z.string(),
  billingAccountId: z.string(),
  activatedAt: z.string(),
});

/** A new subscriber of the home branch, with a SIM card out of the serving branch's stock. */
export function createRegistration(deps: {
  sims: SimService;
  numbers: NumberService;
  subscribers: SubscriberService;
  clock: Clock;
  /** @throws DomainError `no-release` */
  reference(): Reference;
  /** A set-back that nobody has shown yet may have forgotten that the number was given to somebody else already. */
  federation: Pick<Federation, 'assertCertain'>;
}): OperationKind {
  const { sims, numbers, subscribers, clock } = deps;
  return {
    kind: 'registration',
    request,
    acceptedWhileRecovering: false,
    changesPlans: true,
    async accept(tx, operation, replayed) {
      const { iccid, imsi } = parseInput(request, operation.request);
      await sims.reserve(tx, operation, {
        card: { iccid, imsi },
        isReplay: replayed !== undefined,
      });
      return {};
    },
    async decide(tx, operation) {
      const { iccid, imsi, customerId, ...wanted } = parseInput(request, operation.request);
      const plan = deps.reference().ratePlan(wanted.ratePlan, operation.businessDate);
      if (!plan) throw new DomainError('unknown-rate-plan');
      await deps.federation.assertCertain(tx);
      await numbers.assertFreeFor(tx, operation.msisdn, customerId);
      await subscribers.assertUnused(tx, operation.msisdn);
      await sims.assertBindable(tx, operation, { iccid, imsi });
      return {
        ratePlan: plan.code,
        services: [...plan.services].sort(),
        currency: plan.monthlyFee.currency,
        // One account per registration, named by it: done again, it is the same one.
        billingAccountId: operation.id,
        activatedAt: now(clock),
      };
    },
    async apply(tx, operation, result) {
      const { iccid, imsi, customerId } = parseInput(request, operation.request);
      await numbers.take(tx, operation.msisdn);
      await sims.bind(tx, { iccid, imsi });
      await subscribers.start(tx, operation, { iccid, imsi, customerId, ...decided.parse(result) });
    },
    async conclude(tx, operation, decision) {
      const { iccid } = parseInput(request, operation.request);
      await sims.conclude(tx, operation, { iccid, decision });
    },
  };
}

/** What a registration made; undefined while it is not executed, or when it was refused. */
export function registered({ request: asked, decision }: OperationRecord) {
  if (decision?.outcome !== 'executed') return undefined;
  return { ...decided.parse(decision.result), iccid: parseInput(request, asked).iccid };
}
