import { expect } from 'chai';
import { federationKeys } from '../../support/federation-keys.ts';
import { headOfficeSumFaults } from '../../support/head-office-sums.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from '../central-settlement/entries-fixture.ts';
import {
  checker,
  type HeadOffice,
  maker,
  msk,
  openHeadOffice,
  spb,
} from '../central-settlement/settlement-fixture.ts';

/** One wrong sum each, in the one that keeps it. */
const wrongs: Readonly<Record<string, string>> = {
  "a window's sum": 'UPDATE obligation_sums SET commission = commission + 1, gross = gross + 1',
  "what a branch's cap is measured by":
    "UPDATE branch_exposures SET net = net + 1 WHERE branch = 'MSK'",
  'the count of a date': 'UPDATE operation_counts SET sum = sum + 1',
  'what a payment makes owed':
    "UPDATE obligations SET gross = gross + 1, net = net + 1 WHERE kind = 'payment'",
  'what a cancellation gives back':
    "UPDATE obligations SET commission = 0, net = gross WHERE kind = 'payment-cancellation'",
  'a settled position':
    "UPDATE settlement_positions SET fees = fees + 1, net = net + 1 WHERE branch = 'MSK'",
};

describe("the check of head office's sums", () => {
  let hq: HeadOffice;

  before(async () => {
    const keys = await federationKeys([msk, spb]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    const matched = async () => {
      const { id, accepted, executed } = operationEntries();
      await hq.tell(accepted(), executed());
      const money = { amount: '500.00', currency: 'RUB' };
      const cancelled = operationEntries({
        ...{ kind: 'payment-cancellation', result: { reversed: true, money } },
        request: { payment: id, money, reason: 'wrong number' },
      });
      await hq.tell(cancelled.accepted(), cancelled.executed());
    };
    await matched();
    await hq.write(async (tx) => {
      const windows = await tx.all<{ id: string }>('SELECT id FROM settlement_windows');
      const windowIds = windows.map(({ id }) => id);
      for (const id of windowIds) await hq.obligations.closeWindow(tx, id);
      const made = { windowIds, model: 'multilateral', actor: maker } as const;
      const { id } = await hq.settlements.make(tx, made);
      await hq.settlements.approve(tx, { id, actor: checker });
    });
    await matched();
    expect(await headOfficeSumFaults(hq.store)).to.deep.equal([]);
  });
  after(() => hq.close());

  for (const [what, sql] of Object.entries(wrongs)) {
    it(`finds ${what} that is wrong`, async () => {
      const before = await headOfficeSumFaults(hq.store);
      await hq.write((tx) => tx.run(sql));
      const found = (await headOfficeSumFaults(hq.store)).filter((each) => !before.includes(each));
      expect(found.map((each) => each.startsWith(`${what} differs`))).to.include(true);
    });
  }
});
