import { z } from 'zod';
import type { Federation } from '../../shared/federation/federation.ts';
import { isHeldByPeer, isLoggedIn } from '../../shared/federation/log-store.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { accounts, transfer } from '../../shared/ledger/ledger.ts';
import { post, postFacts } from '../../shared/ledger/ledger-store.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import { acceptedBody, type LogEntry, wireDecision } from '../../shared/wire/peer-messages.ts';
import type { OperationTrace } from '../operations/operation.ts';
import type { Operations } from '../operations/operation-service.ts';
import type { Payment, Payout } from './payment.ts';
import {
  dropReinstatements,
  findPayment,
  findPayout,
  heldPayouts,
  insertPayout,
  insertReinstatement,
  moveDisposition,
  movePayout,
  reinstatersOf,
} from './payment-store.ts';

const entryKind = 'payout.recorded';
const releasedKind = 'payout.released';
const heldPerLook = 200;
/** Who release a payout that is presumed paid. */
const peopleNeeded = 2;

const trace = acceptedBody.extend({ decision: wireDecision.optional() });
const payoutBody = z.strictObject({
  payment: trace,
  cancellation: trace.optional(),
  money: z.strictObject({ amount: z.string(), currency: z.string() }),
});

export type Payouts = ReturnType<typeof createPayouts>;

/**
 * Money out. A payout is recorded first, and the cash leaves the desk only after another node holds that fact, in a
 * start that is certain of its past: a node set back to an old state, whether it knows that or not, cannot pay the same
 * money twice. The fact carries the operations that it follows from, so that it alone brings them back.
 */
