import { expect } from 'chai';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from '../central-settlement/entries-fixture.ts';
import {
  graceMs,
  type HeadOffice,
  msk,
  nsk,
  openHeadOffice,
  spb,
} from '../central-settlement/settlement-fixture.ts';

describe('operations for branches that are none', () => {
  let hq: HeadOffice;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb, nsk]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
  });
  afterEach(() => hq.close());

  it('open no streams and lanes to them', async () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('');
    const nowhere = letters.flatMap((one) => letters.map((two) => `ZZ${one}${two}` as NodeCode));
    for (const home of nowhere.slice(0, 90)) {
      await hq.tell(operationEntries({ serving: spb, home }).accepted());
    }
    hq.clock.shift(graceMs + 1);
    await hq.write((tx) => hq.reconciliation.sweep(tx));
    const { outbound, lanes } = await hq.federation.streams();
    const peers = new Set(outbound.map(({ peer }) => peer));
    expect([...peers].filter((peer) => peer.startsWith('ZZ'))).to.deep.equal([]);
    expect([...lanes.keys()].filter((peer) => peer.startsWith('ZZ'))).to.deep.equal([]);
  });
});
