import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import { cursorQuery, limitQuery, nodeCode, page } from '../../shared/web/schemas.ts';
import { isLost } from './lost-settlement-store.ts';
import type { Obligations } from './obligation-service.ts';
import { settlementObligations } from './obligation-store.ts';
import { settlementStates, windowStates } from './settlement.ts';
import type { Settlements } from './settlement-service.ts';
import { listSettlements } from './settlement-store.ts';
import {
  obligationShape,
  obligationView,
  settlementDetail,
  settlementDetailShape,
  settlementShape,
  settlementView,
  statementShape,
  statementView,
  windowShape,
} from './settlement-view.ts';
import { type Statement, statementCsv, statementOf } from './statement.ts';
import { statementPdf } from './statement-pdf.ts';
import { listWindows } from './window-store.ts';

export interface SettlementRouteDeps {
  store: Store;
  audit: Audit;
  settlements: Settlements;
  obligations: Pick<Obligations, 'closeWindow'>;
  /** The branch's name in the reference data, its code if it has none. */
  branchName(code: NodeCode): string;
}

const maxWindows = 100;
const id = z.string().max(64);
const params = z.strictObject({ id });
const idKey = z.strictObject({ id });
const obligationKey = z.strictObject({ windowId: id, id: z.string().regex(/^\d{1,18}$/) });
const model = z.enum(['multilateral', 'bilateral']).default('multilateral');
const reading = { method: 'GET', permission: 'settlement.read', tag: 'Settlement' } as const;
const writing = { method: 'POST', tag: 'Settlement', idempotent: true } as const;
const path = '/api/v1/settlements';

type RouteApi = Pick<Api, 'app' | 'endpoint' | 'enter'>;

/** Windows, settlements and what is behind them. */
export function settlementRoutes(api: RouteApi, deps: SettlementRouteDeps) {
  statementRoutes(api, deps);
  return { ...readRoutes(api, deps), ...windowRoutes(api, deps), ...decisionRoutes(api, deps) };
}

/** As the pages ask them. */
export type SettlementEndpoints = ReturnType<typeof settlementRoutes>;

function recorder({ audit }: SettlementRouteDeps) {
  return async (
    tx: Transaction,
    principal: Principal,
    { action, subject }: { action: string; subject: string },
  ): Promise<void> => {
    const actor = { id: principal.operatorId, name: principal.name, node: headOffice };
    await audit.record(tx, { actor, action, subject, outcome: 'done' });
  };
}

