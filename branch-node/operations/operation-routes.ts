import { z } from '@hono/zod-openapi';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import { cursorQuery, limitQuery, msisdn, page } from '../../shared/web/schemas.ts';
import type { OperationStore } from './operation-store.ts';
import { homeViewOf, operationView, seenBy, viewOf } from './operation-view.ts';

const cursorKey = z.strictObject({ id: z.string().max(64) });

/** What this branch accepted: one operation, or the newest of them. */
export function operationRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { store, operations }: { store: Store; operations: OperationStore },
) {
  const getOperation = endpoint(
    {
      method: 'GET',
      path: '/api/v1/operations/{id}',
      permission: 'operation.read',
      operationId: 'getOperation',
      tag: 'Operations',
      summary: 'One operation that this branch serves, or has decided as home branch',
      params: z.strictObject({ id: z.string().max(64) }),
      response: operationView,
    },
    async ({ params, principal }) => {
      const view = await store.read(async (tx) => {
        const served = await operations.find(tx, params.id);
        if (served) return viewOf(served);
        const decided = await operations.lastDecision(tx, params.id);
        return decided && homeViewOf(decided);
      });
      if (!view) throw new DomainError('operation-not-found');
      return seenBy(principal.permissions, view);
    },
  );

  const listOperations = endpoint(
    {
      method: 'GET',
      path: '/api/v1/operations',
      permission: 'operation.read',
      operationId: 'listOperations',
      tag: 'Operations',
      summary: 'The operations that this branch serves, the newest first',
      query: z.strictObject({
        msisdn: msisdn.optional(),
        state: z.enum(['accepted', 'concluded']).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(operationView),
    },
    async ({ query, principal }) => {
      const { limit } = query;
      const before = decodeCursor(query.cursor, cursorKey)?.id;
      const rows = await store.read((tx) =>
        operations.list(tx, {
          limit: limit + 1,
          ...(query.msisdn === undefined ? {} : { msisdn: query.msisdn }),
          ...(query.state === undefined ? {} : { state: query.state }),
          ...(before === undefined ? {} : { before }),
        }),
      );
      return pageOf(rows, limit, {
        item: (row) => seenBy(principal.permissions, viewOf(row)),
        key: ({ id }) => ({ id }),
      });
    },
  );

  return { getOperation, listOperations };
}

/** As the pages ask them. */
export type OperationEndpoints = ReturnType<typeof operationRoutes>;
