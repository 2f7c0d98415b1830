import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import type { Msisdn, NodeCode } from '../../shared/ids/ids.ts';
import { parseMoney } from '../../shared/money/money.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import type { Recall } from '../../shared/web/idempotency.ts';
import { cursorQuery, limitQuery, msisdn, page, wireMoney } from '../../shared/web/schemas.ts';
import type { Operations } from '../operations/operation-service.ts';
import { operationView, viewOf } from '../operations/operation-view.ts';
import { assertSameCurrency } from './payment.ts';
import type { Payments } from './payment-service.ts';
import { presumedPaid, suspendedPayments } from './payment-store.ts';
import { payabilityView, paymentView, paymentViewOf } from './payment-view.ts';

export interface PaymentRouteDeps {
  node: NodeCode;
  store: Store;
  audit: Audit;
  payments: Payments;
  recall: Operations['recall'];
  /**
   * Asks the number's home branch whether it may be paid; `verified` is false if it cannot be reached.
   * @throws DomainError the home branch's refusal.
   */
  payability(msisdn: Msisdn, principal: Principal): Promise<Payability>;
}

/** What the home branch says of a number before money is taken for it. */
export type Payability = z.input<typeof payabilityView>;

const operationParams = z.strictObject({ operationId: z.string().max(64) });
const reason = z.string().trim().min(1).max(200);
const pageQuery = z.strictObject({ limit: limitQuery, cursor: cursorQuery });
const cursorKey = z.strictObject({ id: z.string().max(64) });

/** Payments, their cancellation, and the suspense desk. */
export function paymentRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: PaymentRouteDeps) {
  const { store, payments } = deps;
  const recallPayment = recallWith(deps);

  async function note(
    tx: Transaction,
    { principal, traceId }: By,
    { action, subject }: { action: string; subject: string },
  ): Promise<void> {
    const actor = { id: principal.operatorId, name: principal.name, node: deps.node };
    await deps.audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
  }

  const checkPayability = endpoint(
    {
      method: 'GET',
      path: '/api/v1/payability/{msisdn}',
      permission: 'payment.take',
      operationId: 'checkPayability',
      tag: 'Payments',
      summary: 'May this number be paid for, and whose is it?',
      description: 'Asked of its home branch; `verified` is false if that cannot be reached now.',
      params: z.strictObject({ msisdn }),
      response: payabilityView,
    },
    ({ params, principal }) => deps.payability(params.msisdn, principal),
  );

  const takePayment = endpoint(
    {
      method: 'POST',
      path: '/api/v1/payments',
      permission: 'payment.take',
      operationId: 'takePayment',
      tag: 'Payments',
      summary: 'Take a payment for any number of the operator',
      description:
        'Answered when it is durable here. Credited at once for a number of this branch; for another one when its home branch has answered.',
      body: z.strictObject({
        msisdn,
        money: wireMoney,
        tender: z.strictObject({
          kind: z.string().min(1).max(40).openapi({ example: 'cash' }),
          reference: z.string().min(1).max(120).optional(),
        }),
      }),
      response: paymentView,
      idempotent: true,
      recall: recallPayment,
    },
    async ({ body, principal, traceId, idempotency }) => {
      const money = parseMoney(body.money);
      payments.checkTender(body.tender.kind, money);
      const payability = await deps.payability(body.msisdn, principal);
      if (payability.verified) assertSameCurrency(money, payability.currency);
      const { kind, reference } = body.tender;
      return idempotency.write(async (tx, { sha256: key }) => {
        const file = await payments.take(tx, {
          msisdn: body.msisdn,
          money,
          tender: reference === undefined ? { kind } : { kind, reference },
          isVerified: payability.verified,
          actor: principal,
          key,
        });
        await note(tx, { principal, traceId }, { action: 'payment.take', subject: file.record.id });
        return paymentViewOf(file);
      });
    },
  );

  const getPayment = endpoint(
    {
      method: 'GET',
      path: '/api/v1/payments/{operationId}',
      permission: 'operation.read',
      operationId: 'getPayment',
      tag: 'Payments',
      summary: 'A payment that this branch took, with its receipt',
      params: operationParams,
      response: paymentView,
    },
    async ({ params }) =>
      paymentViewOf(await store.read((tx) => payments.open(tx, params.operationId))),
  );

  const cancelPayment = endpoint(
    {
      method: 'POST',
      path: '/api/v1/payments/{operationId}/cancellation',
      permission: 'payment.cancel',
      operationId: 'cancelPayment',
      tag: 'Payments',
      summary: 'Cancel a payment: wrong number or wrong sum',
      description:
        'An operation of its own. The home branch takes the money back if it is still there; then it is paid out here.',
      params: operationParams,
      body: z.strictObject({ reason: reason.default('wrong number or sum') }),
      response: operationView,
      idempotent: true,
      recall: async (tx, key) => {
        const record = await deps.recall(tx, key);
        return record && viewOf(record);
      },
    },
    async ({ params, body, principal, traceId, idempotency }) =>
      idempotency.write(async (tx, { sha256: key }) => {
        const paymentId = params.operationId;
        const record = await payments.cancel(tx, {
          paymentId,
          reason: body.reason,
          actor: principal,
          key,
        });
        await note(tx, { principal, traceId }, { action: 'payment.cancel', subject: paymentId });
        return viewOf(record);
      }),
  );

  const suspense = suspenseRoutes({ endpoint }, deps, note);
  return { checkPayability, takePayment, getPayment, cancelPayment, ...suspense };
}

