import { z } from '@hono/zod-openapi';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  businessDate,
  cursorQuery,
  instant,
  limitQuery,
  moneyOrNull,
  nodeCode,
  page,
} from '../../shared/web/schemas.ts';
import { findSearch, holders } from './day-difference-store.ts';
import { type CollectedLeg, collectedStates } from './matching.ts';
import {
  type OperationWithLegs,
  operationsOfDay,
  type PairDay,
  reconciliationReport,
} from './reconciliation-report.ts';

export interface ReconciliationRouteDeps {
  store: Store;
  /** The branches that take part now. */
  branches(): readonly NodeCode[];
}

const count = z.int().min(0);
const groupTotal = z.strictObject({ count, sum: z.string(), fingerprint: z.string() }).nullable();

const report = z
  .strictObject({
    businessDate,
    complete: z.boolean().openapi({
      description:
        'Every branch closed the date with equal totals, and nothing is open but in cases',
    }),
    branches: z.array(
      z.strictObject({
        branch: nodeCode,
        closed: z.boolean(),
        closedAt: instant.nullable(),
        equal: z.boolean().nullable(),
        differences: z.array(
          z.strictObject({ group: z.string(), branch: groupTotal, headOffice: groupTotal }),
        ),
      }),
    ),
    pairs: z.array(
      z.strictObject({
        serving: nodeCode,
        home: nodeCode,
        kind: z.string(),
        count,
        sum: moneyOrNull,
        matched: count,
        refused: count,
        open: count,
        inCase: count,
        adjusted: count,
      }),
    ),
  })
  .openapi('Reconciliation');

const leg = z.strictObject({
  branch: nodeCode,
  point: z.string(),
  serving: nodeCode,
  home: nodeCode,
  msisdn: z.string(),
  businessDate,
  money: moneyOrNull,
});

const collectedOperation = z
  .strictObject({
    operationId: z.string(),
    attempt: z.int(),
    kind: z.string(),
    serving: nodeCode,
    home: nodeCode,
    state: z.enum(collectedStates),
    money: moneyOrNull,
    since: instant,
    caseId: z.string().nullable(),
    legs: z.array(leg),
  })
  .openapi('CollectedOperation');

const daySearch = z
  .strictObject({
    searchedAt: instant.nullable().openapi({ description: 'Null: nothing was looked for' }),
    whole: z.boolean().openapi({ description: 'False: there may be more than was found' }),
    items: z.array(
      z.strictObject({
        operationId: z.string(),
        attempt: z.int(),
        point: z.string(),
        heldBy: z.enum(holders).openapi({ description: 'Both: they hold it, but not the same' }),
      }),
    ),
  })
  .openapi('DayDifferences');

const params = z.strictObject({ businessDate });
const cursorKey = z.strictObject({ operationId: z.string().max(64), attempt: z.int() });

/** How business dates stand, and the operations behind the figures. */
export function reconciliationRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { store, branches }: ReconciliationRouteDeps,
) {
  const common = { permission: 'reconciliation.read', tag: 'Reconciliation' } as const;

  const getReconciliation = endpoint(
    {
      ...common,
      method: 'GET',
      path: '/api/v1/reconciliations/{businessDate}',
      operationId: 'getReconciliation',
      summary: 'How a business date stands',
      params,
      response: report,
    },
    async ({ params }) => {
      const found = await store.read((tx) =>
        reconciliationReport(tx, { ...params, branches: branches() }),
      );
      return {
        ...found,
        branches: found.branches.map((branch) => ({
          ...branch,
          differences: branch.differences.map((difference) => ({
            group: difference.group,
            branch: totalView(difference.branch),
            headOffice: totalView(difference.headOffice),
          })),
        })),
        pairs: found.pairs.map(pairView),
      };
    },
  );

  const listCollectedOperations = endpoint(
    {
      ...common,
      method: 'GET',
      path: '/api/v1/reconciliations/{businessDate}/operations',
      operationId: 'listCollectedOperations',
      summary: 'The operations of a date, each with its legs side by side',
      params,
      query: z.strictObject({
        serving: nodeCode.optional(),
        home: nodeCode.optional(),
        kind: z.string().max(40).optional(),
        state: z.enum(collectedStates).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(collectedOperation),
    },
    async ({ params, query: { cursor, limit, ...filter } }) => {
      const after = decodeCursor(cursor, cursorKey);
      const operationDate = params.businessDate;
      const rows = await store.read((tx) =>
        operationsOfDay(tx, { ...filter, operationDate, after, limit: limit + 1 }),
      );
      return pageOf(rows, limit, {
        item: operationView,
        key: ({ operationId, attempt }) => ({ operationId, attempt }),
      });
    },
  );

  const listDifferences = endpoint(
    {
      ...common,
      method: 'GET',
      path: '/api/v1/reconciliations/{businessDate}/branches/{branch}/differences',
      operationId: 'listDifferences',
      summary: "The legs in which a branch's control totals of a date differ from head office's",
      description:
        'Looked for while a case `totals-differ` is open: the branch is asked for its minutes, and for the legs of those that differ.',
      params: z.strictObject({ businessDate, branch: nodeCode }),
      response: daySearch,
    },
    async ({ params: { businessDate, branch: code } }) => {
      const branch = code as NodeCode;
      const found = await store.read((tx) => findSearch(tx, { businessDate, branch }));
      return {
        searchedAt: found?.searchedAt ?? null,
        whole: found?.whole ?? false,
        items: [...(found?.differences ?? [])],
      };
    },
  );

  return { getReconciliation, listCollectedOperations, listDifferences };
}

/** As the pages ask them. */
export type ReconciliationEndpoints = ReturnType<typeof reconciliationRoutes>;

function totalView(
  total: { count: number; sum: string; fingerprint: string } | null,
): z.input<typeof groupTotal> {
  return total && { count: total.count, sum: total.sum, fingerprint: total.fingerprint };
}

function pairView({ currency, sum, ...pair }: PairDay) {
  return { ...pair, sum: currency === '' ? null : formatMoney({ amount: sum, currency }) };
}

function operationView(operation: OperationWithLegs): z.input<typeof collectedOperation> {
  const { operationId, attempt, kind, serving, home, state, money, since, caseId } = operation;
  return {
    ...{ operationId, attempt, kind, serving, home, state, since, caseId },
    money: money && formatMoney(money),
    legs: operation.legs.map(legView),
  };
}

function legView(collected: CollectedLeg): z.input<typeof leg> {
  const { branch, point, serving, home, msisdn, businessDate: date, money } = collected;
  return {
    ...{ branch, point, serving, home, msisdn, businessDate: date },
    money: money ? formatMoney(money) : null,
  };
}
