import { z } from '@hono/zod-openapi';
import type { Permission } from '../../shared/access/permissions.ts';
import { maskDigits } from '../../shared/ids/ids.ts';
import { businessDate, instant, msisdn, nodeCode } from '../../shared/web/schemas.ts';
import { operationKinds } from '../../shared/wire/operation-kinds.ts';
import type { Decision, Operation, OperationRecord } from './operation.ts';
import type { Decided } from './operation-store.ts';

/** An operation as the API shows it: its life so far, as this branch knows it from its side. */
export const operationView = z
  .strictObject({
    operationId: z.string(),
    kind: z.string(),
    state: z.enum(['accepted', 'concluded', 'executed', 'refused']).openapi({
      description:
        'At the serving branch accepted, then concluded; at the home branch executed or refused',
    }),
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
    decidedAt: instant.optional().openapi({ description: 'At the home branch' }),
    operator: z.strictObject({ id: z.string(), name: z.string() }),
    release: z.int().openapi({ description: 'The reference release it was priced by' }),
    staleRelease: z.literal(true).optional().openapi({
      description: 'Accepted while head office had not confirmed the release for over 7 days',
    }),
    request: z.looseObject({}).openapi({
      description: 'Cards, here and in the result, masked without subscriber.personal',
    }),
    result: z.looseObject({}).optional(),
  })
  .openapi('Operation');

export type OperationView = z.input<typeof operationView>;

/** The serving branch's view. */
export function viewOf(record: OperationRecord): OperationView {
  const { state, concludedAt, details } = record;
  return {
    ...common(record),
    state,
    ...decided(record, record.decision),
    ...(concludedAt ? { concludedAt } : {}),
    ...(details.staleRelease === true ? { staleRelease: true as const } : {}),
  };
}

/** The home branch's view of what another branch serves. */
export function homeViewOf({ operation, decision, decidedAt }: Decided): OperationView {
  return {
    ...common(operation),
    state: decision.outcome,
    ...decided(operation, decision),
    decidedAt,
  };
}

function common(operation: Operation) {
  const { id, kind, serving, home, attempt, msisdn: number } = operation;
  const { businessDate: date, occurredAt, actor, release, request } = operation;
  return {
    ...{ operationId: id, kind, servingBranch: serving, homeBranch: home, attempt },
    ...{ msisdn: number, businessDate: date, occurredAt, operator: actor, release, request },
  };
}

/** What the API calls the decision: a payment is `credited`, anything else `executed`, or `refused`. */
function decided({ kind }: Operation, decision: Decision | undefined) {
  if (!decision) return {};
  if (decision.outcome === 'refused') return { outcome: 'refused', reason: decision.reason };
  const facts = Object.entries(operationKinds).find(([name]) => name === kind)?.[1];
  return { outcome: facts?.executedAs ?? 'executed', result: decision.result };
}

const cardFields: ReadonlySet<string> = new Set(['iccid', 'imsi', 'retires']);

/** An operation as far as the permissions let it be seen: cards are told as a subscriber's own card tells them. */
export function seenBy(permissions: ReadonlySet<Permission>, view: OperationView): OperationView {
  if (permissions.has('subscriber.personal')) return view;
  const { request, result, ...rest } = view;
  return {
    ...rest,
    request: withMaskedCards(request),
    ...(result ? { result: withMaskedCards(result) } : {}),
  };
}

function withMaskedCards(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      cardFields.has(name) && typeof value === 'string' ? maskDigits(value) : value,
    ]),
  );
}
