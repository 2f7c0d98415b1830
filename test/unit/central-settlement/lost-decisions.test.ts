import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import {
  checker,
  type HeadOffice,
  maker,
  msk,
  nsk,
  openHeadOffice,
  spb,
} from './settlement-fixture.ts';

const reason = 'The branch was closed down and its disks are gone.';

/** MSK served a payment for SPB, it was settled, head office forgot it, and SPB does not come back. */
describe('a lost settlement one of whose branches does not come back', () => {
  const network = createNetwork();
  const branches = [msk, spb, nsk];
  const opened: HeadOffice[] = [];
  const away = new Set<NodeCode>();
  const cutOff = new Set<NodeCode>();
  let hq: HeadOffice;
  let story: ReturnType<typeof operationEntries>;
  let other: ReturnType<typeof operationEntries>;
  let settlementId: string;
  let before: Record<string, bigint>;

  async function open(backup?: string): Promise<HeadOffice> {
    const keys = await federationKeys(branches);
    const old = backup === undefined ? {} : { backup };
    const node = await openHeadOffice({ keys, network, branches, away, cutOff, ...old });
    opened.push(node);
    return node;
  }

  async function closeWindow(): Promise<string> {
    const [window] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const id = window?.id ?? '';
    await hq.write((tx) => hq.obligations.closeWindow(tx, id));
    return id;
  }
  const make = (windowId: string) =>
    hq.write((tx) =>
      hq.settlements.make(tx, { windowIds: [windowId], model: 'multilateral', actor: maker }),
    );

  beforeEach(async () => {
    away.clear();
    cutOff.clear();
    hq = await open();
    const backup = join(hq.folder, `backup-${randomUUID()}.db`);
    await hq.store.backup(backup);
    story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const { id } = await make(await closeWindow());
    settlementId = id;
    await hq.write((tx) => hq.settlements.approve(tx, { id, actor: checker }));
    before = await hq.balances();
    const told = await hq.logged('settlement.completed');
    hq = await open(backup);
    await hq.replay(...told.filter(({ to }) => to.includes(msk)));
    network.leave(spb);
    away.add(spb);
    // What the other branch told of it is lost with it. Of another operation it is not.
    await hq.tell(story.accepted());
    other = operationEntries();
    await hq.tell(other.accepted(), other.executed());
  });
  afterEach(async () => {
    for (const node of opened.splice(0)) {
      expect(await node.faults()).to.deep.equal([]);
      await node.close();
    }
    for (const code of branches) network.leave(code);
  });

  const mskSays = (answer: object) => network.join(msk, async () => Response.json(answer));
  const nothing = { items: [], next: null, unchecked: true };
  const found = () => ({
    items: [
      {
        ...{ operationId: story.id, attempt: 1, kind: 'payment', peer: spb, direction: 'owes' },
        ...{ gross: '50000', commission: '750', fee: '0', net: '49250' },
      },
    ],
    next: null,
  });

  const bringBack = () => hq.lostSettlements.bringBack();
  const lost = () => hq.store.read((tx) => hq.lostDecisions.list(tx));
  const propose = (wish: { without?: NodeCode; by?: typeof maker } = {}) =>
    hq.write((tx) =>
      hq.lostDecisions.propose(tx, {
        ...{ settlementId, pair: [spb, msk], without: wish.without ?? spb },
        ...{ reason, actor: wish.by ?? maker },
      }),
    );
  const approve = (proposal: string, actor = checker) =>
    hq.write((tx) => hq.lostDecisions.approve(tx, { settlementId, proposal, actor }));

  async function decide(): Promise<void> {
    const { decision } = await propose();
    await approve(decision?.id ?? '');
  }

  it('is taken back where the other branch has nothing of it, and its operations are settled anew', async () => {
    mskSays(nothing);
    await bringBack();
    expect(
      (await lost())[0]?.positions[0]?.sides.map(({ outcomeWithout }) => outcomeWithout),
    ).to.deep.equal([undefined, 'recalled']);
    expect((await refusalBy(closeWindow())).code).to.equal('recovering');
    await decide();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
    const recalled = await hq.logged('settlement.recalled');
    expect(recalled.map(({ to }) => to)).to.deep.equal([[msk, spb]]);
    await hq.tell(story.executed());
    const { positions } = await make(await closeWindow());
    expect(positions.map(({ count }) => count)).to.deep.equal([2, 2]);
  });

  it('stands as the other branch has checked it, though what the one told is lost', async () => {
    mskSays(found());
    await bringBack();
    // Alone, while the other one may say something else, its word does not count.
    expect((await lost())[0]?.positions.map(({ known }) => known)).to.deep.equal([0]);
    await decide();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
    expect(await hq.balances()).to.deep.equal(before);
    // Told after all: it is owed once.
    await hq.tell(story.executed());
    const { positions } = await make(await closeWindow());
    expect(positions.map(({ count }) => count)).to.deep.equal([1, 1]);
  });

  it('is not posted where what the other branch says does not come to what was told', async () => {
    const [item] = found().items;
    mskSays(found());
    await bringBack();
    await decide();
    mskSays({ items: [{ ...item, gross: '50001', net: '49251' }], next: null });
    await bringBack();
    expect(await hq.balances()).to.deep.equal({});
    expect((await refusalBy(closeWindow())).code).to.equal('recovering');
  });

  it('comes back once the other branch says what was told, whatever it had said before', async () => {
    const [item] = found().items;
    mskSays({ items: [{ ...item, gross: '50001', net: '49251' }], next: null });
    await bringBack();
    expect((await refusalBy(propose())).code).to.equal('settlement-conflict');
    mskSays(found());
    await bringBack();
    await decide();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
    expect(await hq.balances()).to.deep.equal(before);
  });

  it('leaves nothing owed by one word that does not come to what was told', async () => {
    const [item] = found().items;
    mskSays(found());
    await bringBack();
    await decide();
    mskSays({ items: [{ ...item, gross: '90000000', net: '89999250' }], next: null });
    await bringBack();
    cutOff.add(msk).add(spb);
    await bringBack();
    // What becomes of it is another thing now: it is decided anew.
    expect(await lost()).to.have.length(1);
    await decide();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
    const { positions } = await make(await closeWindow());
    expect(positions.map(({ gross }) => gross)).to.deep.equal([-50_000n, 50_000n]);
  });

  it('is decided by two people, and as it was proposed', async () => {
    mskSays(nothing);
    await bringBack();
    const first = await propose();
    expect((await refusalBy(approve(first.decision?.id ?? '', maker))).code).to.equal(
      'same-person',
    );
    const second = await propose({ by: checker });
    expect((await refusalBy(approve(first.decision?.id ?? ''))).code).to.equal(
      'settlement-conflict',
    );
    await approve(second.decision?.id ?? '', maker);
    expect((await refusalBy(propose())).code).to.equal('settlement-conflict');
  });

  it('is not decided while the branch is there, or nobody knows what the other one holds', async () => {
    expect((await refusalBy(propose())).code).to.equal('settlement-conflict');
    mskSays(nothing);
    await bringBack();
    expect((await refusalBy(propose({ without: msk }))).code).to.equal('settlement-conflict');
    const { decision } = await propose();
    away.clear();
    expect((await refusalBy(approve(decision?.id ?? ''))).code).to.equal('settlement-conflict');
    expect((await refusalBy(propose())).code).to.equal('settlement-conflict');
    cutOff.add(spb);
    await approve(decision?.id ?? '');
  });

  it('is asked itself when it comes back before its absence has counted', async () => {
    mskSays(nothing);
    await bringBack();
    await decide();
    network.join(spb, async () =>
      Response.json({
        items: [{ ...found().items[0], peer: msk, direction: 'receives' }],
        next: null,
      }),
    );
    away.clear();
    await bringBack();
    expect(await hq.logged('settlement.recalled')).to.deep.equal([]);
    await hq.tell(story.executed());
    await bringBack();
    expect(await hq.balances()).to.deep.equal(before);
  });

  it('comes back by the word of the one, though the other names more than was settled', async () => {
    const [item] = found().items;
    await hq.tell(story.executed());
    mskSays({ items: [item, { ...item, operationId: other.id }], next: null });
    await bringBack();
    const sides = { peer: msk, direction: 'receives' };
    network.join(spb, async () => Response.json({ items: [{ ...item, ...sides }], next: null }));
    away.clear();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
    expect(await hq.balances()).to.deep.equal(before);
  });

  it('is taken back where both are gone', async () => {
    cutOff.add(msk).add(spb);
    await bringBack();
    await decide();
    await bringBack();
    expect(await lost()).to.deep.equal([]);
  });
});
