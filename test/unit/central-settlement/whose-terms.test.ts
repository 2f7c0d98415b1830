import { expect } from 'chai';
import { createLostAnswers } from '../../../central-node/settlement/lost-answers.ts';
import type { LostPricingDeps } from '../../../central-node/settlement/lost-pricing.ts';
import { isSound } from '../../../central-node/settlement/lost-terms.ts';
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
import {
  checker,
  type HeadOffice,
  maker,
  msk,
  reference,
  referenceWith,
  spb,
  today,
} from './settlement-fixture.ts';

type TermsBetween = LostPricingDeps['termsBetween'];
const nobodyHasAny: TermsBetween = async () => [];
const sums = (gross: number, commission: number) => ({
  ...{ gross: String(gross), commission: String(commission), net: String(gross - commission) },
});

/** Whose word counts for what was settled by other terms than today's: money may follow from it that nobody signed. */
describe('the terms of a lost settlement', () => {
  const world = lostTermsWorld();
  const { network, open, settled, settledAll, mskSays, spbSays, spbHasNothing } = world;
  const { obligationOf, exposed, alarmsOf } = world;
  const lostIn = (hq: HeadOffice) => hq.store.read(hq.lostDecisions.list);

  function cancellationOf(payment: string) {
    const money = { amount: '500.00', currency: 'RUB' };
    const { id, accepted, executed } = operationEntries({
      kind: 'payment-cancellation',
      request: { payment, money, reason: 'wrong number' },
      result: { reversed: true, money },
    });
    return { id, legs: [accepted(), executed()] };
  }

  it('makes nothing owed that was not in it, whatever a branch says when it is asked again', async () => {
    const { backup, legs, told, balances, items } = await settledAll([
      [{}, paid],
      [replacement, fees],
    ]);
    const other = operationEntries(replacement);
    const again = await open(backup, referenceWith(free), {
      termsBetween: async () => [{ until: undefined, terms: referenceWith(free) }],
    });
    await again.replay(...told);
    await again.lostSettlements.bringBack();
    await again.tell(...legs, other.accepted(), other.executed());
    const [payment, service] = items;
    mskSays([payment ?? {}, { ...service, operationId: other.id }]);
    await again.lostSettlements.bringBack();
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(await again.store.read(again.lostDecisions.list)).to.have.length(1);
    mskSays(items);
    spbSays(items as Item[]);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('are not one branch’s word alone: neither a payment nor its cancellation follows that', async () => {
    const { backup, legs, told, balances, ids, items } = await settledAll([
      [{}, paid],
      [{}, paid],
    ]);
    const [first = {}, second = {}] = items;
    const [early, late] = [cancellationOf(ids[0] ?? ''), cancellationOf(ids[1] ?? '')];
    const zero = { ...dearer, cashBasisPoints: 0 };
    const triple = { ...dearer, cashBasisPoints: 300 };
    const ended = '2025-06-27T23:59:59.000Z';
    const termsBetween: TermsBetween = async () => [
      { until: undefined, terms: reference },
      { until: ended, terms: referenceWith(triple) },
      { until: ended, terms: referenceWith(zero) },
    ];
    const again = await open(backup, referenceWith(dearer), { termsBetween });
    await again.replay(...told);
    await again.tell(...legs, ...early.legs);
    spbHasNothing();
    mskSays([
      { ...first, commission: '1500', net: '48500' },
      { ...second, commission: '0', net: '50000' },
    ]);
    await again.lostSettlements.bringBack();
    const [lost] = await lostIn(again);
    expect(alarmsOf(again)).to.deep.equal([
      `${lost?.settlement.id} is not brought back yet: no release that is known has the terms by which MSK and SPB settled`,
    ]);
    await again.tell(...late.legs);
    for (const id of [...ids, early.id, late.id]) {
      expect(await obligationOf(again, id)).to.include({ commission: 1_000n });
    }
    mskSays(items);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    for (const id of [...ids, early.id, late.id]) {
      expect(await obligationOf(again, id)).to.include({ commission: 750n });
    }
    expect(alarmsOf(again)).to.deep.equal([]);
  });

  it('may be those of any release that was in force between the operation and its settlement', async () => {
    const { backup, legs, told, balances, id } = await settled({}, paid);
    const asked: string[] = [];
    const termsBetween: TermsBetween = async (...moments) => {
      asked.push(...moments);
      return [
        { until: undefined, terms: referenceWith(dearer) },
        { until: '2025-06-30T12:00:00.000Z', terms: reference },
      ];
    };
    const again = await open(backup, referenceWith(dearer), { termsBetween });
    await again.replay(...told);
    await again.tell(...legs);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, id)).to.include({ commission: 750n });
    const [completedAt] = told.map(({ body }) => Reflect.get(body ?? {}, 'completedAt'));
    expect(asked).to.deep.equal(['2025-06-28T00:00:00.000Z', completedAt]);
  });

  it('of a cancellation that was settled too are those of its payment', async () => {
    const { id: payment } = operationEntries();
    const money = { amount: '500.00', currency: 'RUB' };
    const cancellation = {
      kind: 'payment-cancellation',
      request: { payment, money, reason: 'wrong number' },
      result: { reversed: true, money },
    } as const;
    const { backup, legs, told, ids, items } = await settledAll([
      [{ id: payment }, paid],
      [{}, paid],
      [cancellation, { ...paid, direction: 'receives' }],
    ]);
    const again = await open(backup, referenceWith(dearer));
    await again.replay(...told);
    await again.tell(...legs);
    const turned = { commission: '1000', net: '49000' };
    const [first, second, given] = items;
    const lie = { commission: '500', net: '49500' };
    mskSays([
      { ...first, ...turned },
      { ...second, ...lie },
      { ...given, commission: '750' },
    ]);
    await again.lostSettlements.bringBack();
    expect(alarmsOf(again).join()).to.include('no release that is known');
    mskSays(items);
    await again.lostSettlements.bringBack();
    expect(await lostIn(again)).to.deep.equal([]);
    for (const id of ids) expect(await obligationOf(again, id)).to.include({ commission: 750n });
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('count as both branches name them, though nobody has the release', async () => {
    const { backup, legs, told, balances, id, items } = await settled({}, paid);
    const again = await open(backup, referenceWith(dearer), { termsBetween: nobodyHasAny });
    await again.replay(...told);
    await again.tell(...legs);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal({});
    spbSays(items);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, id)).to.include({ commission: 750n });
  });

  it('do not count where the two name others, until they name the same', async () => {
    const { backup, legs, told, balances, ids, items } = await settledAll([
      [{}, paid],
      [{}, paid],
    ]);
    const [first = {}, second = {}] = items as Item[];
    const again = await open(backup, referenceWith(dearer));
    await again.replay(...told);
    await again.tell(...legs);
    const turned = [
      { ...first, ...paid, commission: '1500', net: '48500' },
      { ...second, ...paid, commission: '0', net: '50000' },
    ];
    spbSays(turned);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(alarmsOf(again).join()).to.include('MSK and SPB is not the same');
    for (const id of ids) expect(await obligationOf(again, id)).to.include({ commission: 1_000n });
    spbSays(items);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(alarmsOf(again)).to.deep.equal([]);
  });

  it('count as one branch names them where two people say so, and the other has nothing of it', async () => {
    const { backup, legs, told, balances, id } = await settled({}, paid);
    const again = await open(backup, referenceWith(dearer), { termsBetween: nobodyHasAny });
    await again.replay(...told);
    await again.tell(...legs);
    spbHasNothing();
    await again.lostSettlements.bringBack();
    const [lost] = await lostIn(again);
    const settlementId = lost?.settlement.id ?? '';
    expect(lost?.positions[0]?.sides.map(({ said }) => said)).to.deep.equal([
      'doubted',
      'unchecked',
    ]);
    const { decision } = await again.write((tx) =>
      again.lostDecisions.propose(tx, {
        ...{ settlementId, pair: [msk, spb], without: spb, actor: maker },
        reason: 'the release is lost everywhere',
      }),
    );
    const proposal = decision?.id ?? '';
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal({});
    await again.write((tx) =>
      again.lostDecisions.approve(tx, { settlementId, proposal, actor: checker }),
    );
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, id)).to.include({ commission: 750n });
  });

  it('make nothing owed that a branch names in the place of what is, from the first asking on', async () => {
    const { backup, legs, told, balances, ids, items } = await settledAll([[replacement, fees]]);
    const other = operationEntries(replacement);
    const again = await open(backup, referenceWith(free), {
      termsBetween: async () => [{ until: undefined, terms: referenceWith(free) }],
    });
    await again.replay(...told);
    await again.tell(...legs, other.accepted(), other.executed());
    spbHasNothing();
    const [service] = items;
    mskSays([{ ...service, operationId: other.id }]);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(alarmsOf(again).join()).to.include('no release that is known');
    spbSays(items as Item[]);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(alarmsOf(again).join()).to.include('is not the same');
    mskSays(items);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, ids[0] ?? '')).to.include({ net: 7_500n });
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('are no adjustment’s, though both branches name them', async () => {
    const also = (hq: HeadOffice) =>
      hq.write((tx) =>
        hq.obligations.adjust(tx, {
          caseId: 'case-1',
          owes: { debtor: msk, creditor: spb, currency: 'RUB', gross: 10_000n },
        }),
      );
    const { backup, legs, told, balances, items } = await settledAll([[{}, paid]], { also });
    const adjusted = { ...paid, gross: '10000', commission: '0', net: '10000' };
    const place = { operationId: 'case-1', attempt: 1, kind: 'case-adjustment', peer: spb };
    const [payment] = items as Item[];
    const again = await open(backup, referenceWith(dearer), { termsBetween: nobodyHasAny });
    await also(again);
    await again.replay(...told);
    await again.tell(...legs);
    const sayBoth = (...commissions: readonly [number, number]) => {
      const all = [
        { ...payment, ...paid, ...sums(50_000, commissions[0]) },
        { ...place, ...adjusted, ...sums(10_000, commissions[1]) },
      ];
      mskSays(all);
      spbSays(all);
    };
    sayBoth(500, 250);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(await lostIn(again)).to.have.length(1);
    sayBoth(750, 0);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('wait for a branch that does not answer, though a release has them', async () => {
    const { backup, legs, told, balances } = await settled({}, paid);
    const again = await open(backup, referenceWith(dearer));
    await again.replay(...told);
    await again.tell(...legs);
    network.leave(spb);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal({});
    const [lost] = await lostIn(again);
    expect(lost?.positions[0]?.sides.map(({ said, isMute }) => [said, isMute])).to.deep.equal([
      ['found', false],
      ['silent', true],
    ]);
    spbHasNothing();
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('may be of a date that had not come when it was settled', async () => {
    const also = async (hq: HeadOffice) => hq.clock.shift(-730 * 86_400_000);
    const { backup, legs, told, balances } = await settledAll([[{}, paid]], { also });
    const asked: string[] = [];
    const termsBetween: TermsBetween = async (...moments) => {
      asked.push(...moments);
      return [{ until: moments[1], terms: reference }];
    };
    const again = await open(backup, referenceWith(dearer), { termsBetween });
    await again.replay(...told);
    await again.tell(...legs);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    const [from = '', to = ''] = asked;
    expect([from < to, to < today]).to.deep.equal([true, true]);
  });

  it('of a cancellation whose payment made nothing owed are those that it would have had', async () => {
    const payment = operationEntries();
    const money = { amount: '500.00', currency: 'RUB' };
    const wish = {
      kind: 'payment-cancellation',
      request: { payment: payment.id, money, reason: 'wrong number' },
      result: { reversed: true, money },
    } as const;
    // The branch that took it never tells of it.
    const also = (hq: HeadOffice) => hq.tell(payment.executed());
    const given = { ...paid, direction: 'receives' };
    const { backup, legs, told, balances, ids } = await settledAll([[wish, given]], { also });
    const again = await open(backup, referenceWith(dearer));
    await also(again);
    await again.replay(...told);
    await again.tell(...legs);
    expect(await obligationOf(again, ids[0] ?? '')).to.include({ commission: 1_000n });
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('of one settlement hold up no other, whatever fails', async () => {
    const first = await settled({}, paid);
    const free = { ...paid, commission: '0', net: '50000' };
    const second = await settled({ tender: 'card' }, free);
    const failing: TermsBetween = async () => {
      throw new Error('the disk is full');
    };
    const again = await open(first.backup, referenceWith(dearer), { termsBetween: failing });
    network.join(msk, async (request) => {
      const isFirst = request.url.includes(first.told[0]?.operationId ?? 'none');
      return Response.json({ items: isFirst ? first.items : second.items, next: null });
    });
    spbHasNothing();
    await again.replay(...first.told, ...second.told);
    await again.tell(...first.legs, ...second.legs);
    const failure = await again.lostSettlements.bringBack().catch(String);
    expect(failure).to.equal('Error: the disk is full');
    expect((await lostIn(again)).map(({ settlement }) => settlement.id)).to.deep.equal([
      first.told[0]?.operationId,
    ]);
    expect(alarmsOf(again)).to.have.length(1);
    expect(await again.balances()).to.deep.equal(second.balances);
  });

  it('are not so large that sums of them could not be kept', async () => {
    const item = { operationId: 'o', attempt: 1, kind: 'block', peer: spb, direction: 'owes' };
    const fee = '9'.repeat(18);
    let questions = 0;
    const sayingOf = (count: number) =>
      createLostAnswers({
        client: {
          async request() {
            questions += 1;
            const all = Array.from({ length: count }, (_, index) => ({
              ...{ ...item, operationId: `o${index}`, gross: '0', commission: '0', fee, net: fee },
            }));
            const body = JSON.stringify({ items: all, next: count === 0 ? 'more' : null });
            return { status: 200, headers: {}, body };
          },
        },
        epoch: () => 'e',
      });
    const sums = { gross: 0n, commission: 0n, fees: 0n, net: 0n };
    const asked = { id: 's', position: { branch: msk, peer: spb, count: 9, ...sums } };
    expect(await sayingOf(1).namedBy(msk, asked)).to.have.length(1);
    expect(await sayingOf(2).namedBy(msk, asked)).to.equal('wrong');
    questions = 0;
    expect(await sayingOf(0).namedBy(msk, asked)).to.equal('wrong');
    expect(questions, 'an end is no end').to.equal(1);
  });

  it('believes no terms that head office never makes', () => {
    const item = {
      operationId: 'o',
      attempt: 1,
      kind: 'payment',
      peer: spb,
      direction: 'owes' as const,
    };
    const isSoundWith = (gross: bigint, commission: bigint, fee: bigint) =>
      isSound({ ...item, gross, commission, fee, net: gross - commission + fee }, msk);
    expect(isSoundWith(50_000n, 750n, 0n)).to.equal(true);
    expect(isSoundWith(50_000n, 50_000n, 0n)).to.equal(true);
    expect(isSoundWith(0n, 0n, 7_500n)).to.equal(true);
    expect(isSoundWith(50_000n, 60_000n, 10_000n)).to.equal(false);
    expect(isSoundWith(50_000n, 750n, 1n)).to.equal(false);
    expect(isSoundWith(0n, 1n, 7_500n)).to.equal(false);
  });
});