function readRoutes({ endpoint }: RouteApi, { store, settlements }: SettlementRouteDeps) {
  const shownSettlements = endpoint(
    {
      ...reading,
      path,
      operationId: 'listSettlements',
      summary: 'Settlements, the newest first',
      query: z.strictObject({
        state: z.enum(settlementStates).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(settlementShape),
    },
    async ({ query: { cursor, limit, state } }) => {
      const before = decodeCursor(cursor, idKey)?.id;
      const rows = await store.read((tx) =>
        listSettlements(tx, { state, before, limit: limit + 1 }),
      );
      return pageOf(rows, limit, { item: settlementView, key: (row) => ({ id: row.id }) });
    },
  );

  const getSettlement = endpoint(
    {
      ...reading,
      path: `${path}/{id}`,
      operationId: 'getSettlement',
      summary: 'A settlement: net positions, the netting matrix, what the branches said',
      params,
      response: settlementDetailShape,
    },
    async ({ params }) =>
      settlementDetail(await store.read((tx) => settlements.view(tx, params.id))),
  );

  const listSettlementObligations = endpoint(
    {
      ...reading,
      path: `${path}/{id}/obligations`,
      operationId: 'listSettlementObligations',
      summary: 'The operations behind a settlement',
      params,
      query: z.strictObject({
        debtor: nodeCode.optional(),
        creditor: nodeCode.optional(),
        branch: nodeCode.optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(obligationShape),
    },
    async ({ params, query: { cursor, limit, ...pair } }) => {
      const key = decodeCursor(cursor, obligationKey);
      const rows = await store.read(async (tx) => {
        await settlements.view(tx, params.id);
        return settlementObligations(tx, {
          settlementId: params.id,
          branch: pair.branch as NodeCode | undefined,
          debtor: pair.debtor as NodeCode | undefined,
          creditor: pair.creditor as NodeCode | undefined,
          after: key && { windowId: key.windowId, id: BigInt(key.id) },
          limit: limit + 1,
        });
      });
      return pageOf(rows, limit, {
        item: obligationView,
        key: (row) => ({ windowId: row.windowId, id: row.id.toString() }),
      });
    },
  );

  return { listSettlements: shownSettlements, getSettlement, listSettlementObligations };
}

function windowRoutes({ endpoint }: RouteApi, deps: SettlementRouteDeps) {
  const { store, obligations } = deps;
  const note = recorder(deps);
  const listSettlementWindows = endpoint(
    {
      ...reading,
      path: '/api/v1/settlement-windows',
      operationId: 'listSettlementWindows',
      summary: 'Settlement windows, the newest first',
      query: z.strictObject({
        state: z.enum(windowStates).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(windowShape),
    },
    async ({ query: { cursor, limit, state } }) => {
      const before = decodeCursor(cursor, idKey)?.id;
      const rows = await store.read((tx) => listWindows(tx, { state, before, limit: limit + 1 }));
      return pageOf(rows, limit, { item: (window) => window, key: (row) => ({ id: row.id }) });
    },
  );

  const closeSettlementWindow = endpoint(
    {
      ...writing,
      permission: 'settlement.make',
      path: '/api/v1/settlement-windows/{id}/close',
      operationId: 'closeSettlementWindow',
      summary: 'Close a window; the next one opens',
      params,
      status: 200,
      response: z.strictObject({ ...windowShape.shape, next: windowShape }),
    },
    async ({ params, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const { closed, opened } = await obligations.closeWindow(tx, params.id);
        await note(tx, principal, { action: 'settlement-window.close', subject: params.id });
        return { ...closed, next: opened };
      }),
  );

  return { listSettlementWindows, closeSettlementWindow };
}

/** Of one currency, that of the newest. @throws DomainError `window-not-closed` if none is. */
async function closedWindows(tx: Reader): Promise<string[]> {
  const windows = await listWindows(tx, { state: 'CLOSED', limit: maxWindows });
  const [newest] = windows;
  if (!newest) throw new DomainError('window-not-closed', 'No window is closed.');
  return windows.filter(({ currency }) => currency === newest.currency).map(({ id }) => id);
}

function decisionRoutes({ endpoint }: RouteApi, deps: SettlementRouteDeps) {
  const { settlements } = deps;
  const note = recorder(deps);
  const personOf = ({ operatorId, name }: Principal) => ({ id: operatorId, name });
  const makeSettlement = endpoint(
    {
      ...writing,
      permission: 'settlement.make',
      path,
      operationId: 'makeSettlement',
      summary: 'Prepare the settlement of closed windows',
      description: 'Its net positions are fixed from now on. Another person approves it.',
      body: z.strictObject({
        windowIds: z.array(id).min(1).max(maxWindows).optional().openapi({
          description: 'Without them every closed window in the currency of the newest',
        }),
        model,
      }),
      response: settlementDetailShape,
    },
    async ({ body, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const windowIds = body.windowIds ?? (await closedWindows(tx));
        const { model: wanted } = body;
        const actor = personOf(principal);
        const made = await settlements.make(tx, { windowIds, model: wanted, actor });
        await note(tx, principal, { action: 'settlement.make', subject: made.id });
        return settlementDetail(made);
      }),
  );

  const decision = (step: 'approval' | 'abort') => {
    const isApproval = step === 'approval';
    const decide = isApproval ? settlements.approve : settlements.abort;
    return endpoint(
      {
        ...writing,
        permission: 'settlement.check',
        path: `${path}/{id}/${step}`,
        operationId: isApproval ? 'approveSettlement' : 'abortSettlement',
        summary: isApproval
          ? 'Approve a settlement that another person prepared'
          : 'Give a settlement up; what it held is owed in the open window',
        params,
        status: 200,
        response: settlementDetailShape,
      },
      async ({ params, principal, idempotency }) =>
        idempotency.write(async (tx) => {
          const decided = await decide(tx, { id: params.id, actor: personOf(principal) });
          const action = isApproval ? 'settlement.approve' : 'settlement.abort';
          await note(tx, principal, { action, subject: params.id });
          return settlementDetail(decided);
        }),
    );
  };

  return {
    makeSettlement,
    approveSettlement: decision('approval'),
    abortSettlement: decision('abort'),
  };
}

const statementParams = z.strictObject({ id, branch: nodeCode });
const files = { csv: 'text/csv; charset=utf-8', pdf: 'application/pdf' } as const;

function statementRoutes({ app, endpoint, enter }: RouteApi, deps: SettlementRouteDeps): void {
  const { store, settlements, branchName } = deps;
  const statementPath = `${path}/{id}/statements/{branch}`;

  async function statement(tx: Reader, settlementId: string, code: string): Promise<Statement> {
    const branch = code as NodeCode;
    const settlement = await settlements.view(tx, settlementId);
    if (await isLost(tx, settlementId)) {
      throw new DomainError('recovering', 'The settlement is being brought back. Try later.');
    }
    return statementOf(settlement, { branch, branchName: branchName(branch) });
  }

  // Files go before the endpoint, which answers in JSON only.
  app.get(statementPath.replaceAll(/\{(\w+)\}/g, ':$1'), async (c, next) => {
    const format = c.req.query('format');
    if (format !== 'csv' && format !== 'pdf') return next();
    await enter(c, reading.permission);
    const settlementId = c.req.param('id') ?? '';
    const branch = c.req.param('branch') ?? '';
    const made = await store.read((tx) => statement(tx, settlementId, branch));
    const name = `statement-${made.branch}-${made.settlementId}.${format}`;
    c.header('content-type', files[format]);
    c.header('content-disposition', `attachment; filename="${name}"`);
    if (format === 'csv') return c.body(statementCsv(made));
    return c.body(new Uint8Array(await statementPdf(made)));
  });

  endpoint(
    {
      ...reading,
      path: statementPath,
      operationId: 'getSettlementStatement',
      summary: "One branch's statement: JSON, or with `format` a CSV or PDF file",
      params: statementParams,
      query: z.strictObject({ format: z.enum(['json', 'csv', 'pdf']).default('json') }),
      response: statementShape,
    },
    async ({ params }) =>
      statementView(await store.read((tx) => statement(tx, params.id, params.branch))),
  );
}
