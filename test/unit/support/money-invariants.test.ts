import { expect } from 'chai';
import type { Disposition } from '../../../branch-node/payments/payment.ts';
import { moveDisposition } from '../../../branch-node/payments/payment-store.ts';
import { accounts, transfer } from '../../../shared/ledger/ledger.ts';
import { post } from '../../../shared/ledger/ledger-store.ts';
import type { Transaction } from '../../../shared/store/store.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { moneyFaults } from '../../support/invariants.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import {
  msk,
  openBranch,
  type SettlingBranch,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

describe('the money invariants', () => {
  let moscow: SettlingBranch;
  let petersburg: SettlingBranch;

  before(async () => {
    const keys = await federationKeys([msk, spb]);
    const options = { network: createNetwork(), keys, branches: [msk, spb] };
    moscow = await openBranch({ ...options, node: msk });
    petersburg = await openBranch({ ...options, node: spb });
    await paid();
    expect(await faults()).to.deep.equal([]);
  });
  after(() => Promise.all([moscow.close(), petersburg.close()]));

  const faults = () =>
    moneyFaults([moscow, petersburg].map((each) => ({ ...each, code: each.node })));

  async function paid(): Promise<string> {
    const { id } = await petersburg.pay('79250000001', '50.00');
    await until(async () => (await petersburg.isConcluded(id)) || undefined);
    return id;
  }

  const move = (tx: Transaction, currency: string, sides: { debit: string; credit: string }) =>
    post(tx, {
      ...{ kind: 'test', operationId: 'test', businessDate: today },
      recordedAt: '2025-06-30T09:00:00.000Z',
      postings: transfer({ amount: 100n, currency }, sides),
    });

  const dispose = (tx: Transaction, id: string, to: Disposition) =>
    moveDisposition(tx, id, { from: 'taken', to });

  const wrongs: Record<string, [(tx: Transaction, id: string) => Promise<unknown>, RegExp]> = {
    'clearing that is no mirror in one currency, and is one in another': [
      async (tx) => {
        const sides = { debit: accounts.clearing(msk), credit: accounts.revenue };
        await move(tx, 'RUB', sides);
        await move(tx, 'KZT', { debit: accounts.clearing(msk), credit: accounts.revenue });
        await move(tx, 'KZT', { debit: accounts.revenue, credit: accounts.clearing(msk) });
      },
      /^clearing MSK\/SPB RUB: \d+ and -\d+ are no mirror$/,
    ],
    'a payment that is credited, and sent to another number': [
      (tx, id) => dispose(tx, id, 'redirected'),
      /executed but redirected$/,
    ],
    'a payment that is sent to another number by no other one': [
      (tx, id) => dispose(tx, id, 'redirected'),
      /is redirected, sent on 0 times$/,
    ],
    'a payment that is paid back without a payout': [
      (tx, id) => dispose(tx, id, 'paid-back'),
      /is paid-back, its payout undefined$/,
    ],
    'a payout of another sum than was paid': [
      async (tx, id) => {
        await dispose(tx, id, 'paid-back');
        await tx.run(
          `INSERT INTO payouts SELECT operation_id, 'refund', tender, currency, amount - 1, 'held', '', NULL
           FROM payments WHERE operation_id = ?`,
          id,
        );
      },
      /was 5000 RUB in cash and goes on as 4999 RUB in cash$/,
    ],
    'money in suspense that is no payment’s': [
      (tx) => move(tx, 'RUB', { debit: accounts.tender('cash'), credit: accounts.suspense }),
      /suspense RUB is -100, its payments come to 0$/,
    ],
    'money for paying back that is no payout’s': [
      (tx) => move(tx, 'RUB', { debit: accounts.tender('cash'), credit: accounts.payout }),
      /payout RUB is -100, its payments come to -4999$/,
    ],
  };

  for (const [what, [plant, expected]] of Object.entries(wrongs)) {
    it(`see ${what}`, async () => {
      const id = await paid();
      const before = await faults();
      await petersburg.write((tx) => plant(tx, id));
      const found = (await faults()).filter((fault) => !before.includes(fault));
      expect(
        found.filter((fault) => expected.test(fault)),
        found.join('\n'),
      ).to.have.length(1);
    });
  }
});
