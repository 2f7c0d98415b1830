import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { legTotal } from '../../shared/reconciliation/leg-totals-store.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { businessDate, instant } from '../../shared/web/schemas.ts';
import type { BusinessDays } from './business-day-service.ts';
import { closedDays } from './business-day-store.ts';

const listedDays = 100;

const closedDay = z
  .strictObject({
    date: businessDate,
    totals: z.array(legTotal).openapi({
      description: 'Control totals as they are told to head office; sums in minor units',
    }),
  })
  .openapi('ClosedBusinessDay');

/** The branch's business dates and their closing. */
export function businessDayRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: { node: NodeCode; store: Store; audit: Audit; businessDays: BusinessDays },
) {
  const { node, store, audit, businessDays } = deps;

  const listBusinessDays = endpoint(
    {
      method: 'GET',
      path: '/api/v1/business-days',
      permission: 'operation.read',
      operationId: 'listBusinessDays',
      tag: 'Business days',
      summary: 'The business date that new operations get, and the dates that are closed',
      response: z.strictObject({
        current: businessDate,
        due: z.array(businessDate).openapi({
          description:
            'Dates that are over and not closed, the oldest first: they are closed in this order',
        }),
        closed: z.array(
          z.strictObject({ date: businessDate, closedAt: instant, closedBy: z.string() }),
        ),
      }),
    },
    () =>
      store.read(async (tx) => ({
        current: await businessDays.current(tx),
        due: await businessDays.due(tx),
        closed: (await closedDays(tx, listedDays)).map(({ date, closedAt, closedBy }) => ({
          date,
          closedAt,
          closedBy,
        })),
      })),
  );

  const closeBusinessDay = endpoint(
    {
      method: 'POST',
      path: '/api/v1/business-days/{date}/close',
      permission: 'day.close',
      operationId: 'closeBusinessDay',
      tag: 'Business days',
      summary: 'Close a business date: what comes after belongs to the next one',
      params: z.strictObject({ date: businessDate }),
      response: closedDay,
      idempotent: true,
    },
    ({ params: { date }, principal, traceId, idempotency }) =>
      idempotency.write(async (tx) => {
        const closed = await businessDays.close(tx, { date, by: principal.login });
        const actor = { id: principal.operatorId, name: principal.name, node };
        const action = 'business-day.close';
        await audit.record(tx, { actor, action, subject: date, outcome: 'done', traceId });
        return closed;
      }),
  );

  return { listBusinessDays, closeBusinessDay };
}

/** As the pages ask them. */
export type BusinessDayEndpoints = ReturnType<typeof businessDayRoutes>;
