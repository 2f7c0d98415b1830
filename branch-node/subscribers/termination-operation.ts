import { z } from 'zod';
import { parseInput } from '../../shared/web/input.ts';
import type { OperationKind } from '../operations/operation.ts';
import type { SimService } from '../sim/sim-service.ts';
import { nextStatus } from './subscriber.ts';
import type { SubscriberService } from './subscriber-service.ts';

const request = z.strictObject({ reason: z.string().min(1).max(60) });
const decided = z.object({ status: z.literal('terminated'), retires: z.string() });

/**
 * The end of a subscriber's contract: the card is retired, the number stays out of the pool, and nothing can be done for
 * him any more. What the operator still owes him stays on his account.
 */
export function createTermination(deps: {
  sims: Pick<SimService, 'retire'>;
  subscribers: SubscriberService;
}): OperationKind {
  const { sims, subscribers } = deps;
  return {
    kind: 'termination',
    request,
    acceptedWhileRecovering: false,
    accept: async () => ({}),
    async decide(tx, operation) {
      parseInput(request, operation.request);
      const { status, iccid } = await subscribers.requireHere(tx, operation.msisdn);
      return { status: nextStatus(status, 'terminate'), retires: iccid };
    },
    async apply(tx, operation, result) {
      const { status, retires } = decided.parse(result);
      await sims.retire(tx, retires);
      await subscribers.changeStatus(tx, operation, { status });
    },
    conclude: async () => {},
  };
}
