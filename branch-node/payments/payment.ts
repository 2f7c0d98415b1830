import { z } from 'zod';
import { type Money, parseMoney } from '../../shared/money/money.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { JsonObject, WireDecision } from '../../shared/wire/peer-messages.ts';

/** What becomes of the money of a payment at the branch that took it. */
export const dispositions = ['taken', 'suspended', 'refunded', 'redirected', 'paid-back'] as const;
export type Disposition = (typeof dispositions)[number];

/** How sure a receipt may be: durable here; held by another node too; decided by the home branch. */
export const receiptKinds = ['provisional', 'accepted', 'credited'] as const;
export type ReceiptKind = (typeof receiptKinds)[number];

export interface Payment {
  readonly operationId: string;
  readonly tender: string;
  readonly money: Money;
  readonly receipt: string;
  readonly disposition: Disposition;
  readonly cancelledBy?: string;
  readonly source?: string;
}

/**
 * What becomes of money that is to leave the desk. Only `released` lets cash go. `presumed-paid`: this node forgot it with
 * a set-back and a peer gave it back, so the cash may have gone. `withdrawn`: its money had gone on another way.
 */
export const payoutStates = ['held', 'released', 'presumed-paid', 'withdrawn'] as const;
export type PayoutState = (typeof payoutStates)[number];

export interface Payout {
  readonly paymentId: string;
  readonly reason: 'refund' | 'cancellation';
  readonly tender: string;
  readonly money: Money;
  readonly state: PayoutState;
  readonly recordedAt: string;
  readonly releasedAt?: string;
}

/** Wherever it comes from: a sum below zero would turn the postings round. */
const wireMoney = z
  .strictObject({ amount: z.string(), currency: z.string() })
  .refine(isPositive, { path: ['amount'], message: 'must be more than zero' });

function isPositive(money: { amount: string; currency: string }): boolean {
  try {
    return parseMoney(money).amount > 0n;
  } catch (error) {
    if (isDomainError(error, 'invalid-money')) return false;
    throw error;
  }
}

/** @throws DomainError `wrong-currency` for money that is of another than the account it is for. */
export function assertSameCurrency(money: Money, currency: string): void {
  if (money.currency === currency) return;
  throw new DomainError('wrong-currency', `The subscriber's account is kept in ${currency}.`, {
    errors: [{ field: 'money.currency', message: `must be ${currency}` }],
  });
}

/** A payment as it travels; `source` is the suspended payment whose money it is. */
export const paymentRequest = z.strictObject({
  money: wireMoney,
  tender: z.strictObject({ kind: z.string().max(40), reference: z.string().max(120).optional() }),
  source: z.string().max(64).optional(),
});
export type PaymentRequest = z.output<typeof paymentRequest>;

/** What the home branch decided: the billing account that is credited. */
export const paymentResult = z.object({ account: z.string().max(64) });

/** What acceptance adds to a payment. */
export const takenDetails = z.object({ receipt: z.string() });

export const cancellationRequest = z.strictObject({
  payment: z.string().max(64),
  money: wireMoney,
  reason: z.string().max(200),
});

/** What the home branch answers to a cancellation: whether it took the money back from the subscriber. */
export const cancellationResult = z.object({ reversed: z.boolean() });

/** A cancellation that its home branch executed, and that had nothing to take back. */
export function isVain(decision: WireDecision | undefined): boolean {
  return decision?.outcome === 'executed' && !cancellationResult.parse(decision.result).reversed;
}

export function moneyOf(request: JsonObject): Money {
  return parseMoney(paymentRequest.parse(request).money);
}

/**
 * `MSK-20261122-000042-3f9a1c`. The last part names the node's start: one that was set back counts again from where the
 * backup stood, and its numbers must not be those that customers hold already.
 */
export function receiptNumber(
  node: string,
  of: { businessDate: string; serial: number; start: string },
): string {
  const serial = String(of.serial).padStart(6, '0');
  return `${node}-${of.businessDate.replaceAll('-', '')}-${serial}-${of.start.slice(0, 6)}`;
}

/** The inverse, as far as counting goes on from it. */
export function receiptSerial(receipt: string): number {
  const [, , serial = ''] = receipt.split('-');
  return Number.parseInt(serial, 10);
}
