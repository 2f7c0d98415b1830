import { z } from '@hono/zod-openapi';
import { formatMoney } from '../../shared/money/money.ts';
import { instant, nodeCode, wireMoney } from '../../shared/web/schemas.ts';
import type { Decision } from '../operations/operation.ts';
import { operationView, viewOf } from '../operations/operation-view.ts';
import { dispositions, paymentRequest, payoutStates, receiptKinds } from './payment.ts';
import type { PaymentFile } from './payment-service.ts';

const receiptView = z
  .strictObject({
    number: z.string().openapi({ example: 'MSK-20261122-000042-3f9a1c' }),
    kind: z.enum(receiptKinds).openapi({
      description:
        'How sure it is: durable at this branch only; held by another node too; decided by the home branch',
    }),
    issuedAt: instant,
  })
  .openapi('Receipt');

export const payabilityView = z
  .union([
    z.strictObject({
      verified: z.literal(true),
      homeBranch: nodeCode,
      status: z.string().openapi({ example: 'active' }),
      name: z.string().openapi({ description: 'Masked', example: 'И•••• И. П.' }),
      currency: z.string(),
    }),
    z.strictObject({ verified: z.literal(false) }),
  ])
  .openapi('Payability');

/** A payment as the API shows it. */
export const paymentView = z
  .strictObject({
    ...operationView.shape,
    money: wireMoney,
    tender: z.strictObject({ kind: z.string(), reference: z.string().optional() }),
    disposition: z
      .enum(dispositions)
      .openapi({ description: 'What became of the money at this branch' }),
    cancelledBy: z.string().optional().openapi({ description: 'The operation that cancels it' }),
    refusedCancellation: z
      .strictObject({
        operationId: z.string(),
        reason: z.string().openapi({ description: 'A problem code' }),
      })
      .optional()
      .openapi({
        description:
          'The last that was refused, or had nothing to take back since the payment had followed its number, if none is under way',
      }),
    receipt: receiptView,
    payout: z
      .strictObject({
        reason: z.enum(['refund', 'cancellation']),
        state: z.enum(payoutStates).openapi({
          description:
            'Held until another node knows of it and all nodes have told this start of the node what they hold; the cash leaves the desk when released, and then only. Presumed paid: forgotten with a set-back and given back by another node, the cash may have left before. Withdrawn: the money went to another number',
        }),
        awaits: z.array(nodeCode).optional().openapi({
          description: 'While held: who has not told this start of the node what it holds',
        }),
        reinstatedBy: z.array(z.string()).optional().openapi({
          description:
            'While presumed paid: who of the two people that are needed has said, after a count of the cash, that it never left the desk',
        }),
        recordedAt: instant,
        releasedAt: instant.optional(),
      })
      .optional(),
  })
  .openapi('Payment');

export type PaymentView = z.input<typeof paymentView>;

export function paymentViewOf(file: PaymentFile): PaymentView {
  const { record, payment, receiptKind, payout, awaits, reinstatedBy } = file;
  const { reference } = paymentRequest.parse(record.request).tender;
  const refused = file.refusedCancellation;
  return {
    ...viewOf(record),
    money: formatMoney(payment.money),
    tender: { kind: payment.tender, ...(reference === undefined ? {} : { reference }) },
    disposition: payment.disposition,
    ...(payment.cancelledBy ? { cancelledBy: payment.cancelledBy } : {}),
    ...(refused?.decision
      ? { refusedCancellation: { operationId: refused.id, reason: reasonOf(refused.decision) } }
      : {}),
    receipt: { number: payment.receipt, kind: receiptKind, issuedAt: record.occurredAt },
    ...(payout
      ? {
          payout: {
            reason: payout.reason,
            state: payout.state,
            ...(awaits.length > 0 ? { awaits: [...awaits] } : {}),
            ...(payout.state === 'presumed-paid' ? { reinstatedBy: [...reinstatedBy] } : {}),
            recordedAt: payout.recordedAt,
            ...(payout.releasedAt ? { releasedAt: payout.releasedAt } : {}),
          },
        }
      : {}),
  };
}

/** In vain: who was asked had nothing to take back, for the payment had followed its number. */
const reasonOf = (decision: Decision): string =>
  decision.outcome === 'refused' ? decision.reason : 'subscriber-moved';
