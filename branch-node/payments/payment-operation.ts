import type { NodeCode } from '../../shared/ids/ids.ts';
import { accounts, transfer } from '../../shared/ledger/ledger.ts';
import { post } from '../../shared/ledger/ledger-store.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import type { Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import {
  type Decision,
  type Operation,
  type OperationKind,
  traceOf,
} from '../operations/operation.ts';
import type { OperationStore } from '../operations/operation-store.ts';
import {
  assertSameCurrency,
  isVain,
  moneyOf,
  type Payment,
  type PaymentRequest,
  paymentRequest,
  paymentResult,
  receiptNumber,
  receiptSerial,
} from './payment.ts';
import {
  cancelledUndecided,
  findPayment,
  insertPayment,
  moveDisposition,
  passReceiptSerial,
  setCancelledBy,
  takeReceiptSerial,
} from './payment-store.ts';
import type { Payouts } from './payout-service.ts';

/** The subscriber's account at his home branch, as far as a payment needs it. */
export interface PayableSubscriber {
  readonly billingAccountId: string;
  readonly currency: string;
}

export interface PaymentOperationDeps {
  node: NodeCode;
  clock: Clock;
  operations: OperationStore;
  payouts: Payouts;
  /** The name of this start of the node. */
  start: () => string;
  /** Whether this start knows all that earlier ones did. */
  isCertain: () => boolean;
  /** @throws DomainError `unknown-number`, `subscriber-terminated`, `subscriber-moved` */
  requireHere(tx: Transaction, msisdn: string): Promise<PayableSubscriber>;
}

/**
 * A payment: taken at the serving branch against clearing with the home branch; credited there against clearing with
 * the serving branch. The two clearing accounts mirror each other.
 */
