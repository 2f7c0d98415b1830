import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { nodeCode } from '../../shared/web/schemas.ts';
import type { LostDecisions, LostPosition } from './lost-decisions.ts';
import { findSettlement } from './settlement-store.ts';
import {
  lostPositionShape,
  lostPositionView,
  lostSettlementShape,
  settlementView,
} from './settlement-view.ts';

const path = '/api/v1/lost-settlements';
const id = z.string().max(64);
const params = z.strictObject({ id });
const writing = { method: 'POST', tag: 'Settlement', idempotent: true } as const;

export type LostSettlementEndpoints = ReturnType<typeof lostSettlementRoutes>;

/** Settlements that head office lost with a backup, and how people end the waiting for a branch that does not come back. */
export function lostSettlementRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { store, audit, lostDecisions }: { store: Store; audit: Audit; lostDecisions: LostDecisions },
) {
  const personOf = ({ operatorId, name }: Principal) => ({ id: operatorId, name });

  async function shownAfter(
    tx: Transaction,
    {
      settlementId,
      action,
      principal,
    }: { settlementId: string; action: string; principal: Principal },
    position: LostPosition,
  ) {
    const { decision } = position;
    await audit.record(tx, {
      actor: { ...personOf(principal), node: headOffice },
      ...{ action, subject: settlementId, outcome: 'done' },
      detail: {
        pair: `${decision?.branch} ${decision?.peer}`,
        without: decision?.without,
        reason: decision?.reason,
      },
    });
    const settlement = await findSettlement(tx, settlementId);
    return lostPositionView(position, settlement?.currency ?? '');
  }

  const listLostSettlements = endpoint(
    {
      method: 'GET',
      path,
      permission: 'settlement.read',
      tag: 'Settlement',
      operationId: 'listLostSettlements',
      summary:
        'Settlements that were lost with a backup and are not back, with what each branch says of them',
      response: z.strictObject({ items: z.array(lostSettlementShape) }),
    },
    async () => {
      const lost = await store.read((tx) => lostDecisions.list(tx));
      return {
        items: lost.map(({ settlement, positions }) => ({
          ...settlementView(settlement),
          positions: positions.map((each) => lostPositionView(each, settlement.currency)),
        })),
      };
    },
  );

  const proposeLostDecision = endpoint(
    {
      ...writing,
      path: `${path}/{id}/decisions`,
      permission: 'settlement.make',
      operationId: 'proposeLostDecision',
      summary: 'Propose not to wait for one branch of a lost position: cut off, or not coming back',
      description:
        'Another person approves it. What becomes of the position follows from what its other branch holds: upheld as it was told if it has checked it; else taken back, and its operations are owed in the open window.',
      params,
      body: z.strictObject({
        branch: nodeCode,
        peer: nodeCode,
        without: nodeCode,
        reason: z.string().trim().min(10).max(500),
      }),
      response: lostPositionShape,
    },
    async ({ params, body, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const made = await lostDecisions.propose(tx, {
          settlementId: params.id,
          pair: [body.branch as NodeCode, body.peer as NodeCode],
          without: body.without as NodeCode,
          reason: body.reason,
          actor: personOf(principal),
        });
        const what = { settlementId: params.id, action: 'lost-settlement.propose', principal };
        return shownAfter(tx, what, made);
      }),
  );

  const approveLostDecision = endpoint(
    {
      ...writing,
      path: `${path}/{id}/decisions/approval`,
      permission: 'settlement.check',
      operationId: 'approveLostDecision',
      summary:
        'Approve that a branch of a lost position is not waited for, as another person proposed',
      params,
      body: z.strictObject({ proposal: id }),
      status: 200,
      response: lostPositionShape,
    },
    async ({ params, body, principal, idempotency }) =>
      idempotency.write(async (tx) => {
        const made = await lostDecisions.approve(tx, {
          settlementId: params.id,
          proposal: body.proposal,
          actor: personOf(principal),
        });
        const what = { settlementId: params.id, action: 'lost-settlement.approve', principal };
        return shownAfter(tx, what, made);
      }),
  );

  return { listLostSettlements, proposeLostDecision, approveLostDecision };
}
