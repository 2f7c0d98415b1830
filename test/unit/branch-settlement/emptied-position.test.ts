import { expect } from 'chai';
import { findSettlement } from '../../../branch-node/settlement/settlement-store.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from '../central-settlement/entries-fixture.ts';
import {
  checker,
  type HeadOffice,
  maker,
  msk,
  nsk,
  openBranch,
  openHeadOffice,
  type SettlingBranch,
  spb,
} from '../central-settlement/settlement-fixture.ts';

describe('a settlement of a window whose only operation of a pair came into a case', () => {
  let hq: HeadOffice;
  let moscow: SettlingBranch;
  let petersburg: SettlingBranch;
  let novosibirsk: SettlingBranch;
  beforeEach(async () => {
    const branches = [msk, spb, nsk];
    const options = { network: createNetwork(), keys: await federationKeys(branches), branches };
    hq = await openHeadOffice(options);
    moscow = await openBranch({ ...options, node: msk });
    petersburg = await openBranch({ ...options, node: spb });
    novosibirsk = await openBranch({ ...options, node: nsk });
  });
  afterEach(async () => {
    for (const node of [hq, moscow, petersburg, novosibirsk]) await node.close();
  });

  it('is confirmed by every branch', async () => {
    const paid = await moscow.pay('79211234567', '500.00');
    await moscow.pay('79231234567', '100.00');
    await until(async () => {
      const row = await hq.store.read((tx) =>
        tx.get<{ n: bigint }>('SELECT COUNT(*) AS n FROM obligations'),
      );
      const legs = await hq.store.read((tx) =>
        tx.get<{ n: bigint }>('SELECT COUNT(*) AS n FROM legs'),
      );
      return row?.n === 2n && legs?.n === 6n ? true : undefined;
    });
    // MSK contradicts itself about the payment for SPB: the case takes it out of the open window.
    const again = operationEntries({ id: paid.id, amount: '700.00' });
    await hq.tell(again.accepted());
    const [window] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const windowIds = [window?.id ?? ''];
    await hq.write((tx) => hq.obligations.closeWindow(tx, windowIds[0] ?? ''));
    const made = await hq.write((tx) =>
      hq.settlements.make(tx, { windowIds, model: 'multilateral', actor: maker }),
    );
    const pairs = made.positions.map(({ branch, peer, count }) => `${branch} ${peer} ${count}`);
    await hq.write((tx) => hq.settlements.approve(tx, { id: made.id, actor: checker }));
    await until(() => moscow.store.read((tx) => findSettlement(tx, made.id)));
    await moscow.settlements.run();
    const own = await moscow.store.read((tx) => findSettlement(tx, made.id));
    expect([own?.state, own?.faults]).to.deep.equal(['confirmed', []]);
    expect(pairs).to.deep.equal(['MSK NSK 1', 'NSK MSK 1']);
  });
});
