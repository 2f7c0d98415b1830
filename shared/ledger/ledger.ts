import type { NodeCode } from '../ids/ids.ts';
import { assert } from '../problem/problem.ts';
import type { BusinessDate, Instant } from '../time/clock.ts';

/** One line of a journal entry: minor units, a debit positive, a credit negative. */
export interface Posting {
  readonly account: string;
  readonly currency: string;
  readonly amount: bigint;
}

export interface JournalEntry {
  /** What happened, e.g. `payment.accepted`. */
  readonly kind: string;
  /** The operation, settlement or case it belongs to. */
  readonly operationId: string;
  readonly businessDate: BusinessDate;
  readonly recordedAt: Instant;
  readonly postings: readonly Posting[];
}

export interface AccountBalance {
  readonly account: string;
  readonly currency: string;
  readonly balance: bigint;
}

/** The chart of accounts: every account code of a node is made here. */
export const accounts = {
  /** What a cash desk or card terminal holds. */
  tender: (kind: string) => `tender:${kind}`,
  /** What this node and a peer owe each other; mirrors the peer's account with this node. */
  clearing: (peer: NodeCode) => `clearing:${peer}`,
  /** What the operator owes a customer: his prepaid balance with the sign turned. */
  subscriber: (billingAccountId: string) => `${subscriberPrefix}${billingAccountId}`,
  /** Money taken for a payment that its home branch refused. */
  suspense: 'suspense',
  /** Money that is to be paid back over the desk and has not left it. */
  payout: 'payout',
  /** Fees charged to subscribers. */
  revenue: 'revenue',
  /** Commissions and fees between branches. */
  commissionEarned: 'commission:earned',
  commissionPaid: 'commission:paid',
  /** What HQ has settled with the others for this node. */
  settlement: 'settlement',
  /** At HQ: how far a branch's net position is settled; a debit is what the branch owes the others. */
  position: (stage: 'recorded' | 'reserved' | 'committed' | 'settled', branch: NodeCode) =>
    `position:${stage}:${branch}`,
} as const;

export const subscriberPrefix = 'subscriber:';

/** Accounts that may never stand in debit: the operator cannot be owed what it owes. */
export function ceilingOf(account: string): bigint | null {
  const isLiability =
    account.startsWith(subscriberPrefix) ||
    account === accounts.suspense ||
    account === accounts.payout;
  return isLiability ? 0n : null;
}

/** Asserts what double entry means: at least two postings, none zero, each currency summing to zero. */
export function assertBalanced(postings: readonly Posting[]): void {
  assert(postings.length >= 2, 'a journal entry has at least two postings');
  const sums = new Map<string, bigint>();
  for (const { amount, currency } of postings) {
    assert(amount !== 0n, 'no posting is zero');
    sums.set(currency, (sums.get(currency) ?? 0n) + amount);
  }
  for (const sum of sums.values()) assert(sum === 0n, 'a journal entry sums to zero per currency');
}

/** Moves `amount` from one account to another: the second is credited. */
export function transfer(
  money: { readonly amount: bigint; readonly currency: string },
  { debit, credit }: { readonly debit: string; readonly credit: string },
): Posting[] {
  const { amount, currency } = money;
  return [
    { account: debit, currency, amount },
    { account: credit, currency, amount: -amount },
  ];
}
