import { expect } from 'chai';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { operationEntries } from './entries-fixture.ts';
import { fees, free, lostTermsWorld, paid, replacement } from './lost-terms-fixture.ts';
import { msk, referenceWith, spb } from './settlement-fixture.ts';

/** What was settled comes back by the terms that the branches checked; their legs alone have today's. */
describe('a lost settlement whose terms a release has changed since', () => {
  const world = lostTermsWorld();
  const { network, open, closeOpen, settled, settledAll, obligationOf, exposed } = world;

  it('comes back by those of then, whatever is there first', async () => {
    const { backup, legs, told, balances, id } = await settled(
      {},
      { direction: 'owes', gross: '50000', commission: '750', fee: '0', net: '49250' },
    );
    const dearer = referenceWith({ version: 4, cashBasisPoints: 200 });
    for (const areLegsFirst of [true, false]) {
      const again = await open(backup, dearer);
      await again.replay(...told);
      if (!areLegsFirst) await again.lostSettlements.bringBack();
      await again.tell(...legs);
      await again.lostSettlements.bringBack();
      expect(await again.balances()).to.deep.equal(balances);
      expect(await obligationOf(again, id)).to.include({ commission: 750n, net: 49_250n });
      expect(await exposed(again)).to.deep.equal([]);
    }
  });

  it('takes terms from a branch only where they come to what was signed', async () => {
    const right = { gross: '50000', commission: '750', fee: '0', net: '49250' };
    const { backup, legs, told, balances, id } = await settled({}, { direction: 'owes', ...right });
    const dearer = referenceWith({ version: 4, cashBasisPoints: 200 });
    const again = await open(backup, dearer);
    await again.replay(...told);
    await again.tell(...legs);
    const say = (code: NodeCode, sums: object) => {
      const [peer, direction] = code === msk ? [spb, 'owes'] : [msk, 'receives'];
      const item = { operationId: id, attempt: 1, kind: 'payment', peer, direction };
      const items = [{ ...item, ...right, ...sums }];
      network.join(code, async () => Response.json({ items, next: null }));
    };
    network.join(spb, async () => Response.json({ items: [], next: null, unchecked: true }));
    for (const lie of [
      { net: '0' },
      { commission: '50000', net: '0' },
      { commission: '-50000', net: '100000' },
      { fee: '5000', net: '54250' },
      { peer: msk },
    ]) {
      say(msk, lie);
      await again.lostSettlements.bringBack();
      expect(await obligationOf(again, id)).to.include({ commission: 1_000n, net: 49_000n });
      expect(await again.store.read(again.lostDecisions.list)).to.have.length(1);
    }
    say(spb, {});
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('a cancellation gives back the commission of then, wherever it stands unsettled', async () => {
    const { backup, legs, told, balances, id } = await settled(
      {},
      { direction: 'owes', gross: '50000', commission: '750', fee: '0', net: '49250' },
    );
    const money = { amount: '500.00', currency: 'RUB' };
    const cancellation = operationEntries({
      kind: 'payment-cancellation',
      request: { payment: id, money, reason: 'wrong number' },
      result: { reversed: true, money },
    });
    const cancelled = [cancellation.accepted(), cancellation.executed()];
    const dearer = referenceWith({ version: 4, cashBasisPoints: 200 });
    for (const standing of ['before', 'later', 'closed', 'held'] as const) {
      const again = await open(backup, dearer);
      await again.tell(...legs);
      if (standing !== 'later') await again.tell(...cancelled);
      if (standing === 'closed') await closeOpen(again);
      const held = { operationId: cancellation.id, attempt: 1, caseId: 'case-1' };
      if (standing === 'held') await again.write((tx) => again.obligations.hold(tx, held));
      await again.replay(...told);
      await again.lostSettlements.bringBack();
      if (standing === 'later') await again.tell(...cancelled);
      expect(await again.store.read(again.lostDecisions.list)).to.deep.equal([]);
      expect(await obligationOf(again, id)).to.include({ commission: 750n });
      expect(await obligationOf(again, cancellation.id)).to.include({ net: 49_250n });
      expect(await exposed(again)).to.deep.include({ branch: msk, currency: 'RUB', net: 49_250n });
      const recorded = { 'position:recorded:MSK': -49_250n, 'position:recorded:SPB': 49_250n };
      const isRecorded = standing === 'closed' ? recorded : {};
      expect(await again.balances()).to.deep.equal({ ...balances, ...isRecorded });
      if (standing === 'held') {
        await again.write((tx) => again.obligations.release(tx, held.caseId));
      }
    }
  });

  it('comes back in its currency', async () => {
    const { backup, legs, told, balances, id } = await settled(
      { kind: 'sim-replacement', request: {} },
      { direction: 'receives', gross: '0', commission: '0', fee: '7500', net: '7500' },
    );
    const abroad = referenceWith({
      ...{ version: 4, cashBasisPoints: 150, feeCurrency: 'KZT', cardPrice: '300.00' },
    });
    const again = await open(backup, abroad);
    await again.replay(...told);
    await again.tell(...legs);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, id)).to.include({ currency: 'RUB', net: 7_500n });
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('comes back where it costs nothing today, whatever is there first', async () => {
    const fees = { direction: 'receives', gross: '0', commission: '0', fee: '7500', net: '7500' };
    const wish = { kind: 'sim-replacement', request: {} } as const;
    const { backup, legs, told, balances, id } = await settled(wish, fees);
    const free = { version: 4, cashBasisPoints: 150, cardPrice: '0.00', servicePrice: '0.00' };
    for (const areLegsFirst of [true, false]) {
      const again = await open(backup, referenceWith(free));
      await again.replay(...told);
      if (!areLegsFirst) await again.lostSettlements.bringBack();
      await again.tell(...legs);
      expect(await obligationOf(again, id)).to.equal(undefined);
      await again.lostSettlements.bringBack();
      expect(await again.balances()).to.deep.equal(balances);
      expect(await obligationOf(again, id)).to.include({ currency: 'RUB', net: 7_500n });
      expect(await exposed(again)).to.deep.equal([]);
    }
  });

  it('takes no fee from a branch for what was not done, or by the other branch', async () => {
    const fees = { direction: 'receives', gross: '0', commission: '0', fee: '7500', net: '7500' };
    const wish = { kind: 'sim-replacement', request: {} } as const;
    const { backup, legs, told, balances, id } = await settled(wish, fees);
    const free = { version: 4, cashBasisPoints: 150, cardPrice: '0.00', servicePrice: '0.00' };
    const again = await open(backup, referenceWith(free));
    await again.replay(...told);
    const say = (lie: object) => {
      const items = [{ operationId: id, attempt: 1, kind: wish.kind, peer: spb, ...fees, ...lie }];
      network.join(msk, async () => Response.json({ items, next: null }));
    };
    network.join(spb, async () => Response.json({ items: [], next: null, unchecked: true }));
    const isLeft = async () => {
      await again.lostSettlements.bringBack();
      expect(await obligationOf(again, id)).to.equal(undefined);
      expect(await again.store.read(again.lostDecisions.list)).to.have.length(1);
    };
    say({});
    await again.tell(...legs.slice(0, 1));
    await isLeft();
    await again.tell(...legs.slice(1));
    for (const lie of [{ kind: 'block' }, { gross: '7500', fee: '0' }, { direction: 'owes' }]) {
      say(lie);
      await isLeft();
    }
    say({});
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('comes back where what it had not held stands in the place of what costs nothing today', async () => {
    const wishes = [[{}, paid] as const, [replacement, fees] as const];
    const { backup, legs, told, balances, ids } = await settledAll(wishes, { early: 1 });
    const unnamed = operationEntries();
    const again = await open(backup, referenceWith(free));
    await again.tell(unnamed.accepted(), unnamed.executed());
    await again.replay(...told);
    await again.tell(...legs);
    for (let round = 0; round < 2; round += 1) await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, ids[1] ?? '')).to.include({ net: 7_500n });
    expect(await again.store.read(again.lostDecisions.list)).to.deep.equal([]);
    expect(await exposed(again)).to.have.length(2);
  });
});
