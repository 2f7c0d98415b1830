import { expect } from 'chai';
import { createDaySearch } from '../../../central-node/reconciliation/day-search.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { msk, openHeadOffice, spb, today } from '../central-settlement/settlement-fixture.ts';

describe('a search for what differs in a date', () => {
  it('ends though the branch has always one empty page more', async () => {
    const keys = await federationKeys([msk, spb]);
    const hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    let pages = 0;
    const search = createDaySearch({
      ...{ store: hq.store, clock: systemClock, federation: hq.federation },
      client: {
        async request(_, { path }) {
          pages += 1;
          // More pages than an honest branch has minutes: the test ends it, nobody else does.
          if (pages > 40_000) throw new Error('without end');
          const from = Number(/from=(\d+)/.exec(path)?.[1]);
          const body = JSON.stringify({ whole: true, items: [], next: from + 1 });
          return { status: 200, headers: {}, body };
        },
      },
    });
    const outcome = await search.search({ branch: spb, businessDate: today }).then(
      () => 'ended',
      (error: Error) => (error instanceof DomainError ? error.code : error.message),
    );
    await hq.close();
    expect(outcome).to.not.equal('without end');
  });
});
