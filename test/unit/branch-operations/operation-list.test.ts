import { expect } from 'chai';
import { federationKeys } from '../../support/federation-keys.ts';
import { plansOf } from '../../support/query-plans.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import {
  msk,
  openBranch,
  type SettlingBranch,
  spb,
} from '../central-settlement/settlement-fixture.ts';

const here = '79211234567';
const elsewhere = '79251234567';

describe('the operations of a branch', () => {
  let branch: SettlingBranch;
  before(async () => {
    const keys = await federationKeys([msk, spb]);
    const branches = [msk, spb];
    branch = await openBranch({ node: spb, keys, network: createNetwork(), branches });
  });
  after(() => branch.close());

  type Filter = Parameters<SettlingBranch['operations']['store']['list']>[1];
  const list = (filter: Filter) =>
    branch.store.read((tx) => branch.operations.store.list(tx, filter));

  it('are listed newest first, by what is asked for', async () => {
    const made: string[] = [];
    for (const msisdn of [here, elsewhere, here, elsewhere, elsewhere]) {
      made.unshift((await branch.pay(msisdn, '10.00')).id);
    }
    const [e, d, , b] = made;
    const idsOf = async (filter: Filter) => (await list(filter)).map(({ id }) => String(id));
    expect(await idsOf({ limit: 9 })).to.deep.equal(made);
    expect(await idsOf({ limit: 9, state: 'accepted' })).to.deep.equal([e, d, b]);
    expect(await idsOf({ limit: 1, state: 'accepted', before: String(e) })).to.deep.equal([d]);
    expect(await idsOf({ limit: 9, state: 'accepted', msisdn: here })).to.deep.equal([]);
    expect(await idsOf({ limit: 9, state: 'concluded', msisdn: here })).to.have.length(2);
  });

  it('are found among millions that are done, when they wait: every inbox asks for them', async () => {
    const { store } = branch.operations;
    const read = (filter: Filter) => plansOf(branch.store, (tx) => store.list(tx, filter));
    const steps = (await read({ limit: 50, state: 'accepted' })).join('\n');
    expect(steps).to.include('operations_waiting').and.not.include('(id<?)');
    for (const state of ['accepted', 'concluded'] as const) {
      const ofOne = (await read({ limit: 50, state, msisdn: here })).join('\n');
      expect(ofOne).to.include('operations_by_msisdn (msisdn=? AND id<?)');
    }
  });
});
