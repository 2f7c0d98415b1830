import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Disposition, Payment, Payout, PayoutState } from './payment.ts';

/** All SQL of payments, suspense and payouts. */

interface PaymentRow {
  operationId: string;
  tender: string;
  currency: string;
  amount: bigint;
  receipt: string;
  disposition: Disposition;
  cancelledBy: string | null;
  source: string | null;
}

const paymentColumns = `operation_id AS operationId, tender, currency, amount, receipt, disposition,
  cancelled_by AS cancelledBy, source`;

function paymentOf(row: PaymentRow): Payment {
  return {
    operationId: row.operationId,
    tender: row.tender,
    money: { amount: row.amount, currency: row.currency },
    receipt: row.receipt,
    disposition: row.disposition,
    ...(row.cancelledBy ? { cancelledBy: row.cancelledBy } : {}),
    ...(row.source ? { source: row.source } : {}),
  };
}

export async function insertPayment(tx: Transaction, payment: Payment): Promise<void> {
  await tx.run(
    `INSERT INTO payments (operation_id, tender, currency, amount, receipt, source)
     VALUES (?, ?, ?, ?, ?, ?)`,
    payment.operationId,
    payment.tender,
    payment.money.currency,
    payment.money.amount,
    payment.receipt,
    payment.source ?? null,
  );
}

export async function findPayment(tx: Reader, id: string): Promise<Payment | undefined> {
  const row = await tx.get<PaymentRow>(
    `SELECT ${paymentColumns} FROM payments WHERE operation_id = ?`,
    id,
  );
  return row && paymentOf(row);
}

/** A receipt's number, as it stands on paper. */
export async function findReceipt(tx: Reader, number: string): Promise<Payment | undefined> {
  const row = await tx.get<PaymentRow>(
    `SELECT ${paymentColumns} FROM payments WHERE receipt = ?`,
    number,
  );
  return row && paymentOf(row);
}

/** Payments whose money waits for a person, oldest first. */
export async function suspendedPayments(
  tx: Reader,
  { after, limit }: { after: string; limit: number },
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `SELECT operation_id AS id FROM payments
     WHERE disposition = 'suspended' AND operation_id > ? ORDER BY operation_id LIMIT ?`,
    after,
    limit,
  );
  return rows.map(({ id }) => id);
}

/** Moves a payment's money on; answers false if it was not where it is moved from. */
export async function moveDisposition(
  tx: Transaction,
  id: string,
  { from, to }: { from: Disposition; to: Disposition },
): Promise<boolean> {
  const changed = await tx.run(
    'UPDATE payments SET disposition = ? WHERE operation_id = ? AND disposition = ?',
    to,
    id,
    from,
  );
  return changed === 1;
}

export async function setCancelledBy(
  tx: Transaction,
  id: string,
  cancellation: string | null,
): Promise<void> {
  await tx.run('UPDATE payments SET cancelled_by = ? WHERE operation_id = ?', cancellation, id);
}

/** Payments that are being cancelled, and whose own answer is still to come. */
export async function cancelledUndecided(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `SELECT p.operation_id AS id FROM operations o CROSS JOIN payments p ON p.operation_id = o.id
     WHERE o.state = 'accepted' AND p.disposition = 'taken' AND p.cancelled_by IS NOT NULL`,
  );
  return rows.map(({ id }) => id);
}

/** The next number of a business date's receipts. */
export async function takeReceiptSerial(tx: Transaction, businessDate: string): Promise<number> {
  const row = await tx.get<{ last: bigint }>(
    `INSERT INTO receipt_counters (business_date, last) VALUES (?, 1)
     ON CONFLICT (business_date) DO UPDATE SET last = last + 1 RETURNING last`,
    businessDate,
  );
  return Number(row?.last ?? 0n);
}

/** After a set-back: a number that was given out is not given again. */
export async function passReceiptSerial(
  tx: Transaction,
  businessDate: string,
  serial: number,
): Promise<void> {
  await tx.run(
    `INSERT INTO receipt_counters (business_date, last) VALUES (?, ?)
     ON CONFLICT (business_date) DO UPDATE SET last = MAX(last, excluded.last)`,
    businessDate,
    serial,
  );
}

