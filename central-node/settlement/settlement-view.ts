import { z } from '@hono/zod-openapi';
import { formatMoney } from '../../shared/money/money.ts';
import { netPositions, type PairPosition, transfersOf } from '../../shared/settlement/netting.ts';
import { businessDate, instant, nodeCode, wireMoney } from '../../shared/web/schemas.ts';
import type { LostPosition } from './lost-decisions.ts';
import type { RecordedObligation } from './obligation-store.ts';
import {
  type Settlement,
  type SettlementView,
  settlementStates,
  windowStates,
} from './settlement.ts';
import type { Statement } from './statement.ts';

/** Settlement as the API shows it. */

export const windowShape = z
  .strictObject({
    id: z.string(),
    currency: z.string(),
    state: z.enum(windowStates),
    openedAt: instant,
    closedAt: instant.nullable(),
  })
  .openapi('SettlementWindow');

export const settlementShape = z
  .strictObject({
    id: z.string(),
    currency: z.string(),
    model: z.enum(['multilateral', 'bilateral']),
    state: z.enum(settlementStates),
    madeBy: z.string(),
    madeAt: instant,
    decidedBy: z.string().nullable().openapi({ description: 'Who approved or aborted it' }),
    decidedAt: instant.nullable(),
  })
  .openapi('Settlement');

const positionShape = z.strictObject({
  branch: nodeCode,
  peer: nodeCode,
  count: z.int(),
  gross: wireMoney,
  commission: wireMoney,
  fees: wireMoney,
  net: wireMoney,
});

export const settlementDetailShape = z
  .strictObject({
    ...settlementShape.shape,
    windowIds: z.array(z.string()),
    net: z.array(z.strictObject({ branch: nodeCode, net: wireMoney })).openapi({
      description: 'Positive: the branch receives. They sum to zero',
    }),
    matrix: z.array(positionShape),
    transfers: z.array(z.strictObject({ from: nodeCode, to: nodeCode, money: wireMoney })),
    answers: z.array(
      z.strictObject({
        branch: nodeCode,
        outcome: z.enum(['confirmed', 'disputed']),
        detail: z.string(),
        at: instant,
      }),
    ),
  })
  .openapi('SettlementDetail');

export const obligationShape = z
  .strictObject({
    operationId: z.string(),
    attempt: z.int(),
    kind: z.string(),
    debtor: nodeCode,
    creditor: nodeCode,
    businessDate,
    gross: wireMoney,
    commission: wireMoney,
    fee: wireMoney,
    net: wireMoney,
  })
  .openapi('Obligation');

export const statementShape = z
  .strictObject({
    settlementId: z.string(),
    state: z.enum(settlementStates),
    branch: nodeCode,
    branchName: z.string(),
    currency: z.string(),
    model: z.string(),
    madeAt: instant,
    decidedAt: instant.nullable(),
    windowIds: z.array(z.string()),
    lines: z.array(positionShape),
    net: wireMoney,
  })
  .openapi('SettlementStatement');

const side = z.strictObject({
  branch: nodeCode,
  gone: z.boolean().openapi({ description: 'Cut off, or not to be reached now' }),
  mute: z.boolean().openapi({
    description:
      'Gone, or says nothing that could be gone by: people may decide not to wait for it',
  }),
  said: z.enum(['found', 'unchecked', 'wrong', 'differs', 'doubted', 'silent']).nullable().openapi({
    description:
      'What it last answered: it has the operations; it has nothing of it; what does not come to what was told; others than the other branch; what head office cannot confirm; no answer, though it can be reached. Null: it was not asked yet',
  }),
  outcomeWithout: z.enum(['upheld', 'recalled']).nullable().openapi({
    description:
      'What becomes of the position if this branch is not waited for, by what the other holds',
  }),
});

export const lostPositionShape = z
  .strictObject({
    ...positionShape.shape,
    known: z.int().openapi({ description: 'Operations of it that either branch has named' }),
    sides: z.array(side),
    decision: z
      .strictObject({
        id: z.string(),
        without: nodeCode,
        reason: z.string(),
        madeBy: z.string(),
        madeAt: instant,
        approvedBy: z.string().nullable(),
        approvedAt: instant.nullable(),
        followed: z.boolean().openapi({
          description:
            'Approved, and nothing has been said since that the two did not know of: else people may decide anew',
        }),
      })
      .nullable(),
  })
  .openapi('LostPosition');

export const lostSettlementShape = z
  .strictObject({ ...settlementShape.shape, positions: z.array(lostPositionShape) })
  .openapi('LostSettlement');

export function lostPositionView(
  { position, known, sides, decision, isInForce }: LostPosition,
  currency: string,
): z.input<typeof lostPositionShape> {
  return {
    ...positionView(position, currency),
    known,
    sides: sides.map(({ branch, isGone, isMute, said, outcomeWithout }) => ({
      ...{
        branch,
        gone: isGone,
        mute: isMute,
        said: said ?? null,
        outcomeWithout: outcomeWithout ?? null,
      },
    })),
    decision: decision
      ? {
          ...{ id: decision.id, without: decision.without, reason: decision.reason },
          madeBy: decision.madeBy.name,
          madeAt: decision.madeAt,
          approvedBy: decision.approvedBy?.name ?? null,
          approvedAt: decision.approvedAt,
          followed: decision.approvedBy !== null && isInForce,
        }
      : null,
  };
}

export function settlementView(settlement: Settlement): z.input<typeof settlementShape> {
  const { id, currency, model, state, madeBy, madeAt, decidedBy, decidedAt } = settlement;
  return {
    ...{ id, currency, model, state, madeAt, decidedAt },
    madeBy: madeBy.name,
    decidedBy: decidedBy?.name ?? null,
  };
}

export function settlementDetail(
  settlement: SettlementView,
): z.input<typeof settlementDetailShape> {
  const { currency, model, positions, windowIds, answers } = settlement;
  const money = (amount: bigint) => formatMoney({ amount, currency });
  return {
    ...settlementView(settlement),
    windowIds: [...windowIds],
    net: [...netPositions(positions)].map(([branch, net]) => ({ branch, net: money(net) })),
    matrix: positions.map((position) => positionView(position, currency)),
    transfers: transfersOf(model, positions).map(({ from, to, amount }) => ({
      ...{ from, to },
      money: money(amount),
    })),
    answers: [...answers],
  };
}

function positionView(
  { branch, peer, count, gross, commission, fees, net }: PairPosition,
  currency: string,
): z.input<typeof positionShape> {
  const money = (amount: bigint) => formatMoney({ amount, currency });
  return {
    ...{ branch, peer, count },
    gross: money(gross),
    commission: money(commission),
    fees: money(fees),
    net: money(net),
  };
}

export function obligationView(obligation: RecordedObligation): z.input<typeof obligationShape> {
  const { operationId, attempt, kind, debtor, creditor, currency } = obligation;
  const money = (amount: bigint) => formatMoney({ amount, currency });
  return {
    ...{ operationId, attempt, kind, debtor, creditor },
    businessDate: obligation.businessDate,
    gross: money(obligation.gross),
    commission: money(obligation.commission),
    fee: money(obligation.fee),
    net: money(obligation.net),
  };
}

export function statementView(statement: Statement): z.input<typeof statementShape> {
  const { currency, net, lines, windowIds } = statement;
  return {
    ...statement,
    windowIds: [...windowIds],
    lines: lines.map((line) => positionView(line, currency)),
    net: formatMoney({ amount: net, currency }),
  };
}
