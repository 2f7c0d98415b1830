import type { Principal } from '../../shared/access/operator.ts';
import type { Federation } from '../../shared/federation/federation.ts';
import { isHeldByPeer } from '../../shared/federation/log-store.ts';
import type { Msisdn, NodeCode } from '../../shared/ids/ids.ts';
import { formatAmount, formatMoney, type Money } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference, Tender } from '../../shared/reference/reference.ts';
import type { ReleasePolicy } from '../../shared/reference/release-policy.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { entryKindOf } from '../../shared/wire/operation-kinds.ts';
import { type OperationRecord, traceOf } from '../operations/operation.ts';
import type { Operations } from '../operations/operation-service.ts';
import {
  type Payment,
  type Payout,
  paymentRequest,
  type ReceiptKind,
  takenDetails,
} from './payment.ts';
import { findPayment, findPayout, reinstatersOf } from './payment-store.ts';
import type { Payouts } from './payout-service.ts';

/** A payment with everything that is known of it at the branch that took it. */
export interface PaymentFile {
  readonly record: OperationRecord;
  readonly payment: Payment;
  readonly receiptKind: ReceiptKind;
  readonly payout?: Payout;
  /** Who has not told this start of the node what it holds: until then no cash leaves. */
  readonly awaits: readonly NodeCode[];
  /** Who has said that a payout which is presumed paid never left the desk. */
  readonly reinstatedBy: readonly string[];
  /** The last cancellation that took nothing back, refused or in vain, while no other is under way. */
  readonly refusedCancellation?: OperationRecord;
}

export interface PaymentServiceDeps {
  node: NodeCode;
  federation: Federation;
  operations: Operations;
  payouts: Payouts;
  /** @throws DomainError `no-release` */
  reference(): Reference;
  releasePolicy(): ReleasePolicy;
}

/** Who asks, and the key of the request if it has one. */
interface Asked {
  readonly actor: Pick<Principal, 'operatorId' | 'name'>;
  readonly key?: string | undefined;
}

export type Payments = ReturnType<typeof createPayments>;

