import { expect } from 'chai';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { operationEntries } from './entries-fixture.ts';
import { type Item, lostTermsWorld, paid } from './lost-terms-fixture.ts';
import { checker, maker, msk, nsk, reference, spb } from './settlement-fixture.ts';

/** Two people say whose word counts where the branches’ words do not. */
describe('the operations of a lost settlement, by two people', () => {
  const world = lostTermsWorld();
  const { network, open, settled, mskSays, spbSays, mskHasNothing } = world;
  const { obligationOf, alarmsOf, lostPosition, decideWithout, windowOf, withAnother } = world;
  const nothing = { unchecked: true };

  it('are taken back without a word that cannot be confirmed, where the other has nothing', async () => {
    const { hq, id, items, others } = await withAnother();
    mskSays([{ ...items[0], operationId: 'made-up' }]);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, msk);
    // Another word is tried first, and not decided against.
    mskSays([{ ...others, operationId: 'made-up-too' }]);
    await hq.lostSettlements.bringBack();
    await hq.lostSettlements.bringBack();
    expect(await hq.logged('settlement.recalled')).to.deep.equal([]);
    await decideWithout(hq, msk);
    await hq.lostSettlements.bringBack();
    expect(await hq.logged('settlement.recalled')).to.have.length(1);
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
    expect(await obligationOf(hq, id)).to.include({ net: 49_250n });
  });

  it('are decided anew where the word that was decided for does not come true', async () => {
    const { hq, id, items, other, others, balances } = await withAnother();
    mskSays([{ ...others, kind: 'balance-move' }]);
    spbSays(items as Item[]);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, spb);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    await decideWithout(hq, msk);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(balances);
    expect(await windowOf(hq, id)).not.to.equal(await windowOf(hq, other.id));
  });

  it('are taken back by two people where both branches name what cannot be', async () => {
    const { hq, id, items } = await withAnother();
    const lie = items.map((item) => ({ ...item, ...paid, kind: 'balance-move' }));
    mskSays(lie);
    spbSays(lie);
    await hq.lostSettlements.bringBack();
    const { position } = await lostPosition(hq);
    const outcomes = position?.sides.map(({ said, outcomeWithout }) => [said, outcomeWithout]);
    expect(outcomes).to.deep.equal([
      ['doubted', 'recalled'],
      ['doubted', 'recalled'],
    ]);
    await decideWithout(hq, msk);
    await hq.lostSettlements.bringBack();
    expect(await hq.logged('settlement.recalled')).to.have.length(1);
    expect(await obligationOf(hq, id)).to.include({ net: 49_250n });
  });

  it('are decided to no other end than the two people saw', async () => {
    const { hq, items, others } = await withAnother({}, { away: new Set<NodeCode>([spb]) });
    mskHasNothing();
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, spb);
    mskSays([others]);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal({});
    expect(await hq.logged('settlement.recalled')).to.deep.equal([]);
    mskSays(items);
    await decideWithout(hq, spb);
    await hq.lostSettlements.bringBack();
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
  });

  it('are not taken back once head office can confirm the word that was doubted', async () => {
    const lost = await settled({}, paid);
    const hq = await open(lost.backup);
    await hq.replay(...lost.told);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, msk);
    await hq.tell(...lost.legs);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
    expect(await hq.logged('settlement.recalled')).to.deep.equal([]);
  });

  it('are waited for again where a branch that was gone is back', async () => {
    const cutOff = new Set<NodeCode>([spb]);
    const [first, second] = [await settled({}, paid), await settled({}, paid)];
    const hq = await open(first.backup, reference, { cutOff });
    await hq.replay(...first.told, ...second.told);
    await hq.tell(...first.legs, ...second.legs);
    const firstId = first.told[0]?.operationId ?? '';
    mskSays([{ ...second.items[0], operationId: 'made-up' }]);
    await hq.lostSettlements.bringBack();
    cutOff.clear();
    network.join(msk, async (request) => {
      const isFirst = request.url.includes(firstId);
      const madeUp = [{ ...second.items[0], operationId: 'made-up' }];
      return Response.json({ items: isFirst ? second.items : madeUp, next: null });
    });
    const seen = second.items.map((item) => ({ ...item, peer: msk, direction: 'receives' }));
    network.join(spb, async (request) => {
      const isFirst = request.url.includes(firstId);
      return Response.json({ items: isFirst ? [] : seen, next: null, ...(isFirst ? nothing : {}) });
    });
    for (let round = 0; round < 4; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal({});
    network.join(msk, async (request) => {
      const { items } = request.url.includes(firstId) ? first : second;
      return Response.json({ items, next: null });
    });
    for (let round = 0; round < 3; round += 1) await hq.lostSettlements.bringBack();
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
    expect(await windowOf(hq, first.id)).not.to.equal(await windowOf(hq, second.id));
  });

  it('are not decided against a word that the two people had not heard', async () => {
    const away = new Set<NodeCode>([spb]);
    const { hq, id, items, other, others } = await withAnother({}, { away });
    mskSays(items);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, spb);
    away.clear();
    mskSays([others]);
    spbSays(items as Item[]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is not the same');
    expect(await hq.balances()).to.deep.equal({});
    expect(await windowOf(hq, id)).to.equal(await windowOf(hq, other.id));
  });

  it('are none that people deal with, by one word', async () => {
    const { hq, items, other, others, balances } = await withAnother();
    const held = { operationId: other.id, attempt: 1, caseId: 'case-1' };
    await hq.write((tx) => hq.obligations.hold(tx, held));
    mskSays([others]);
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    expect(await obligationOf(hq, other.id)).to.include({ windowId: null, caseId: 'case-1' });
    await hq.write((tx) => hq.obligations.release(tx, 'case-1'));
    await hq.tell(other.concluded('refused'));
    const [found] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    const about = { id: found?.id ?? '' };
    await hq.write((tx) => hq.cases.explain(tx, { ...about, explanation: 'bug', actor: maker }));
    await hq.write((tx) => hq.cases.propose(tx, { ...about, reason: 'so', actor: maker }));
    await hq.approveCase({ ...about, actor: checker });
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
    mskSays(items);
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(balances);
  });

  it('block nothing where they turn out to be others’', async () => {
    const [lost, second] = [await settled({}, paid), await settled({}, paid)];
    const other = operationEntries({ serving: nsk, home: spb });
    const hq = await open(lost.backup);
    await hq.replay(...lost.told);
    mskSays([{ ...lost.items[0], operationId: other.id }]);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, spb);
    await hq.lostSettlements.bringBack();
    expect((await lostPosition(hq)).position?.known).to.equal(1);
    await hq.tell(other.accepted(), other.executed());
    for (let round = 0; round < 2; round += 1) await hq.lostSettlements.bringBack();
    expect((await lostPosition(hq)).position?.known).to.equal(0);
    // What is another settlement's by a word that is sure is not taken from it.
    mskSays(second.items);
    await hq.lostSettlements.bringBack();
    await hq.replay(...second.told);
    network.join(spb, async (request) => {
      const isSecond = request.url.includes(second.told[0]?.operationId ?? 'none');
      const seen = second.items.map((item) => ({ ...item, peer: msk, direction: 'receives' }));
      return Response.json({
        items: isSecond ? seen : [],
        next: null,
        ...(isSecond ? {} : nothing),
      });
    });
    await hq.lostSettlements.bringBack();
    expect(alarmsOf(hq).join()).to.include('is known as something else');
  });

  it('are posted once, though the last of them comes in the middle of a round', async () => {
    const lost = await settled({}, paid);
    const hq = await open(lost.backup);
    await hq.replay(...lost.told);
    await hq.lostSettlements.bringBack();
    await decideWithout(hq, spb);
    await hq.lostSettlements.bringBack();
    expect((await lostPosition(hq)).position?.known).to.equal(1);
    network.join(msk, async () => {
      await hq.tell(...lost.legs);
      return Response.json({ items: lost.items, next: null });
    });
    await hq.lostSettlements.bringBack();
    expect(await hq.balances()).to.deep.equal(lost.balances);
  });
});
