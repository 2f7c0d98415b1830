import { z } from 'zod';
import { accounts, transfer } from '../../shared/ledger/ledger.ts';
import { balanceOf, post } from '../../shared/ledger/ledger-store.ts';
import { type Money, parseMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import type { JsonObject } from '../../shared/wire/peer-messages.ts';
import type { Operation } from '../operations/operation.ts';

export interface Payer {
  readonly billingAccountId: string;
  readonly currency: string;
}

/**
 * What a decision says of its fee; called `fee`, as `money` is what branches settle with each
 * other.
 */
const decidedFee = z.looseObject({
  billingAccountId: z.string(),
  fee: z.strictObject({ amount: z.string(), currency: z.string() }),
});

export type Charges = ReturnType<typeof createCharges>;

/** Fees that a subscriber pays out of his balance, which never goes below zero. */
export function createCharges({ clock }: { clock: Clock }) {
  return {
    /** @throws DomainError `insufficient-balance`, `wrong-currency`. */
    async assertCovered(tx: Reader, payer: Payer, fee: Money): Promise<void> {
      if (fee.amount === 0n) return;
      const { billingAccountId, currency } = payer;
      if (fee.currency !== currency) throw new DomainError('wrong-currency');
      const balance = -(await balanceOf(tx, accounts.subscriber(billingAccountId), currency));
      if (balance < fee.amount) throw new DomainError('insufficient-balance');
    },

    /**
     * Takes the fee that was decided: subscriber + / revenue −. Nothing is posted for a fee of
     * nothing.
     */
    async charge(tx: Transaction, operation: Operation, result: JsonObject): Promise<void> {
      const { billingAccountId, fee: wire } = decidedFee.parse(result);
      const fee = parseMoney(wire);
      if (fee.amount === 0n) return;
      await post(tx, {
        kind: `${operation.kind}.executed`,
        operationId: operation.id,
        businessDate: operation.businessDate,
        recordedAt: now(clock),
        postings: transfer(fee, {
          debit: accounts.subscriber(billingAccountId),
          credit: accounts.revenue,
        }),
      });
    },
  };
}
