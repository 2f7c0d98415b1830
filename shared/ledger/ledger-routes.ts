import { z } from '@hono/zod-openapi';
import { formatAmount } from '../money/money.ts';
import type { Store } from '../store/store.ts';
import type { Api } from '../web/api.ts';
import type { AccountBalance } from './ledger.ts';
import { trialBalance } from './ledger-store.ts';

const sums = { currency: z.string(), debit: z.string(), credit: z.string() };

const trialBalanceShape = z
  .strictObject({
    items: z.array(
      z.strictObject({
        account: z.string(),
        ...sums,
        balance: z.string().openapi({ description: 'Debit less credit' }),
      }),
    ),
    totals: z.array(z.strictObject(sums)),
    balanced: z.boolean(),
  })
  .openapi('TrialBalance');

/** The node's book in one page: every account, the subscribers' as one line, and whether it balances. */
export function ledgerRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { store }: { store: Store },
): void {
  endpoint(
    {
      method: 'GET',
      path: '/api/v1/trial-balance',
      permission: 'ledger.read',
      operationId: 'getTrialBalance',
      tag: 'Ledger',
      summary: 'The trial balance: debits and credits of every account',
      response: trialBalanceShape,
    },
    async () => trialBalanceView(await store.read(trialBalance)),
  );
}

function trialBalanceView(balances: readonly AccountBalance[]): z.input<typeof trialBalanceShape> {
  const currencies = [...new Set(balances.map(({ currency }) => currency))].sort();
  const totals = currencies.map((currency) => ({
    currency,
    rows: balances.filter((row) => row.currency === currency),
  }));
  return {
    items: balances.map(({ account, currency, balance }) => ({
      ...{ account, currency },
      ...sides([balance], currency),
      balance: formatAmount(balance, currency),
    })),
    totals: totals.map(({ currency, rows }) => ({
      currency,
      ...sides(
        rows.map(({ balance }) => balance),
        currency,
      ),
    })),
    balanced: totals.every(({ rows }) => total(rows.map(({ balance }) => balance)) === 0n),
  };
}

function sides(balances: readonly bigint[], currency: string) {
  const debit = total(balances.filter((balance) => balance > 0n));
  const credit = -total(balances.filter((balance) => balance < 0n));
  return { debit: formatAmount(debit, currency), credit: formatAmount(credit, currency) };
}

function total(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}