export function createPaymentOperation(deps: PaymentOperationDeps): OperationKind {
  const { node, clock, operations, payouts } = deps;

  async function move(
    tx: Transaction,
    operation: Operation,
    { kind, debit, credit }: { kind: string; debit: string; credit: string },
  ): Promise<void> {
    // It stands there already: the branch that refused it is asked again, for the number that has come back or another one.
    if (debit === credit) return;
    await post(tx, {
      kind,
      operationId: operation.id,
      businessDate: operation.businessDate,
      recordedAt: now(clock),
      postings: transfer(moneyOf(operation.request), { debit, credit }),
    });
  }

  async function cancellationOf(tx: Transaction, payment: Payment | undefined) {
    const id = payment?.cancelledBy;
    return id === undefined ? undefined : operations.find(tx, id);
  }

  /** Refused: the money waits for a person, unless its cancellation already says whose it is. */
  async function suspend(tx: Transaction, operation: Operation, decision: Decision): Promise<void> {
    const payment = await findPayment(tx, operation.id);
    assert(payment, 'a payment that is concluded was taken here');
    const clearing = accounts.clearing(operation.home);
    const cancellation = await cancellationOf(tx, payment);
    if (cancellation?.decision?.outcome === 'executed') {
      await moveDisposition(tx, operation.id, { from: 'taken', to: 'paid-back' });
      const record = await operations.find(tx, operation.id);
      const details = record?.details ?? {};
      await payouts.record(tx, payment, {
        from: clearing,
        trace: { operation, details, decision },
        cancellation: traceOf(cancellation),
      });
      return;
    }
    // Redirected already, and only then heard again that it was refused.
    if (!(await moveDisposition(tx, operation.id, { from: 'taken', to: 'suspended' }))) return;
    await move(tx, operation, {
      kind: 'payment.suspended',
      debit: clearing,
      credit: accounts.suspense,
    });
  }

  return {
    kind: 'payment',
    request: paymentRequest,
    acceptedWhileRecovering: true,

    async accept(tx, operation, replayed) {
      const request = paymentRequest.parse(operation.request);
      const receipt = await nextReceipt(tx, operation, replayed?.receipt);
      const tender = await tenderOf(tx, request);
      await insertPayment(tx, {
        operationId: operation.id,
        tender,
        money: moneyOf(operation.request),
        receipt,
        disposition: 'taken',
        ...(request.source === undefined ? {} : { source: request.source }),
      });
      const isReplay = replayed !== undefined;
      const debit =
        request.source === undefined
          ? accounts.tender(tender)
          : await takeFromSuspense(tx, request.source, { isReplay });
      const credit = accounts.clearing(operation.home);
      await move(tx, operation, { kind: 'payment.accepted', debit, credit });
      return { receipt };
    },

    async decide(tx, operation) {
      const subscriber = await deps.requireHere(tx, operation.msisdn);
      assertSameCurrency(moneyOf(operation.request), subscriber.currency);
      return { account: subscriber.billingAccountId };
    },

    async apply(tx, operation, result) {
      const { account } = paymentResult.parse(result);
      await move(tx, operation, {
        kind: 'payment.credited',
        debit: accounts.clearing(operation.serving),
        credit: accounts.subscriber(account),
      });
    },

    async conclude(tx, operation, decision) {
      if (decision.outcome === 'refused') return suspend(tx, operation, decision);
      const cancellation = await cancellationOf(tx, await findPayment(tx, operation.id));
      // Who was asked to take it back never had it: it is to be cancelled where it is.
      if (isVain(cancellation?.decision)) await setCancelledBy(tx, operation.id, null);
    },

    /**
     * Whom its cancellation asked does not have it; nobody else is to credit what is to be paid back. But an earlier start
     * may have sent it after its number before it was cancelled, or have paid it back: nothing is done before that is known.
     */
    async mayFollow(tx, operation) {
      const payment = await findPayment(tx, operation.id);
      if (payment?.disposition !== 'taken') return false;
      if (payment.cancelledBy === undefined) return true;
      return deps.isCertain() ? false : 'unknown';
    },

    toAskAgain: cancelledUndecided,

    async redirect(tx, operation, to) {
      await move(tx, operation, {
        kind: 'payment.redirected',
        debit: accounts.clearing(operation.home),
        credit: accounts.clearing(to),
      });
    },
  };

  /** What came over the counter, and goes back there: of money out of suspense, what it was first paid in. */
  async function tenderOf(tx: Transaction, { source, tender }: PaymentRequest): Promise<string> {
    const first = source === undefined ? undefined : await findPayment(tx, source);
    return first?.tender ?? tender.kind;
  }

  /** @returns the account that the money stands on. */
  async function takeFromSuspense(
    tx: Transaction,
    source: string,
    { isReplay }: { isReplay: boolean },
  ): Promise<string> {
    const to = 'redirected';
    if (await moveDisposition(tx, source, { from: 'suspended', to })) return accounts.suspense;
    const known = isReplay ? await operations.find(tx, source) : undefined;
    // It was refused, or nobody would have redirected it. That this branch had heard so is lost: it hears it again.
    if (known && (await moveDisposition(tx, source, { from: 'taken', to })))
      return accounts.clearing(known.home);
    // It was to be paid back once that was forgotten, and nobody has been told to pay.
    if (known && (await payouts.withdraw(tx, source))) {
      for (const from of ['refunded', 'paid-back'] as const) {
        await moveDisposition(tx, source, { from, to });
      }
      return accounts.payout;
    }
    throw new DomainError('operation-conflict', 'The money of that payment is not in suspense.');
  }

  async function nextReceipt(
    tx: Transaction,
    { businessDate }: Operation,
    replayed: unknown,
  ): Promise<string> {
    if (typeof replayed === 'string') {
      await passReceiptSerial(tx, businessDate, receiptSerial(replayed));
      return replayed;
    }
    const serial = await takeReceiptSerial(tx, businessDate);
    return receiptNumber(node, { businessDate, serial, start: deps.start() });
  }
}
