import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  cursorQuery,
  instant,
  limitQuery,
  nodeCode,
  page,
  wireMoney,
} from '../../shared/web/schemas.ts';
import { listCases } from './case-store.ts';
import type { OwnSettlement } from './settlement.ts';
import type { Settlements } from './settlement-service.ts';
import { findSettlement, listSettlements } from './settlement-store.ts';

const settlementShape = z
  .strictObject({
    id: z.string(),
    state: z.enum(['received', 'confirmed', 'disputed']).openapi({
      description: 'Confirmed: the books agree and it is posted. Disputed: nothing was posted',
    }),
    currency: z.string(),
    model: z.enum(['multilateral', 'bilateral']),
    receivedAt: instant,
    completedAt: z.string(),
    decidedAt: instant.nullable(),
    net: wireMoney,
    positions: z.array(
      z.strictObject({
        peer: nodeCode,
        count: z.int(),
        gross: wireMoney,
        commission: wireMoney,
        fees: wireMoney,
        net: wireMoney,
      }),
    ),
    faults: z.array(z.string()),
  })
  .openapi('BranchSettlement');

const caseStates = ['open', 'adjusted', 'closed'] as const;
const caseShape = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    subject: z.string(),
    state: z.enum(caseStates),
    operationId: z.string().nullable(),
    detail: z.string(),
    openedAt: z.string(),
    resolution: z.string().nullable(),
    closedAt: z.string().nullable(),
  })
  .openapi('BranchCase');

const idKey = z.strictObject({ id: z.string().max(64) });
const query = { limit: limitQuery, cursor: cursorQuery };

export interface SettlementRouteDeps {
  node: NodeCode;
  store: Store;
  audit: Audit;
  settlements: Pick<Settlements, 'recheck'>;
}

/** What head office settled for this branch, and the mismatch cases that concern it. */
export function settlementRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { node, store, audit, settlements }: SettlementRouteDeps,
) {
  const reading = { method: 'GET', permission: 'settlement.read', tag: 'Settlement' } as const;

  const toldSettlements = endpoint(
    {
      ...reading,
      path: '/api/v1/settlements',
      operationId: 'listSettlements',
      summary: "This branch's settlements, the newest first",
      query: z.strictObject(query),
      response: page(settlementShape),
    },
    async ({ query: { cursor, limit } }) => {
      const before = decodeCursor(cursor, idKey)?.id;
      const rows = await store.read((tx) => listSettlements(tx, { before, limit: limit + 1 }));
      return pageOf(rows, limit, { item: viewOf, key: ({ id }) => ({ id }) });
    },
  );

  const getSettlement = endpoint(
    {
      ...reading,
      path: '/api/v1/settlements/{id}',
      operationId: 'getSettlement',
      summary: 'A settlement and what this branch found of it',
      params: idKey,
      response: settlementShape,
    },
    async ({ params: { id } }) => {
      const found = await store.read((tx) => findSettlement(tx, id));
      if (!found) throw new DomainError('settlement-not-found');
      return viewOf(found);
    },
  );

  const recheckSettlement = endpoint(
    {
      method: 'POST',
      permission: 'settlement.recheck',
      tag: 'Settlement',
      idempotent: true,
      path: '/api/v1/settlements/{id}/check',
      operationId: 'recheckSettlement',
      summary: "Check a disputed settlement against this branch's books once more",
      params: idKey,
      status: 200,
      response: settlementShape,
    },
    async ({ params: { id }, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const checked = await settlements.recheck(tx, id);
        await audit.record(tx, {
          actor: { id: principal.operatorId, name: principal.name, node },
          action: 'settlement.recheck',
          subject: id,
          outcome: 'done',
        });
        return viewOf(checked);
      }),
  );

  const toldCases = endpoint(
    {
      method: 'GET',
      permission: 'case.read',
      tag: 'Cases',
      path: '/api/v1/cases',
      operationId: 'listCases',
      summary: 'Mismatch cases that concern this branch, the newest first',
      query: z.strictObject({ state: z.enum(caseStates).optional(), ...query }),
      response: page(caseShape),
    },
    async ({ query: { cursor, limit, state } }) => {
      const before = decodeCursor(cursor, idKey)?.id;
      const rows = await store.read((tx) => listCases(tx, { state, before, limit: limit + 1 }));
      return pageOf(rows, limit, { item: (row) => row, key: ({ id }) => ({ id }) });
    },
  );

  return {
    listSettlements: toldSettlements,
    getSettlement,
    recheckSettlement,
    listCases: toldCases,
  };
}

/** As the pages ask them. */
export type BranchSettlementEndpoints = ReturnType<typeof settlementRoutes>;

function viewOf(settlement: OwnSettlement): z.input<typeof settlementShape> {
  const { id, state, receivedAt, decidedAt, positions, faults } = settlement;
  const { currency, model, completedAt } = settlement.told;
  const money = (amount: bigint) => formatMoney({ amount, currency });
  return {
    ...{ id, state, currency, model, receivedAt, completedAt, decidedAt },
    net: money(positions.reduce((sum, position) => sum + position.net, 0n)),
    positions: positions.map(({ peer, count, gross, commission, fees, net }) => ({
      ...{ peer, count },
      gross: money(gross),
      commission: money(commission),
      fees: money(fees),
      net: money(net),
    })),
    faults: [...faults],
  };
}
