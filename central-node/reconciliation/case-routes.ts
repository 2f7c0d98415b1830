import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney, parseMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
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
import { type Case, caseKinds, caseStates, proposalIdOf } from './case.ts';
import type { Cases } from './case-service.ts';
import { listCases, stepsOf } from './case-store.ts';

export interface CaseRouteDeps {
  store: Store;
  audit: Audit;
  cases: Cases;
  /** Those of the reference data. */
  currencies: () => readonly string[];
}

const text = z.string().trim().min(1).max(1_000);
const owed = z.strictObject({ debtor: nodeCode, creditor: nodeCode, money: wireMoney });

const proposalId = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
  .openapi({ description: 'Of this very proposal; the approval names it' });

const caseView = z
  .strictObject({
    id: z.string(),
    kind: z.enum(caseKinds),
    subject: z.string(),
    state: z.enum(caseStates),
    operationId: z.string().nullable(),
    attempt: z.int().nullable(),
    branches: z.array(nodeCode),
    detail: z.string(),
    openedAt: instant,
    explanation: z.string().nullable(),
    adjustment: z
      .strictObject({ id: proposalId, reason: z.string(), owes: owed.nullable() })
      .nullable(),
    resolution: z.string().nullable(),
    closedAt: instant.nullable(),
  })
  .openapi('Case');

const caseWithSteps = z
  .strictObject({
    ...caseView.shape,
    steps: z.array(
      z.strictObject({
        state: z.enum(caseStates),
        at: instant,
        actor: z.string().nullable(),
        note: z.string(),
      }),
    ),
  })
  .openapi('CaseWithSteps');

const params = z.strictObject({ id: z.string().max(64) });
const cursorKey = z.strictObject({ id: z.string().max(64) });

const path = '/api/v1/cases';
const reading = { method: 'GET', permission: 'case.read', tag: 'Cases' } as const;

/** Mismatch cases: seen by many, worked by two people. */
export function caseRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: CaseRouteDeps) {
  const { store, cases } = deps;
  const working = {
    method: 'POST',
    permission: 'case.work',
    tag: 'Cases',
    params,
    response: caseView,
    idempotent: true,
    status: 200,
  } as const;

  async function noted(
    tx: Transaction,
    principal: Principal,
    { action, worked }: { action: string; worked: Case },
  ): Promise<z.input<typeof caseView>> {
    const actor = { id: principal.operatorId, name: principal.name, node: headOffice };
    await deps.audit.record(tx, { actor, action, subject: worked.id, outcome: 'done' });
    return viewOf(worked);
  }

  const shownCases = endpoint(
    {
      ...reading,
      path,
      operationId: 'listCases',
      summary: 'Cases, the newest first',
      query: z.strictObject({
        state: z
          .enum([...caseStates, 'open'])
          .optional()
          .openapi({ description: 'Open: any but closed' }),
        kind: z.enum(caseKinds).optional(),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(caseView),
    },
    async ({ query: { cursor, limit, ...filter } }) => {
      const before = decodeCursor(cursor, cursorKey)?.id;
      const rows = await store.read((tx) => listCases(tx, { ...filter, before, limit: limit + 1 }));
      return pageOf(rows, limit, { item: viewOf, key: ({ id }) => ({ id }) });
    },
  );

  const getCase = endpoint(
    {
      ...reading,
      path: `${path}/{id}`,
      operationId: 'getCase',
      summary: 'A case and what was done about it',
      params,
      response: caseWithSteps,
    },
    async ({ params: { id } }) =>
      store.read(async (tx) => ({
        ...viewOf(await cases.find(tx, id)),
        steps: await stepsOf(tx, id),
      })),
  );

  const explainCase = endpoint(
    {
      ...working,
      path: `${path}/{id}/explanation`,
      operationId: 'explainCase',
      summary: 'Say what happened',
      body: z.strictObject({ explanation: text }),
    },
    async ({ params: { id }, body: { explanation }, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const worked = await cases.explain(tx, { id, explanation, actor: personOf(principal) });
        return noted(tx, principal, { action: 'case.explain', worked });
      }),
  );

  const proposeAdjustment = endpoint(
    {
      ...working,
      path: `${path}/{id}/adjustment`,
      operationId: 'proposeAdjustment',
      summary: 'Propose how the case ends; without `owes` no money moves',
      body: z.strictObject({ reason: text, owes: owed.optional() }),
    },
    async ({ params: { id }, body: { reason, owes: wish }, principal, idempotency }) => {
      const owes = wish && owesOf(wish, await owedCurrencies(deps));
      return idempotency.write(async (tx) => {
        const actor = personOf(principal);
        const worked = await cases.propose(tx, { id, reason, owes, actor });
        return noted(tx, principal, { action: 'case.propose', worked });
      });
    },
  );

  const approveAdjustment = endpoint(
    {
      ...working,
      path: `${path}/{id}/adjustment-approval`,
      operationId: 'approveAdjustment',
      summary: "Approve another person's adjustment, which closes the case",
      body: z.strictObject({ proposal: proposalId }),
    },
    async ({ params: { id }, body: { proposal }, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const worked = await cases.approve(tx, { id, proposal, actor: personOf(principal) });
        return noted(tx, principal, { action: 'case.approve', worked });
      }),
  );

  return {
    ...{ listCases: shownCases, getCase, explainCase, proposeAdjustment, approveAdjustment },
    currencies: () => owedCurrencies(deps),
  };
}

/** As the pages ask them. */
export type CaseEndpoints = ReturnType<typeof caseRoutes>;

function personOf({ operatorId: id, name }: Principal) {
  return { id, name };
}

/** In which sums may be owed: what the reference data has no more may be owed still. */
async function owedCurrencies({ store, cases, currencies }: CaseRouteDeps): Promise<string[]> {
  return [...new Set([...currencies(), ...(await store.read(cases.currencies))])];
}

/** Another currency would have a window of its own, which nobody meant. */
function owesOf(wish: z.output<typeof owed>, currencies: readonly string[]) {
  const money = parseMoney(wish.money, 'owes.money');
  if (!currencies.includes(money.currency)) {
    const [field, message] = ['owes.money.currency', 'is none of the reference data'];
    throw new DomainError('invalid-input', `${field} ${message}.`, {
      errors: [{ field, message }],
    });
  }
  return { debtor: wish.debtor as NodeCode, creditor: wish.creditor as NodeCode, money };
}

function viewOf(known: Case): z.input<typeof caseView> {
  const { id, kind, subject, state, operation, branches, detail, openedAt } = known;
  const { explanation, proposal, resolution, closedAt } = known;
  const owes = proposal?.owes;
  return {
    ...{ id, kind, subject, state, detail, openedAt, explanation, resolution, closedAt },
    operationId: operation?.id ?? null,
    attempt: operation?.attempt ?? null,
    branches: [...branches],
    adjustment: proposal && {
      id: proposalIdOf(known) ?? '',
      reason: proposal.reason,
      owes: owes
        ? { debtor: owes.debtor, creditor: owes.creditor, money: formatMoney(owes) }
        : null,
    },
  };
}
