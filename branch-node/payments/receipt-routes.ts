import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { recordPrint } from '../../shared/access/prints.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { instant, nodeCode, wireMoney } from '../../shared/web/schemas.ts';
import { dispositions, receiptKinds } from './payment.ts';
import type { PaymentFile, Payments } from './payment-service.ts';
import { findReceipt } from './payment-store.ts';
import { paymentView, paymentViewOf } from './payment-view.ts';
import { type ReceiptStatement, receiptText } from './receipt.ts';
import { maxReceiptCodeLength, type Receipts } from './receipt-service.ts';

const statementView = z.strictObject({
  number: z.string().openapi({ example: 'MSK-20261122-000042-3f9a1c' }),
  operationId: z.string(),
  servingBranch: nodeCode,
  homeBranch: nodeCode,
  kind: z.enum(receiptKinds).openapi({
    description:
      'How sure it is: durable at this branch only; held by another node too; decided by the home branch',
  }),
  disposition: z.enum(dispositions).openapi({ description: 'What has become of the money' }),
  text: z.array(z.string()).openapi({ description: 'The receipt in plain sentences' }),
  money: wireMoney,
  msisdn: z.string().openapi({ description: 'Masked', example: '7925•••0001' }),
  issuedAt: instant.openapi({ description: 'When the payment was taken' }),
  at: instant.openapi({ description: 'When it stood so' }),
});

const receiptView = statementView
  .extend({
    code: z.string().openapi({ description: 'Compact JWS; any branch can check it' }),
    copy: z.boolean().openapi({ description: 'It was printed before' }),
  })
  .openapi('SignedReceipt');

/** Receipts with a code, their prints, and the check of a code from any branch. */
export function receiptRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: { node: NodeCode; store: Store; audit: Audit; payments: Payments; receipts: Receipts },
) {
  const { node, store, audit, payments, receipts } = deps;

  async function printed(
    tx: Transaction,
    file: PaymentFile,
    { principal, traceId }: { principal: Principal; traceId: string },
  ) {
    const actor = { id: principal.operatorId, name: principal.name, node };
    const detail = { number: file.payment.receipt, kind: file.receiptKind };
    const print = { actor, action: 'receipt.print', subject: file.record.id, detail, traceId };
    return { file, copy: await recordPrint({ audit, tx }, print) };
  }

  const getReceipt = endpoint(
    {
      method: 'GET',
      path: '/api/v1/payments/{operationId}/receipt',
      permission: 'operation.read',
      operationId: 'getReceipt',
      tag: 'Payments',
      summary: 'The receipt as the payment stands now, with a code that any branch can check',
      description:
        'With `print=true` the print is recorded in the audit trail, and from the second on it is a copy.',
      params: z.strictObject({ operationId: z.string().max(64) }),
      query: z.strictObject({ print: z.enum(['true', 'false']).default('false') }),
      response: receiptView,
    },
    async ({ params, query, principal, traceId }) => {
      const open = (tx: Parameters<Payments['open']>[0]) => payments.open(tx, params.operationId);
      const { file, copy } =
        query.print === 'true'
          ? await store.write(async (tx) => printed(tx, await open(tx), { principal, traceId }))
          : { file: await store.read(open), copy: false };
      const { statement, code } = await receipts.sign(file);
      return { ...viewOf(statement), code, copy };
    },
  );

  const checkReceipt = endpoint(
    {
      method: 'POST',
      path: '/api/v1/receipt-checks',
      permission: 'operation.read',
      operationId: 'checkReceipt',
      tag: 'Payments',
      summary: 'What a receipt of any branch says, if its code is genuine',
      body: z.strictObject({ code: z.string().trim().min(1).max(maxReceiptCodeLength) }),
      status: 200,
      response: statementView.openapi('CheckedReceipt'),
    },
    async ({ body }) => viewOf(await receipts.check(body.code)),
  );

  const findByReceipt = endpoint(
    {
      method: 'GET',
      path: '/api/v1/receipts/{number}',
      permission: 'operation.read',
      operationId: 'findByReceipt',
      tag: 'Payments',
      summary: "The payment that a receipt's number stands for",
      params: z.strictObject({ number: z.string().max(64) }),
      response: paymentView,
    },
    async ({ params: { number } }) =>
      store.read(async (tx) => {
        const payment = await findReceipt(tx, asPrinted(number));
        if (!payment) throw new DomainError('operation-not-found');
        return paymentViewOf(await payments.open(tx, payment.operationId));
      }),
  );

  return { getReceipt, checkReceipt, findByReceipt };
}

/** Typed from paper, in whatever case. */
function asPrinted(number: string): string {
  return number.toLowerCase().replace(/^[a-z]+/, (code) => code.toUpperCase());
}

/** As the pages ask them. */
export type ReceiptEndpoints = ReturnType<typeof receiptRoutes>;

function viewOf(statement: ReceiptStatement): z.input<typeof statementView> {
  const { node, home, amount, currency, ...rest } = statement;
  return {
    ...rest,
    servingBranch: node,
    homeBranch: home,
    money: { amount, currency },
    text: receiptText(statement),
  };
}