/** As the pages ask them. */
export type PaymentEndpoints = ReturnType<typeof paymentRoutes>;

/** The payment again that a lost key led to. */
const recallWith =
  ({ payments, recall }: PaymentRouteDeps): Recall<z.input<typeof paymentView>> =>
  async (tx, key) => {
    const record = await recall(tx, key);
    return record && paymentViewOf(await payments.fileOf(tx, record));
  };

interface By {
  readonly principal: Principal;
  readonly traceId: string;
}

type Note = (tx: Transaction, by: By, what: { action: string; subject: string }) => Promise<void>;

/** A page of the payments that are found, in the order of their ids. */
async function paymentsPage(
  { store, payments }: PaymentRouteDeps,
  { limit, cursor }: z.output<typeof pageQuery>,
  find: (tx: Reader, page: { after: string; limit: number }) => Promise<string[]>,
) {
  const after = decodeCursor(cursor, cursorKey)?.id ?? '';
  const files = await store.read(async (tx) => {
    const ids = await find(tx, { after, limit: limit + 1 });
    return Promise.all(ids.map((id) => payments.open(tx, id)));
  });
  return pageOf(files, limit, {
    item: paymentViewOf,
    key: ({ record }) => ({ id: record.id }),
  });
}

function payoutRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: PaymentRouteDeps, note: Note) {
  const { payments } = deps;

  const listPresumedPaid = endpoint(
    {
      method: 'GET',
      path: '/api/v1/payouts/presumed-paid',
      permission: 'recovery.override',
      operationId: 'listPresumedPaid',
      tag: 'Payments',
      summary: 'Payments whose money may have left the desk before this node was set back',
      description: 'They are booked as paid. A count of the cash shows which never left.',
      query: pageQuery,
      response: page(paymentView),
    },
    ({ query }) => paymentsPage(deps, query, presumedPaid),
  );

  const reinstatePayout = endpoint(
    {
      method: 'POST',
      path: '/api/v1/payments/{operationId}/payout/reinstatement',
      permission: 'recovery.override',
      operationId: 'reinstatePayout',
      tag: 'Payments',
      summary: 'Say that a payout which is presumed paid never left the desk: needs two people',
      description:
        'After a count of the cash. With the second person the payout is released, and the desk pays it; the books have it as paid already.',
      params: operationParams,
      body: z.strictObject({ reason: z.string().trim().min(10).max(500) }),
      response: paymentView,
      idempotent: true,
    },
    async ({ params, body: { reason }, principal, traceId, idempotency }) =>
      idempotency.write(async (tx) => {
        const { operationId: paymentId } = params;
        const operator = principal.operatorId;
        const file = await payments.reinstate(tx, { paymentId, operator, reason });
        await note(tx, { principal, traceId }, { action: 'payout.reinstate', subject: paymentId });
        return paymentViewOf(file);
      }),
  );
  return { listPresumedPaid, reinstatePayout };
}

function suspenseRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: PaymentRouteDeps, note: Note) {
  const { payments } = deps;

  const listSuspense = endpoint(
    {
      method: 'GET',
      path: '/api/v1/suspense',
      permission: 'suspense.read',
      operationId: 'listSuspense',
      tag: 'Suspense',
      summary: 'Payments that their home branch refused: the money waits for a person',
      query: pageQuery,
      response: page(paymentView),
    },
    ({ query }) => paymentsPage(deps, query, suspendedPayments),
  );

  const refundSuspense = endpoint(
    {
      method: 'POST',
      path: '/api/v1/suspense/{operationId}/refund',
      permission: 'suspense.resolve',
      operationId: 'refundSuspense',
      tag: 'Suspense',
      summary: 'Pay a refused payment back to the customer',
      params: operationParams,
      response: paymentView,
      idempotent: true,
    },
    async ({ params, principal, traceId, idempotency }) =>
      idempotency.write(async (tx) => {
        const file = await payments.refund(tx, params.operationId);
        await note(
          tx,
          { principal, traceId },
          { action: 'suspense.refund', subject: params.operationId },
        );
        return paymentViewOf(await payments.fileOf(tx, file.record));
      }),
  );

  const redirectSuspense = endpoint(
    {
      method: 'POST',
      path: '/api/v1/suspense/{operationId}/redirection',
      permission: 'suspense.resolve',
      operationId: 'redirectSuspense',
      tag: 'Suspense',
      summary: 'Send a refused payment to the number that was meant',
      params: operationParams,
      body: z.strictObject({ msisdn }),
      response: paymentView,
      idempotent: true,
      recall: recallWith(deps),
    },
    async ({ params, body, principal, traceId, idempotency }) =>
      idempotency.write(async (tx, { sha256: key }) => {
        const { operationId: paymentId } = params;
        const file = await payments.redirect(tx, {
          paymentId,
          msisdn: body.msisdn,
          actor: principal,
          key,
        });
        await note(tx, { principal, traceId }, { action: 'suspense.redirect', subject: paymentId });
        return paymentViewOf(file);
      }),
  );
  const payouts = payoutRoutes({ endpoint }, deps, note);
  return { listSuspense, refundSuspense, redirectSuspense, ...payouts };
}
