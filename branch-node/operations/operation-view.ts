import { z } from '@hono/zod-openapi';
import { businessDate, instant, msisdn, nodeCode } from '../../shared/web/schemas.ts';
import { operationKinds } from '../../shared/wire/operation-kinds.ts';
import type { OperationRecord } from './operation.ts';

/** An operation as the API shows it: its life so far, at the branch that serves it. */
export const operationView = z
  .strictObject({
    operationId: z.string(),
    kind: z.string(),
    state: z.enum(['accepted', 'concluded']),
    outcome: z
      .string()
      .optional()
      .openapi({ description: '`refused`, or what the home branch did: `credited`, `executed`' }),
    reason: z.string().optional().openapi({ description: 'Why it was refused: a problem code' }),
    servingBranch: nodeCode,
    homeBranch: nodeCode,
    attempt: z.int(),
    msisdn,
    businessDate,
    occurredAt: instant,
    concludedAt: instant.optional(),
    operator: z.strictObject({ id: z.string(), name: z.string() }),
    release: z.int().openapi({ description: 'The reference release it was priced by' }),
    staleRelease: z.literal(true).optional().openapi({
      description: 'Accepted while head office had not confirmed the release for over 7 days',
    }),
    request: z.looseObject({}),
    result: z.looseObject({}).optional(),
  })
  .openapi('Operation');

export type OperationView = z.input<typeof operationView>;

export function viewOf(record: OperationRecord): OperationView {
  const { decision } = record;
  return {
    operationId: record.id,
    kind: record.kind,
    state: record.state,
    ...(decision ? { outcome: outcomeOf(record) } : {}),
    ...(decision?.outcome === 'refused' ? { reason: decision.reason } : {}),
    servingBranch: record.serving,
    homeBranch: record.home,
    attempt: record.attempt,
    msisdn: record.msisdn,
    businessDate: record.businessDate,
    occurredAt: record.occurredAt,
    ...(record.concludedAt ? { concludedAt: record.concludedAt } : {}),
    operator: record.actor,
    release: record.release,
    ...(record.details.staleRelease === true ? { staleRelease: true as const } : {}),
    request: record.request,
    ...(decision?.outcome === 'executed' ? { result: decision.result } : {}),
  };
}

/** What the API calls the decision: a payment is `credited`, anything else `executed`, or `refused`. */
function outcomeOf({ kind, decision }: OperationRecord): string {
  if (decision?.outcome !== 'executed') return 'refused';
  const facts = Object.entries(operationKinds).find(([name]) => name === kind)?.[1];
  return facts?.executedAs ?? 'executed';
}
