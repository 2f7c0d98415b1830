import { join } from 'node:path';
import { expect } from 'chai';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { operationEntries } from './entries-fixture.ts';
import {
  dearer,
  fees,
  free,
  type Item,
  lostTermsWorld,
  paid,
  replacement,
} from './lost-terms-fixture.ts';
import { checker, maker, msk, nsk, reference, referenceWith, spb } from './settlement-fixture.ts';

/** Whose word counts for which operations a lost settlement was made of: many come to the sum that was signed. */
describe('the operations of a lost settlement', () => {
  const world = lostTermsWorld();
  const { network, open, closeOpen, settled, settledAll, mskSays, spbSays } = world;
  const { mskHasNothing, spbHasNothing, obligationOf, alarmsOf } = world;
  const { lostPosition, decideWithout, windowOf, withAnother } = world;
  const nothing = { unchecked: true };

  it('are none of another currency', async () => {
    const request = { money: { amount: '500.00', currency: 'EUR' }, tender: { kind: 'cash' } };
    const { hq, id, items, other, others, balances } = await withAnother({ request });
    const before = await obligationOf(hq, other.id);
    expect(before).to.include({ currency: 'EUR', gross: 50_000n });
    mskSays([others]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    expect(await obligationOf(hq, other.id)).to.deep.equal(before);
    mskSays(items);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(balances);
    expect(await obligationOf(hq, other.id)).to.deep.equal(before);
    expect(await windowOf(hq, id)).not.to.equal(before?.windowId);
  });

  for (const isKnown of [true, false]) {
    const when = isKnown ? 'though head office knows them' : 'though their legs come later';
    it(`are none between other branches, ${when}`, async () => {
      const lost = await settled({}, paid);
      const other = operationEntries({ serving: nsk, home: spb });
      const legs = [other.accepted(), other.executed()];
      const hq = await open(lost.backup);
      await hq.replay(...lost.told);
      if (isKnown) await hq.tell(...legs);
      mskSays([{ ...lost.items[0], operationId: other.id }]);
      await hq.lostSettlements.bringBack();
      if (!isKnown) await hq.tell(...legs);
      const open_ = await windowOf(hq, other.id);
      await hq.tell(...lost.legs);
      mskSays(lost.items);
      spbSays(lost.items as Item[]);
      await hq.lostSettlements.bringBack();
      expect(await hq.balances()).to.deep.equal(lost.balances);
      expect(await windowOf(hq, other.id)).to.equal(open_);
      expect(await windowOf(hq, lost.id)).not.to.equal(open_);
    });
  }

  it('are not one branch’s word where the other says something else; two people decide', async () => {
    const { hq, id, items, other, others, balances } = await withAnother();
    mskSays([others]);
    spbSays(items as Item[]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is not the same');
    const { position } = await lostPosition(hq);
    expect(position?.known).to.equal(0);
    expect(position?.sides.map(({ said, isMute }) => [said, isMute])).to.deep.equal([
      ['differs', true],
      ['differs', true],
    ]);
    await decideWithout(hq, msk);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(balances);
    expect(await windowOf(hq, id)).not.to.equal(await windowOf(hq, other.id));
    expect(alarmsOf(hq)).to.deep.equal([]);
  });

  it('are what both name, whatever one had named alone; none stands in the place of another', async () => {
    const lost = await settled({}, paid);
    const other = operationEntries();
    const hq = await open(lost.backup);
    await hq.replay(...lost.told);
    mskSays([{ ...lost.items[0], operationId: other.id }]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('something is not there');
    expect((await lostPosition(hq)).position?.known).to.equal(0);
    mskSays(lost.items);
    spbSays(lost.items as Item[]);
    await hq.lostSettlements.bringBack();
    await hq.tell(other.accepted(), other.executed());
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal({});
    await hq.tell(...lost.legs);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
    expect(await windowOf(hq, lost.id)).not.to.equal(await windowOf(hq, other.id));
  });

  it('are asked for though others come to the same sums', async () => {
    const kept = operationEntries();
    const lost = await settledAll([[{}, paid]], {
      soon: (hq) => hq.tell(kept.accepted(), kept.executed()),
      // A case kept it out of the window.
      also: (hq) =>
        hq.write((tx) =>
          hq.obligations.hold(tx, { operationId: kept.id, attempt: 1, caseId: 'case-1' }),
        ),
    });
    const hq = await open(lost.backup);
    await hq.replay(...lost.told);
    for (let round = 0; round < 2; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal({});
    await hq.tell(...lost.legs);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
    expect(await windowOf(hq, lost.ids[0] ?? '')).not.to.equal(await windowOf(hq, kept.id));
  });

  it('are of the kind and the sum that head office knows', async () => {
    const { hq, id, items, balances } = await withAnother();
    for (const lie of [{ kind: 'balance-move' }, { kind: 'payment-cancellation' }]) {
      mskSays([{ ...items[0], ...lie }]);
      await hq.lostSettlements.bringBack();
      expect(alarmsOf(hq).join()).to.include('is known as something else');
      expect(await hq.balances()).to.deep.equal({});
    }
    mskSays(items);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(balances);
    expect(await obligationOf(hq, id)).to.include({ kind: 'payment' });
  });

  it('are decided anew where the branch that was gone is back, and the other is not', async () => {
    const away = new Set<NodeCode>();
    const lost = await settled({}, paid);
    const hq = await open(lost.backup, reference, { away });
    await hq.replay(...lost.told);
    await hq.tell(...lost.legs);
    network.leave(spb);
    await hq.lostSettlements.bringBack();
    away.add(spb);
    await decideWithout(hq, spb);
    away.clear();
    away.add(msk);
    network.leave(msk);
    spbSays(lost.items as Item[]);
    await hq.lostSettlements.bringBack();
    expect((await lostPosition(hq)).position?.known).to.equal(0);
    await decideWithout(hq, msk);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
  });

  it('are owed by the one’s word where the other is cut off, also once they are named', async () => {
    const cutOff = new Set<NodeCode>();
    const lost = await settled({}, paid);
    const hq = await open(lost.backup, reference, { cutOff });
    await hq.replay(...lost.told);
    spbSays(lost.items as Item[]);
    await hq.lostSettlements.bringBack();
    expect((await lostPosition(hq)).position?.known).to.equal(1);
    // Its leg never comes.
    await hq.tell(...lost.legs.slice(0, 1));
    cutOff.add(spb);
    for (let round = 0; round < 21; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal({});
    await decideWithout(hq, spb);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
  });

  it('need nobody’s word where the backup had closed their window with them', async () => {
    const hq = await open();
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const windowId = await closeOpen(hq);
    const backup = join(hq.folder, 'closed.db');
    await hq.store.backup(backup);
    const wish = { windowIds: [windowId], model: 'multilateral', actor: maker } as const;
    const made = await hq.write((tx) => hq.settlements.make(tx, wish));
    await hq.write((tx) => hq.settlements.approve(tx, { id: made.id, actor: checker }));
    const [told, balances] = [await hq.logged('settlement.completed'), await hq.balances()];
    const again = await open(backup);
    mskHasNothing();
    spbHasNothing();
    await again.replay(...told);
    await again.lostSettlements.bringBack();
    expect(await again.logged('settlement.recalled')).to.deep.equal([]);
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('are of no other lost settlement, by one word', async () => {
    const [first, second] = [await settled({}, paid), await settled({}, paid)];
    const hq = await open(first.backup);
    await hq.replay(...first.told, ...second.told);
    await hq.tell(...first.legs, ...second.legs);
    const firstId = first.told[0]?.operationId ?? '';
    const say = (code: NodeCode, ofFirst: readonly object[] | null, ofSecond: readonly object[]) =>
      network.join(code, async (request) => {
        const items = request.url.includes(firstId) ? ofFirst : ofSecond;
        return Response.json({ items: items ?? [], next: null, ...(items ? {} : nothing) });
      });
    const seen = second.items.map((item) => ({ ...item, peer: msk, direction: 'receives' }));
    // The first is asked about first; of that SPB has nothing.
    say(msk, second.items, second.items);
    say(spb, null, seen);
    for (let round = 0; round < 3; round += 1) await hq.lostSettlements.bringBack();
    const lost = await hq.store.read(hq.lostDecisions.list);
    expect(lost.map(({ settlement }) => settlement.id)).to.deep.equal([firstId]);
    expect(await hq.balances()).to.deep.equal(second.balances);
    say(msk, first.items, second.items);
    await hq.lostSettlements.bringBack();
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
    expect(await windowOf(hq, first.id)).not.to.equal(await windowOf(hq, second.id));
  });

  it('are named by one alone also where two settlements of the two are lost', async () => {
    const [first, second] = [await settled({}, paid), await settled({}, paid)];
    const hq = await open(first.backup);
    await hq.replay(...first.told, ...second.told);
    await hq.tell(...first.legs, ...second.legs);
    const firstId = first.told[0]?.operationId ?? '';
    network.join(msk, async (request) => {
      const { items } = request.url.includes(firstId) ? first : second;
      return Response.json({ items, next: null });
    });
    for (let round = 0; round < 2; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
    expect(await windowOf(hq, first.id)).not.to.equal(await windowOf(hq, second.id));
  });

  it('are of no lost settlement that is not back yet, by one word', async () => {
    const first = await settled({}, paid);
    const second = await settledAll([
      [{}, paid],
      [{}, paid],
    ]);
    const hq = await open(first.backup);
    await hq.replay(...first.told, ...second.told);
    // Of the second something is still to come.
    await hq.tell(...first.legs, ...second.legs.slice(0, 2));
    const firstId = first.told[0]?.operationId ?? '';
    const seen = second.items.map((item) => ({ ...item, peer: msk, direction: 'receives' }));
    network.join(msk, async (request) => {
      const items = request.url.includes(firstId) ? second.items.slice(0, 1) : second.items;
      return Response.json({ items, next: null });
    });
    network.join(spb, async (request) => {
      const isFirst = request.url.includes(firstId);
      return Response.json({ items: isFirst ? [] : seen, next: null, ...(isFirst ? nothing : {}) });
    });
    for (let round = 0; round < 2; round += 1) await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    expect(await hq.balances()).to.deep.equal({});
    await hq.tell(...second.legs.slice(2));
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(second.balances);
  });

  it('are taken from one word by a sure one', async () => {
    const [first, second] = [await settled({}, paid), await settled({}, paid)];
    const hq = await open(first.backup, referenceWith(dearer), { termsBetween: async () => [] });
    await hq.replay(...first.told, ...second.told);
    await hq.tell(...first.legs, ...second.legs);
    const firstId = first.told[0]?.operationId ?? '';
    mskSays(second.items);
    // Neither is sure: the first takes what is the second’s, and cannot confirm its terms.
    for (let round = 0; round < 2; round += 1) await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('no release that is known');
    const spbConfirms = (isAsked: (isFirst: boolean) => boolean) =>
      network.join(spb, async (request) => {
        const isFirst = request.url.includes(firstId);
        if (!isAsked(isFirst)) return Response.json({ items: [], next: null, ...nothing });
        const seen = { peer: msk, direction: 'receives' };
        const items = (isFirst ? first : second).items.map((item) => ({ ...item, ...seen }));
        return Response.json({ items, next: null });
      });
    spbConfirms((isFirst) => !isFirst);
    await hq.lostSettlements.bringBack();
    const lost = await hq.store.read(hq.lostDecisions.list);
    expect(lost.map(({ settlement }) => settlement.id)).to.deep.equal([firstId]);
    expect(await hq.balances()).to.deep.equal(second.balances);
    spbConfirms(() => true);
    mskSays(first.items);
    await hq.lostSettlements.bringBack();
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
    expect(await windowOf(hq, first.id)).not.to.equal(await windowOf(hq, second.id));
  });

  it('are by one word what it had named before', async () => {
    const lost = await settled({}, paid);
    const other = operationEntries();
    const hq = await open(lost.backup, referenceWith(dearer), { termsBetween: async () => [] });
    await hq.replay(...lost.told);
    await hq.tell(...lost.legs, other.accepted(), other.executed());
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('no release that is known');
    mskSays([{ ...lost.items[0], operationId: other.id }]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is not the same');
    mskSays(lost.items);
    spbSays(lost.items as Item[]);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
  });

  it('are none of others that made nothing owed, or whose legs come later, by two words', async () => {
    const terms = async () => [{ until: undefined, terms: reference }];
    const lost = await settled(replacement, fees);
    const other = operationEntries({ ...replacement, serving: nsk, home: spb });
    const late = operationEntries({ ...replacement, serving: nsk, home: spb });
    const hq = await open(lost.backup, referenceWith(free), { termsBetween: terms });
    await hq.replay(...lost.told);
    await hq.tell(...lost.legs, other.accepted(), other.executed());
    const sayBoth = (items: readonly object[]) => {
      mskSays(items);
      spbSays(items as Item[]);
    };
    sayBoth([{ ...lost.items[0], operationId: other.id }]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    const payment = operationEntries({ serving: nsk, home: spb });
    sayBoth([{ ...lost.items[0], operationId: payment.id }]);
    await hq.lostSettlements.bringBack();
    await hq.tell(payment.accepted(), payment.executed(), late.accepted(), late.executed());
    const [open_] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    expect(await windowOf(hq, payment.id)).to.equal(open_?.id);
    sayBoth(lost.items);
    for (let round = 0; round < 21; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
  });

  it('are asked of a branch that does not answer once in a round', async () => {
    const [first, second] = [await settled({}, paid), await settled({}, paid)];
    const hq = await open(first.backup);
    await hq.replay(...first.told, ...second.told);
    let asked = 0;
    network.join(spb, async ({ url }) => {
      if (url.includes('/obligations')) asked += 1;
      throw new DomainError('peer-unreachable');
    });
    for (let round = 1; round < 3; round += 1) {
      await hq.lostSettlements.bringBack();
      expect(asked).to.equal(round);
    }
  });
});