export function createPayouts(deps: {
  node: NodeCode;
  store: Store;
  clock: Clock;
  federation: Federation;
  operations: Operations;
  businessDate(tx: Reader): Promise<BusinessDate>;
  /** An active peer, reachable if any is: it holds what concerns no other branch. */
  witness(): NodeCode | undefined;
}) {
  const { node, store, clock, federation, operations } = deps;

  /**
   * Moves a payment's money from where it stands to the payout account, and tells it. Once for a payment.
   * @param from the account that the money stands on: suspense, or clearing with the home branch.
   */
  async function record(
    tx: Transaction,
    payment: Payment,
    made: { from: string; trace: OperationTrace; cancellation?: OperationTrace },
  ): Promise<void> {
    const { operationId: paymentId, tender, money } = payment;
    const recordedAt = now(clock);
    const reason = made.cancellation ? 'cancellation' : 'refund';
    const businessDate = await deps.businessDate(tx);
    await insertPayout(tx, { paymentId, reason, tender, money, state: 'held', recordedAt });
    await post(tx, {
      kind: entryKind,
      operationId: paymentId,
      businessDate,
      recordedAt,
      postings: transfer(money, { debit: made.from, credit: accounts.payout }),
    });
    const { home } = made.trace.operation;
    const holder = home === node ? deps.witness() : home;
    const { from: _, trace: paymentTrace, ...rest } = made;
    await federation.log.append(tx, {
      kind: entryKind,
      to: holder === undefined ? [headOffice] : [holder, headOffice],
      operationId: paymentId,
      occurredAt: recordedAt,
      businessDate,
      body: { payment: paymentTrace, ...rest, money: formatMoney(money) },
    });
  }

  /** Pays a suspended payment back. @returns false if its money is not in suspense. */
  async function refund(
    tx: Transaction,
    payment: Payment,
    paymentTrace: OperationTrace,
  ): Promise<boolean> {
    const move = { from: 'suspended', to: 'refunded' } as const;
    if (!(await moveDisposition(tx, payment.operationId, move))) return false;
    await record(tx, payment, { from: accounts.suspense, trace: paymentTrace });
    return true;
  }

  /** The cash counts as gone: because it may go now, or because it may have gone before a set-back. */
  async function payOut(
    tx: Transaction,
    paymentId: string,
    state: 'released' | 'presumed-paid',
  ): Promise<void> {
    const payout = await findPayout(tx, paymentId);
    const move = { from: 'held', to: state, at: now(clock) } as const;
    if (!payout || !(await movePayout(tx, paymentId, move))) return;
    await post(tx, {
      kind: `payout.${state}`,
      operationId: paymentId,
      businessDate: await deps.businessDate(tx),
      recordedAt: now(clock),
      postings: transfer(payout.money, {
        debit: accounts.payout,
        credit: accounts.tender(payout.tender),
      }),
    });
  }

  async function releaseIfSafe(tx: Transaction, paymentId: string): Promise<void> {
    const payout = await findPayout(tx, paymentId);
    if (payout?.state !== 'held' || !(await federation.mayPayOut(tx))) return;
    await payOut(tx, paymentId, 'released');
    await tellReleased(tx, paymentId);
  }

  /** Otherwise a set-back to a moment between the record and the release would leave no trace of this one anywhere. */
  async function tellReleased(tx: Transaction, paymentId: string): Promise<void> {
    const record = await operations.store.find(tx, paymentId);
    const holder = record?.home === node ? deps.witness() : record?.home;
    await federation.log.append(tx, {
      kind: releasedKind,
      to: holder === undefined ? [headOffice] : [holder, headOffice],
      operationId: paymentId,
      occurredAt: now(clock),
      businessDate: await deps.businessDate(tx),
      body: { payment: paymentId },
    });
  }

  /**
   * The money of a payout that nobody has been told to pay went on before a set-back that was not known then.
   * @returns false if no such payout waits.
   */
  async function withdraw(tx: Transaction, paymentId: string): Promise<boolean> {
    return movePayout(tx, paymentId, { from: 'held', to: 'withdrawn', at: now(clock) });
  }

  /**
   * The cash was counted: a payout that is presumed paid never left the desk. Once two people have said so it is released
   * after all, and told; the books have it as paid already.
   * @throws DomainError `operation-conflict` if it is not presumed paid; `same-person`; `recovering`, `past-uncertain`,
   * `forked`
   */
  async function reinstate(
    tx: Transaction,
    paymentId: string,
    { operator, reason }: { operator: string; reason: string },
  ): Promise<void> {
    await federation.assertMayOwe(tx);
    await federation.assertCertain(tx);
    const payout = await findPayout(tx, paymentId);
    if (payout?.state !== 'presumed-paid') {
      throw new DomainError('operation-conflict', 'The payout is not one that is presumed paid.');
    }
    const at = now(clock);
    if (!(await insertReinstatement(tx, { paymentId, operator, reason, at }))) {
      throw new DomainError('same-person');
    }
    if ((await reinstatersOf(tx, paymentId)).length < peopleNeeded) return;
    await movePayout(tx, paymentId, { from: 'presumed-paid', to: 'released', at });
    await tellReleased(tx, paymentId);
  }

  /** Payouts that another node holds, and that a peer's silence, a recovery or a forked stream had kept waiting. */
  async function releaseWaiting(): Promise<void> {
    let after: string | undefined = '';
    while (after !== undefined) {
      const from: string = after;
      after = await store.write((tx) => releaseSome(tx, from));
    }
  }

  /** @returns the last one looked at; undefined when there are no more. */
  async function releaseSome(tx: Transaction, after: string): Promise<string | undefined> {
    const payouts = await heldPayouts(tx, { after, limit: heldPerLook });
    for (const { paymentId } of payouts) {
      const isHeld = await isHeldByPeer(tx, { operationId: paymentId, kind: entryKind });
      if (isHeld) await releaseIfSafe(tx, paymentId);
    }
    return payouts.length < heldPerLook ? undefined : payouts.at(-1)?.paymentId;
  }

  /** After a set-back: a payout that another node remembers may have left the desk. It counts as paid, no desk pays it. */
  async function replay(tx: Transaction, entry: LogEntry): Promise<void> {
    const body = payoutBody.parse(entry.body);
    const { id } = body.payment.operation;
    postFacts(tx);
    const { businessDate } = entry;
    await operations.restore(tx, body.payment, businessDate);
    if (body.cancellation) await operations.restore(tx, body.cancellation, businessDate);
    const payment = await findPayment(tx, id);
    if (payment && !body.cancellation) await refund(tx, payment, body.payment);
    await payOut(tx, id, 'presumed-paid');
  }

  /**
   * What an earlier start recorded and nobody released, as far as this store knows: the set-back may have forgotten that
   * it did, and that it told nobody. What people had found in the cash may have been paid out since.
   */
  async function presumePaid(tx: Transaction): Promise<void> {
    await dropReinstatements(tx);
    const current = federation.log.epoch();
    let after = '';
    for (;;) {
      const payouts = await heldPayouts(tx, { after, limit: heldPerLook });
      for (const { paymentId } of payouts) {
        const isOwn = await isLoggedIn(tx, {
          operationId: paymentId,
          kind: entryKind,
          epoch: current,
        });
        if (!isOwn) await payOut(tx, paymentId, 'presumed-paid');
      }
      const last = payouts.at(-1);
      if (payouts.length < heldPerLook || !last) return;
      after = last.paymentId;
    }
  }

  federation.onHeld(entryKind, releaseIfSafe);
  federation.onReplay(entryKind, replay);
  federation.onReplay(releasedKind, (tx, { operationId = '' }) =>
    payOut(tx, operationId, 'presumed-paid'),
  );
  federation.onRecoveryEnd(presumePaid);
  // Whoever receives them keeps them in its inbox: that is all they are sent for.
  for (const kind of [entryKind, releasedKind]) federation.onEntry(kind, async () => {});
  federation.onCertain(releaseWaiting);

  return {
    record,
    refund,
    withdraw,
    reinstate,
    releaseWaiting,
    find: (tx: Reader, paymentId: string): Promise<Payout | undefined> => findPayout(tx, paymentId),
  };
}
