import { accounts, transfer } from '../../shared/ledger/ledger.ts';
import { balanceOf, post } from '../../shared/ledger/ledger-store.ts';
import { parseMoney } from '../../shared/money/money.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import {
  type Decision,
  type Operation,
  type OperationKind,
  traceOf,
} from '../operations/operation.ts';
import type { Decided, OperationStore } from '../operations/operation-store.ts';
import {
  cancellationRequest,
  cancellationResult,
  type Disposition,
  moneyOf,
  paymentResult,
} from './payment.ts';
import { findPayment, moveDisposition, setCancelledBy } from './payment-store.ts';
import type { Payouts } from './payout-service.ts';

/** Why a payment is not cancelled any more, by where its money is. */
const notToBeTakenBack: Record<Exclude<Disposition, 'taken'>, string> = {
  suspended:
    'The home branch refused this payment: its money stands in suspense, to be refunded or redirected there.',
  redirected: 'The home branch refused this payment, and its money was sent to another number.',
  refunded: 'The home branch refused this payment, and its money goes back.',
  'paid-back': 'This payment was cancelled, and its money goes back.',
};

/**
 * The cancellation of a payment (wrong number, wrong sum): an operation of its own. The home branch takes the money
 * back from the subscriber if it is still there; only after its answer does the serving branch pay it back.
 */
export function createCancellationOperation(deps: {
  clock: Clock;
  operations: OperationStore;
  payouts: Payouts;
}): OperationKind {
  const { clock, operations, payouts } = deps;

  /** All of a payment, by the branch that took it. */
  function assertOwnPayment(decided: Decided, operation: Operation): void {
    const { operation: payment, decision } = decided;
    if (payment.kind !== 'payment' || payment.serving !== operation.serving) {
      throw new DomainError('peer-refused', 'Only the branch that took a payment cancels it.');
    }
    if (decision.outcome === 'refused') return;
    const { amount, currency } = moneyOf(payment.request);
    const asked = parseMoney(requestOf(operation).money);
    if (asked.amount !== amount || asked.currency !== currency) {
      throw new DomainError('operation-conflict', 'A payment is cancelled as a whole.');
    }
  }

  const requestOf = ({ request }: Operation) => cancellationRequest.parse(request);

  /** The account that the payment was credited to, whoever holds the number now; none if it was not credited. */
  async function creditedAccount(tx: Reader, paymentId: string): Promise<string | undefined> {
    const decided = await operations.lastDecision(tx, paymentId);
    if (decided?.decision.outcome !== 'executed') return undefined;
    return accounts.subscriber(paymentResult.parse(decided.decision.result).account);
  }

  return {
    kind: 'payment-cancellation',
    request: cancellationRequest,
    acceptedWhileRecovering: false,

    async accept(tx, operation, replayed) {
      const { payment: id } = requestOf(operation);
      const payment = await findPayment(tx, id);
      if (!payment) throw new DomainError('operation-not-found');
      if (replayed) {
        // It was accepted, whatever was accepted after it was forgotten: one of the two is refused at home.
        await setCancelledBy(tx, id, operation.id);
        return {};
      }
      if (payment.cancelledBy) throw new DomainError('already-cancelled');
      const { disposition } = payment;
      if (disposition !== 'taken') {
        throw new DomainError('operation-conflict', notToBeTakenBack[disposition]);
      }
      await setCancelledBy(tx, id, operation.id);
      return {};
    },

    async decide(tx, operation) {
      const { payment: id, money } = requestOf(operation);
      const { amount, currency } = parseMoney(money);
      const decided = await operations.lastDecision(tx, id);
      if (decided) assertOwnPayment(decided, operation);
      // Another cancellation would take the same money from the subscriber again.
      if (await operations.hasTombstone(tx, { id, serving: operation.serving })) {
        throw new DomainError('already-cancelled');
      }
      const account = await creditedAccount(tx, id);
      if (account === undefined) return { reversed: false };
      // What the operator owes the subscriber is a credit: a negative balance.
      const owed = -(await balanceOf(tx, account, currency));
      if (owed < amount)
        throw new DomainError('insufficient-balance', 'The money was used already.');
      return { reversed: true, money };
    },

    async apply(tx, operation, result) {
      const { payment: id, money } = requestOf(operation);
      const account = await creditedAccount(tx, id);
      const of = { id, serving: operation.serving };
      // Decided once more while the first decision was forgotten: the money is taken from the subscriber once.
      const isTakenBack = await operations.hasTombstone(tx, of);
      await operations.insertTombstone(tx, of, operation.id);
      if (isTakenBack || !cancellationResult.parse(result).reversed || account === undefined)
        return;
      await post(tx, {
        kind: 'payment.reversed',
        operationId: operation.id,
        businessDate: operation.businessDate,
        recordedAt: now(clock),
        postings: transfer(parseMoney(money), {
          debit: account,
          credit: accounts.clearing(operation.serving),
        }),
      });
    },

    async conclude(tx, operation, decision) {
      const { payment: id } = requestOf(operation);
      if (decision.outcome === 'refused') return free(tx, operation);
      const { reversed } = cancellationResult.parse(decision.result);
      const from = reversed ? 'taken' : 'suspended';
      if (!(await moveDisposition(tx, id, { from, to: 'paid-back' }))) {
        // Not reversed and not yet in suspense: the payment's refusal is still to come, and pays it back then.
        const paid = await operations.find(tx, id);
        // Or who was asked never had it: it is to be cancelled where it is.
        if (!reversed && paid?.decision?.outcome === 'executed') await free(tx, operation);
        return;
      }
      await payBack(tx, operation, {
        decision,
        from: reversed ? accounts.clearing(operation.home) : accounts.suspense,
      });
    },
  };

  /** The payment may be cancelled again. Another cancellation of it may have been accepted before a set-back. */
  async function free(tx: Transaction, operation: Operation): Promise<void> {
    const { payment: id } = requestOf(operation);
    const payment = await findPayment(tx, id);
    if (payment?.cancelledBy === operation.id) await setCancelledBy(tx, id, null);
  }

  async function payBack(
    tx: Transaction,
    operation: Operation,
    { decision, from }: { decision: Decision; from: string },
  ): Promise<void> {
    const { payment: id } = requestOf(operation);
    const payment = await findPayment(tx, id);
    const record = await operations.find(tx, id);
    const own = await operations.find(tx, operation.id);
    assert(payment && record, 'a payment that is cancelled was taken here');
    await payouts.record(tx, payment, {
      from,
      trace: traceOf(record),
      cancellation: { operation, details: own?.details ?? {}, decision },
    });
  }
}
