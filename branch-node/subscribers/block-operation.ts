import { z } from 'zod';
import { parseInput } from '../../shared/web/input.ts';
import type { OperationKind } from '../operations/operation.ts';
import { nextStatus } from './subscriber.ts';
import type { SubscriberService } from './subscriber-service.ts';

const request = z.strictObject({
  action: z.enum(['block', 'unblock']),
  reason: z.string().min(1).max(60),
});
const decided = z.object({ status: z.enum(['active', 'blocked']) });

/** A subscriber blocked, or let in again. */
export function createBlock({ subscribers }: { subscribers: SubscriberService }): OperationKind {
  return {
    kind: 'block',
    request,
    acceptedWhileRecovering: false,
    accept: async () => ({}),
    async decide(tx, operation) {
      const { action } = parseInput(request, operation.request);
      const { status } = await subscribers.requireHere(tx, operation.msisdn);
      return { status: nextStatus(status, action) };
    },
    async apply(tx, operation, result) {
      await subscribers.changeStatus(tx, operation, decided.parse(result));
    },
    conclude: async () => {},
  };
}
