import { z } from 'zod';
import type { NodeCode } from '../ids/ids.ts';
import { type Money, parseMoney, shareOf } from '../money/money.ts';
import { assert, DomainError } from '../problem/problem.ts';
import type { Reference } from '../reference/reference.ts';
import type { BusinessDate } from '../time/clock.ts';
import { type OperationKindName, operationKinds } from '../wire/operation-kinds.ts';

/** What one branch owes another from one matched operation: minor units, none negative. */
export interface Obligation {
  readonly debtor: NodeCode;
  readonly creditor: NodeCode;
  readonly currency: string;
  /** Stands on the two branches' clearing accounts. */
  readonly gross: bigint;
  /** What the debtor keeps of it. */
  readonly commission: bigint;
  /** Owed beyond it, for services. */
  readonly fee: bigint;
  /** gross − commission + fee. */
  readonly net: bigint;
}

const wireMoney = z.object({ amount: z.string(), currency: z.string() });
const pricedBody = z.object({
  operation: z.object({
    request: z.object({
      tender: z.object({ kind: z.string() }).optional().catch(undefined),
      payment: z.string().optional().catch(undefined),
    }),
  }),
  decision: z
    .object({
      result: z.object({
        reversed: z.boolean().optional().catch(undefined),
        money: wireMoney.optional().catch(undefined),
      }),
    })
    .optional()
    .catch(undefined),
});

/** What a price depends on beside the leg itself. */
export interface PriceFacts {
  readonly tender?: string | undefined;
  /** The payment that a cancellation is about. */
  readonly payment?: string | undefined;
  readonly reversed?: boolean | undefined;
  /** What the home branch says was moved. */
  readonly moved?: { readonly amount: string; readonly currency: string } | undefined;
}

/** The facts in the body of an execution's log entry. @throws DomainError `invalid-money`. */
export function priceFactsOf(body: unknown): PriceFacts {
  const { operation, decision } = pricedBody.parse(body);
  const { tender, payment } = operation.request;
  const { reversed, money } = decision?.result ?? {};
  if (money) parseMoney(money);
  return { tender: tender?.kind, payment, reversed, moved: money };
}

export interface MatchedOperation {
  readonly operationId: string;
  readonly attempt: number;
  readonly kind: OperationKindName;
  readonly serving: NodeCode;
  readonly home: NodeCode;
  readonly businessDate: BusinessDate;
  readonly money?: Money | undefined;
  readonly facts: PriceFacts;
}

export type Terms = Pick<Reference, 'tariff' | 'commissionBasisPoints'>;

/**
 * What a matched, executed operation of two branches makes one owe the other by the terms of its business date;
 * nothing if that is no money. `reversedPayment` is the obligation that a cancellation takes back.
 */
export function obligationOf(
  operation: MatchedOperation,
  terms: Terms,
  reversedPayment?: Pick<Obligation, 'gross' | 'commission'>,
): Obligation | undefined {
  const { serving, home, facts } = operation;
  assert(serving !== home, 'a branch owes itself nothing');
  const servingOwes = { debtor: serving, creditor: home };
  const homeOwes = { debtor: home, creditor: serving };
  switch (operationKinds[operation.kind].owes) {
    case 'sum-less-commission':
      return sumOwed(servingOwes, operation.money, commissionOn(operation, terms));
    case 'reversed-sum': {
      if (!facts.reversed || !facts.moved) return undefined;
      const money = parseMoney(facts.moved);
      const commission =
        reversedPayment?.gross === money.amount
          ? reversedPayment.commission
          : commissionOn({ ...operation, money }, terms);
      return sumOwed(homeOwes, money, commission);
    }
    case 'moved-balance':
      return sumOwed(homeOwes, facts.moved && parseMoney(facts.moved), 0n);
    case 'card-and-service':
      return feesOwed(homeOwes, addedFees, operation, terms);
    case 'service':
      return feesOwed(homeOwes, ['cross-branch-service'], operation, terms);
  }
}

/** What one operation makes a home branch owe is one sum: these have one currency on any day. */
export const addedFees: readonly string[] = ['sim-card', 'cross-branch-service'];

/** A tariff says what is owed for it: today's may say nothing. */
export function isPriced(kind: OperationKindName): boolean {
  const { owes } = operationKinds[kind];
  return owes === 'service' || owes === 'card-and-service';
}

interface Sides {
  readonly debtor: NodeCode;
  readonly creditor: NodeCode;
}

function sumOwed(
  sides: Sides,
  money: Money | undefined,
  commission: bigint,
): Obligation | undefined {
  if (!money || money.amount <= 0n) return undefined;
  const { amount: gross, currency } = money;
  return { ...sides, currency, gross, commission, fee: 0n, net: gross - commission };
}

/** A tender that no commission is agreed for earns none. */
function commissionOn({ money, facts, businessDate }: MatchedOperation, terms: Terms): bigint {
  const rate = terms.commissionBasisPoints(facts.tender ?? '', businessDate) ?? 0n;
  return money ? shareOf(money.amount, rate) : 0n;
}

function feesOwed(
  sides: Sides,
  actions: readonly string[],
  { businessDate }: MatchedOperation,
  terms: Terms,
): Obligation | undefined {
  const prices = actions.flatMap((action) => {
    const tariff = terms.tariff(action, businessDate);
    return tariff?.payer === 'home-branch' ? tariff.price : [];
  });
  const fee = prices.reduce((sum, price) => sum + price.amount, 0n);
  const currency = prices[0]?.currency;
  if (currency === undefined || fee === 0n) return undefined;
  // Of a release from before this was checked: the entry is set aside, the stream goes on.
  if (prices.some((price) => price.currency !== currency)) {
    throw new DomainError('invalid-money', 'The fees of one operation are in two currencies.');
  }
  return { ...sides, currency, gross: 0n, commission: 0n, fee, net: fee };
}