/** What people do with money at the desk. Every change is an operation or a payout; nothing else moves money. */
export function createPayments(deps: PaymentServiceDeps) {
  const { federation, operations, payouts } = deps;

  /**
   * Checks money and tender against the release in force, before anything is asked or taken.
   * @throws DomainError `unknown-tender`, `wrong-currency`, `amount-out-of-limits`
   */
  function checkTender(kind: string, money: Money): Tender {
    const reference = deps.reference();
    const tender = reference.tender(kind);
    if (!tender) throw fieldError('unknown-tender', 'tender.kind', 'is not accepted here');
    const { currency } = tender.minAmount;
    if (money.currency !== currency) {
      throw fieldError('wrong-currency', 'money.currency', `must be ${currency}`);
    }
    // A release may name zero; nothing is no payment.
    const least = tender.minAmount.amount > 0n ? tender.minAmount : { amount: 1n, currency };
    if (money.amount < least.amount || money.amount > tender.maxAmount.amount) {
      const from = amountText(least);
      const to = amountText(tender.maxAmount);
      throw fieldError('amount-out-of-limits', 'money.amount', `must be from ${from} to ${to}`);
    }
    return tender;
  }

  /** What is taken for another branch is limited by how sure this one is of it, and of its release. */
  function checkElsewhere({ unverifiedMax }: Tender, money: Money, isVerified: boolean): void {
    const { capsElsewhere, verifiesElsewhere } = deps.releasePolicy();
    if (verifiesElsewhere && !isVerified) {
      throw new DomainError(
        'release-too-old',
        'Head office has not confirmed the directory for over 7 days, and the home branch does not say that it knows the number.',
      );
    }
    if ((isVerified && !capsElsewhere) || money.amount <= unverifiedMax.amount) return;
    const max = amountText(unverifiedMax);
    throw isVerified
      ? new DomainError('release-too-old', stateSentences.say('oldMax', { max }))
      : new DomainError('home-unreachable', stateSentences.say('awayMax', { max }));
  }

  /**
   * Takes money for a number: durable here, and its way to the home branch has begun.
   * @throws DomainError `home-unreachable`, `release-too-old` for too much, or too unsure
   */
  async function take(
    tx: Transaction,
    draft: Asked & {
      msisdn: Msisdn;
      money: Money;
      tender: { kind: string; reference?: string };
      /** The home branch has just said that it serves the number. */
      isVerified: boolean;
    },
  ): Promise<PaymentFile> {
    const { money, isVerified, key } = draft;
    const tender = checkTender(draft.tender.kind, money);
    const record = await operations.accept(tx, {
      kind: 'payment',
      msisdn: draft.msisdn,
      actor: { id: draft.actor.operatorId, name: draft.actor.name },
      request: { money: { ...formatMoney(money) }, tender: { ...draft.tender } },
      key,
    });
    if (record.home !== deps.node) checkElsewhere(tender, money, isVerified);
    return takenFile(record, { money, tender: draft.tender.kind });
  }

  /** Asks the home branch to take a payment back; the money leaves the desk after its answer. */
  async function cancel(
    tx: Transaction,
    { paymentId, reason, actor, key }: Asked & { paymentId: string; reason: string },
  ): Promise<OperationRecord> {
    const { record, payment } = await open(tx, paymentId);
    if (payment.cancelledBy !== undefined) throw new DomainError('already-cancelled');
    await federation.assertMayOwe(tx);
    return operations.accept(tx, {
      kind: 'payment-cancellation',
      msisdn: record.msisdn,
      home: record.home,
      actor: { id: actor.operatorId, name: actor.name },
      request: { payment: paymentId, money: { ...formatMoney(payment.money) }, reason },
      key,
    });
  }

  /** Pays a suspended payment back to the customer. */
  async function refund(tx: Transaction, paymentId: string): Promise<PaymentFile> {
    await federation.assertMayOwe(tx);
    await federation.assertCertain(tx);
    const { record, payment } = await open(tx, paymentId);
    if (!(await payouts.refund(tx, payment, traceOf(record)))) throw notInSuspense();
    return fileOf(tx, record);
  }

  /**
   * Sends a suspended payment's money to the number that was meant.
   * @throws DomainError `already-cancelled` while the customer is to have it back.
   */
  async function redirect(
    tx: Transaction,
    { paymentId, msisdn, actor, key }: Asked & { paymentId: string; msisdn: Msisdn },
  ): Promise<PaymentFile> {
    await federation.assertCertain(tx);
    const { record: first, payment } = await open(tx, paymentId);
    if (payment.disposition !== 'suspended') throw notInSuspense();
    if (payment.cancelledBy !== undefined) {
      throw new DomainError(
        'already-cancelled',
        'The payment is being cancelled: its money goes back to the customer, and to no other number.',
      );
    }
    const { reference } = paymentRequest.parse(first.request).tender;
    const record = await operations.accept(tx, {
      kind: 'payment',
      msisdn,
      actor: { id: actor.operatorId, name: actor.name },
      request: {
        money: { ...formatMoney(payment.money) },
        // The cash, or the card and its slip, that it came in by: that is what goes back if it is to.
        tender: { kind: payment.tender, ...(reference === undefined ? {} : { reference }) },
        source: paymentId,
      },
      key,
    });
    return fileOf(tx, record);
  }

  /**
   * One of the two people who have counted the cash: a payout that is presumed paid never left the desk.
   * @throws DomainError `operation-conflict`, `same-person`, `recovering`, `past-uncertain`, `forked`
   */
  async function reinstate(
    tx: Transaction,
    { paymentId, ...said }: { paymentId: string; operator: string; reason: string },
  ): Promise<PaymentFile> {
    const { record } = await open(tx, paymentId);
    await payouts.reinstate(tx, paymentId, said);
    return fileOf(tx, record);
  }

  async function open(tx: Reader, id: string): Promise<PaymentFile> {
    const record = await operations.store.find(tx, id);
    if (record?.kind !== 'payment') throw new DomainError('operation-not-found');
    return fileOf(tx, record);
  }

  async function fileOf(tx: Reader, record: OperationRecord): Promise<PaymentFile> {
    const payment = await findPayment(tx, record.id);
    if (!payment) throw new DomainError('operation-not-found');
    const payout = await findPayout(tx, record.id);
    const receiptKind = await receiptKindOf(tx, record);
    const isWaiting = payout?.state === 'held' && !federation.isCertain();
    const awaits = isWaiting ? (await federation.recovery.unanswered(tx)).sort() : [];
    const isPresumed = payout?.state === 'presumed-paid';
    const reinstatedBy = isPresumed ? await reinstatersOf(tx, record.id) : [];
    const refused = await refusedCancellation(tx, record, payment);
    return {
      ...{ record, payment, receiptKind, awaits, reinstatedBy },
      ...(payout ? { payout } : {}),
      ...(refused ? { refusedCancellation: refused } : {}),
    };
  }

  async function refusedCancellation(
    tx: Reader,
    { id, msisdn }: OperationRecord,
    { disposition, cancelledBy }: Payment,
  ): Promise<OperationRecord | undefined> {
    if (disposition !== 'taken' || cancelledBy !== undefined) return undefined;
    const kind = 'payment-cancellation';
    return operations.store.lastAnswered(tx, { kind, msisdn, field: 'payment', names: id });
  }

  async function receiptKindOf(tx: Reader, record: OperationRecord): Promise<ReceiptKind> {
    if (record.decision?.outcome === 'executed') return 'credited';
    const kind = entryKindOf('payment', 'accepted');
    return (await isHeldByPeer(tx, { operationId: record.id, kind })) ? 'accepted' : 'provisional';
  }

  return { checkTender, take, cancel, refund, redirect, reinstate, open, fileOf };
}

/** Of a payment that was accepted right now: nobody else holds it, and nothing has become of its money. */
function takenFile(
  record: OperationRecord,
  { money, tender }: Pick<Payment, 'money' | 'tender'>,
): PaymentFile {
  const { receipt } = takenDetails.parse(record.details);
  const operationId = record.id;
  return {
    record,
    payment: { operationId, tender, money, receipt, disposition: 'taken' },
    receiptKind: record.decision ? 'credited' : 'provisional',
    awaits: [],
    reinstatedBy: [],
  };
}

const amountText = ({ amount, currency }: Money) => `${formatAmount(amount, currency)} ${currency}`;

function notInSuspense(): DomainError {
  return new DomainError('operation-conflict', 'The money of that payment is not in suspense.');
}

function fieldError(
  code: 'unknown-tender' | 'wrong-currency' | 'amount-out-of-limits',
  field: string,
  message: string,
): DomainError {
  return new DomainError(code, `${field} ${message}.`, { errors: [{ field, message }] });
}
