import { expect } from 'chai';
import { createBusinessDays } from '../../../branch-node/business-days/business-day-service.ts';
import { addToTotals } from '../../../shared/reconciliation/leg-totals-store.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { openBranch, type SettlingBranch, spb } from '../central-settlement/settlement-fixture.ts';

describe('the dates of a branch', () => {
  let branch: SettlingBranch;
  beforeEach(async () => {
    const keys = await federationKeys([spb]);
    branch = await openBranch({ node: spb, keys, network: createNetwork(), branches: [spb] });
  });
  afterEach(() => branch.close());

  it('are closed where they hold something or are next: a mistyped year closes nothing', async () => {
    const { node, store, clock, federation } = branch;
    const days = createBusinessDays({ node, store, clock, federation, timeZone: () => 'UTC' });
    const close = (date: string) => branch.write((tx) => days.close(tx, { date, by: 'anna' }));
    const today = days.today();
    expect((await refusalBy(close('2006-01-02'))).code).to.equal('invalid-input');
    await branch.write((tx) =>
      addToTotals(tx, {
        ...{ branch: node, operationId: 'o-1', attempt: 1, point: 'executed', kind: 'block' },
        ...{ serving: node, home: node, msisdn: '79210000001' },
        ...{ businessDate: '2025-06-30', operationDate: '2025-06-30' },
      }),
    );
    await close('2025-06-30');
    await close(today);
    expect((await refusalBy(close(today))).code).to.equal('business-day-closed');
    expect(await store.read(days.due)).to.deep.equal([]);
    // Head office waits for every date from the first on: one that was passed over may follow.
    await close('2025-07-01');
    expect((await refusalBy(close('2025-06-29'))).code).to.equal('invalid-input');
  });
});
