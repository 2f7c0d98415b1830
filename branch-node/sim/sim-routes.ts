import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { imsiPattern, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import type { AddEndpoint } from '../../shared/web/endpoint.ts';
import { cursorQuery, iccid, limitQuery, msisdn, page } from '../../shared/web/schemas.ts';
import type { NumberService } from './number-service.ts';
import { numberStates } from './number-store.ts';
import { simStates } from './sim-card.ts';
import type { SimService } from './sim-service.ts';

const maxDelivery = 2_000;
const maxReportedErrors = 20;

const newCard = z
  .strictObject({
    iccid,
    imsi: z.string().regex(imsiPattern, 'must be 14 or 15 digits'),
  })
  .openapi('NewSimCard');

const simCard = z
  .strictObject({
    iccid: z.string(),
    imsi: z.string(),
    state: z.enum(simStates),
    reservedFor: z.string().optional().openapi({ description: 'The operation that it waits for' }),
  })
  .openapi('SimCard');

const poolNumber = z
  .strictObject({ msisdn: z.string(), state: z.enum(numberStates) })
  .openapi('PoolNumber');

const delivery = z
  .strictObject({
    received: z.int(),
    known: z.int().openapi({ description: 'Were here already, and stay as they are' }),
  })
  .openapi('Delivery');

const simKey = z.strictObject({ iccid: z.string() });
const numberKey = z.strictObject({ msisdn: z.string() });

export interface SimRoutesDeps {
  readonly node: NodeCode;
  readonly store: Store;
  readonly audit: Audit;
  readonly sims: SimService;
  readonly numbers: NumberService;
}

/** The stock of SIM cards and the pool of numbers. */
export function simRoutes(api: { endpoint: AddEndpoint }, deps: SimRoutesDeps) {
  return { ...cardRoutes(api.endpoint, deps), ...numberRoutes(api.endpoint, deps) };
}

/** As the pages ask them. */
export type SimEndpoints = ReturnType<typeof simRoutes>;

function cardRoutes(endpoint: AddEndpoint, deps: SimRoutesDeps) {
  const { store, sims } = deps;
  const common = { path: '/api/v1/sim-cards', permission: 'sim.stock', tag: 'SIM cards' } as const;

  const receiveSimCards = endpoint(
    {
      ...{ ...common, method: 'POST', idempotent: true },
      ...{ operationId: 'receiveSimCards', summary: 'Receive SIM cards into stock' },
      body: z.strictObject({ cards: z.array(newCard).min(1).max(maxDelivery) }),
      response: delivery,
    },
    async ({ body: { cards }, principal, traceId, idempotency }) =>
      idempotency.write(async (tx) => {
        const made = await sims.receive(tx, cards);
        await auditReceipt(tx, deps, { action: 'sim-card.receive', made, principal, traceId });
        return made;
      }),
  );

  const listSimCards = endpoint(
    {
      ...{ ...common, method: 'GET' },
      ...{ operationId: 'listSimCards', summary: 'SIM cards by ICCID' },
      query: z.strictObject({
        state: z.enum(simStates).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(simCard),
    },
    async ({ query: { state, limit, cursor } }) => {
      const after = decodeCursor(cursor, simKey)?.iccid;
      const rows = await store.read((tx) => sims.list(tx, { state, after, limit: limit + 1 }));
      return pageOf(rows, limit, { item: (card) => card, key: (last) => ({ iccid: last.iccid }) });
    },
  );

  return { receiveSimCards, listSimCards };
}

function numberRoutes(endpoint: AddEndpoint, deps: SimRoutesDeps) {
  const { store, numbers } = deps;
  const common = { path: '/api/v1/numbers', permission: 'sim.stock', tag: 'SIM cards' } as const;

  const receiveNumbers = endpoint(
    {
      ...{ ...common, method: 'POST', idempotent: true },
      ...{ operationId: 'receiveNumbers', summary: "Add numbers of this branch's ranges" },
      body: z.strictObject({ numbers: z.array(msisdn).min(1).max(maxDelivery) }),
      response: delivery,
    },
    async ({ body, principal, traceId, idempotency }) => {
      assertOwn(body.numbers, deps);
      return idempotency.write(async (tx) => {
        const made = await numbers.receive(tx, body.numbers);
        await auditReceipt(tx, deps, { action: 'number.receive', made, principal, traceId });
        return made;
      });
    },
  );

  const listNumbers = endpoint(
    {
      ...{ ...common, method: 'GET' },
      ...{ operationId: 'listNumbers', summary: 'The pool of numbers' },
      query: z.strictObject({
        state: z.enum(numberStates).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(poolNumber),
    },
    async ({ query: { state, limit, cursor } }) => {
      const after = decodeCursor(cursor, numberKey)?.msisdn;
      const rows = await store.read((tx) => numbers.list(tx, { state, after, limit: limit + 1 }));
      return pageOf(rows, limit, {
        item: (row) => ({ msisdn: row.msisdn, state: row.state }),
        key: (last) => ({ msisdn: last.msisdn }),
      });
    },
  );

  return { receiveNumbers, listNumbers };
}

function assertOwn(numbers: readonly string[], { numbers: pool }: SimRoutesDeps): void {
  const errors = [...numbers.entries()]
    .filter(([, number]) => !pool.isOwn(number))
    .slice(0, maxReportedErrors)
    .map(([index]) => ({
      field: `numbers.${index}`,
      message: "is not in this branch's numbering ranges",
    }));
  if (errors.length > 0) throw new DomainError('invalid-input', 'Nothing was added.', { errors });
}

async function auditReceipt(
  tx: Transaction,
  { audit, node }: SimRoutesDeps,
  receipt: { action: string; made: object; principal: Principal; traceId: string },
): Promise<void> {
  const { action, made: detail, principal, traceId } = receipt;
  const actor = { id: principal.operatorId, name: principal.name, node };
  await audit.record(tx, { actor, action, outcome: 'done', detail, traceId });
}