interface PayoutRow {
  paymentId: string;
  reason: Payout['reason'];
  tender: string;
  currency: string;
  amount: bigint;
  state: Payout['state'];
  recordedAt: string;
  releasedAt: string | null;
}

const payoutColumns = `payment_id AS paymentId, reason, tender, currency, amount, state,
  recorded_at AS recordedAt, released_at AS releasedAt`;

function payoutOf(row: PayoutRow): Payout {
  return {
    paymentId: row.paymentId,
    reason: row.reason,
    tender: row.tender,
    money: { amount: row.amount, currency: row.currency },
    state: row.state,
    recordedAt: row.recordedAt,
    ...(row.releasedAt ? { releasedAt: row.releasedAt } : {}),
  };
}

export async function insertPayout(tx: Transaction, payout: Payout): Promise<void> {
  await tx.run(
    `INSERT INTO payouts (payment_id, reason, tender, currency, amount, state, recorded_at)
     VALUES (?, ?, ?, ?, ?, 'held', ?)`,
    payout.paymentId,
    payout.reason,
    payout.tender,
    payout.money.currency,
    payout.money.amount,
    payout.recordedAt,
  );
}

export async function findPayout(tx: Reader, paymentId: string): Promise<Payout | undefined> {
  const row = await tx.get<PayoutRow>(
    `SELECT ${payoutColumns} FROM payouts WHERE payment_id = ?`,
    paymentId,
  );
  return row && payoutOf(row);
}

export async function heldPayouts(
  tx: Reader,
  { after, limit }: { after: string; limit: number },
): Promise<Payout[]> {
  const rows = await tx.all<PayoutRow>(
    `SELECT ${payoutColumns} FROM payouts WHERE state = 'held' AND payment_id > ?
     ORDER BY payment_id LIMIT ?`,
    after,
    limit,
  );
  return rows.map(payoutOf);
}

/** Payments whose payout may have left before a set-back, in the order of their ids. */
export async function presumedPaid(
  tx: Reader,
  { after, limit }: { after: string; limit: number },
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `SELECT payment_id AS id FROM payouts WHERE state = 'presumed-paid' AND payment_id > ?
     ORDER BY payment_id LIMIT ?`,
    after,
    limit,
  );
  return rows.map(({ id }) => id);
}

/** Answers false if it was not in the state that it goes from. */
export async function movePayout(
  tx: Transaction,
  paymentId: string,
  { from, to, at }: { from: PayoutState; to: PayoutState; at: string },
): Promise<boolean> {
  const changed = await tx.run(
    'UPDATE payouts SET state = ?, released_at = ? WHERE payment_id = ? AND state = ?',
    to,
    to === 'released' ? at : null,
    paymentId,
    from,
  );
  return changed === 1;
}

/** Answers false if this person has said so before. */
export async function insertReinstatement(
  tx: Transaction,
  said: { paymentId: string; operator: string; reason: string; at: string },
): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO payout_reinstatements (payment_id, operator, reason, at) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    said.paymentId,
    said.operator,
    said.reason,
    said.at,
  );
  return inserted === 1;
}

/** A count of the cash says nothing of what was paid out since: after a set-back it has to be counted again. */
export async function dropReinstatements(tx: Transaction): Promise<void> {
  await tx.run(
    `DELETE FROM payout_reinstatements WHERE payment_id IN
       (SELECT payment_id FROM payouts WHERE state = 'presumed-paid')`,
  );
}

/** Who has said that a payout never left the desk. */
export async function reinstatersOf(tx: Reader, paymentId: string): Promise<string[]> {
  const rows = await tx.all<{ operator: string }>(
    'SELECT operator FROM payout_reinstatements WHERE payment_id = ? ORDER BY operator',
    paymentId,
  );
  return rows.map(({ operator }) => operator);
}
