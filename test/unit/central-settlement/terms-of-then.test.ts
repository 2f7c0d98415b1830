import { join } from 'node:path';
import { expect } from 'chai';
import { isSound } from '../../../central-node/settlement/lost-terms.ts';
import { exposures, findObligation } from '../../../central-node/settlement/obligation-store.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries, type Story } from './entries-fixture.ts';
import {
  checker,
  type HeadOffice,
  maker,
  msk,
  openHeadOffice,
  reference,
  referenceWith,
  spb,
} from './settlement-fixture.ts';

/** What was settled comes back by the terms that the branches checked; their legs alone have today's. */
describe('a lost settlement whose terms a release has changed since', () => {
  const network = createNetwork();
  const branches = [msk, spb];
  const opened: HeadOffice[] = [];

  async function open(backup?: string, release = reference): Promise<HeadOffice> {
    const keys = await federationKeys(branches);
    const old = backup === undefined ? {} : { backup };
    const node = await openHeadOffice({ keys, network, branches, release, ...old });
    opened.push(node);
    return node;
  }
  afterEach(async () => {
    for (const node of opened.splice(0)) {
      expect(await node.faults()).to.deep.equal([]);
      await node.close();
    }
    for (const code of branches) network.leave(code);
  });

  async function closeOpen(hq: HeadOffice): Promise<string> {
    const [window] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const id = window?.id ?? '';
    await hq.write((tx) => hq.obligations.closeWindow(tx, id));
    return id;
  }

  interface Item {
    readonly direction: string;
    readonly gross: string;
    readonly commission: string;
    readonly fee: string;
    readonly net: string;
  }

  /**
   * Operations of MSK for SPB, settled after the backup, which has the legs of the first `early` of them; MSK names them
   * when it is asked.
   */
  async function settledAll(wishes: readonly (readonly [Story, Item])[], early = 0) {
    const hq = await open();
    const backup = join(hq.folder, `backup-${systemIds.uuid()}.db`);
    const done = wishes.map(([wish, item]) => {
      const { id, accepted, executed } = operationEntries(wish);
      const { kind = 'payment' } = wish;
      const named = { operationId: id, attempt: 1, kind, peer: spb, ...item };
      return { id, legs: [accepted(), executed()], named };
    });
    await hq.tell(...done.slice(0, early).flatMap((each) => each.legs));
    await hq.store.backup(backup);
    const legs = done.slice(early).flatMap((each) => each.legs);
    await hq.tell(...legs);
    const windowIds = [await closeOpen(hq)];
    const model = 'multilateral';
    const made = await hq.write((tx) =>
      hq.settlements.make(tx, { windowIds, model, actor: maker }),
    );
    await hq.write((tx) => hq.settlements.approve(tx, { id: made.id, actor: checker }));
    const told = await hq.logged('settlement.completed');
    const items = done.map(({ named }) => named);
    mskSays(items);
    return {
      backup,
      legs,
      told,
      balances: await hq.balances(),
      ids: done.map(({ id }) => id),
      items,
    };
  }

  async function settled(wish: Story, item: Item) {
    const { ids, ...rest } = await settledAll([[wish, item]]);
    return { ...rest, id: ids[0] ?? '' };
  }
  const mskSays = (items: readonly object[]) =>
    network.join(msk, async () => Response.json({ items, next: null }));
  const spbHasNothing = () =>
    network.join(spb, async () => Response.json({ items: [], next: null, unchecked: true }));
  const obligationOf = (hq: HeadOffice, operationId: string) =>
    hq.store.read((tx) => findObligation(tx, { operationId, attempt: 1 }));
  const exposed = async (hq: HeadOffice) =>
    (await hq.store.read(exposures)).filter(({ net }) => net !== 0n);

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

  const fees = { direction: 'receives', gross: '0', commission: '0', fee: '7500', net: '7500' };
  const paid = { direction: 'owes', gross: '50000', commission: '750', fee: '0', net: '49250' };
  const replacement = { kind: 'sim-replacement', request: {} } as const;
  const dearer = { version: 4, cashBasisPoints: 200 };
  const free = { ...dearer, cardPrice: '0.00', servicePrice: '0.00' };

  it('makes nothing owed that was not in it, whatever a branch says when it is asked again', async () => {
    const { backup, legs, told, balances, items } = await settledAll([
      [{}, paid],
      [replacement, fees],
    ]);
    const other = operationEntries(replacement);
    const again = await open(backup, referenceWith(free));
    await again.replay(...told);
    await again.lostSettlements.bringBack();
    await again.tell(...legs, other.accepted(), other.executed());
    const [payment, service] = items;
    spbHasNothing();
    mskSays([payment ?? {}, { ...service, operationId: other.id }]);
    await again.lostSettlements.bringBack();
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(await again.store.read(again.lostDecisions.list)).to.have.length(1);
    mskSays(items);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, other.id)).to.equal(undefined);
    expect(await exposed(again)).to.deep.equal([]);
  });

  it('a cancellation follows no commission that one branch alone names, and no release', async () => {
    const { backup, legs, told, balances, ids, items } = await settledAll([
      [{}, paid],
      [{}, paid],
    ]);
    const [first = {}, second = {}] = items;
    const money = { amount: '500.00', currency: 'RUB' };
    const { id, accepted, executed } = operationEntries({
      kind: 'payment-cancellation',
      request: { payment: ids[0] ?? '', money, reason: 'wrong number' },
      result: { reversed: true, money },
    });
    const again = await open(backup, referenceWith(dearer));
    await again.replay(...told);
    await again.tell(...legs, accepted(), executed());
    spbHasNothing();
    mskSays([
      { ...first, commission: '1500', net: '48500' },
      { ...second, commission: '0', net: '50000' },
    ]);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    expect(await obligationOf(again, id)).to.include({ commission: 1_000n, net: 49_000n });
    opened.splice(opened.indexOf(again), 1);
    const [fault, ...others] = await again.faults();
    expect(fault).to.include(`what a cancellation gives back differs: ${id}`);
    expect(others).to.deep.equal([]);
    await again.close();
  });

  it('comes back where what it had not held stands in the place of what costs nothing today', async () => {
    const wishes = [[{}, paid] as const, [replacement, fees] as const];
    const { backup, legs, told, balances, ids } = await settledAll(wishes, 1);
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
