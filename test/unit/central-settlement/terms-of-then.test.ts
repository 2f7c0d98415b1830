import { join } from 'node:path';
import { expect } from 'chai';
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

  /** One operation of MSK for SPB, settled after the backup; MSK names it when it is asked. */
  async function settled(
    wish: Story,
    item: { direction: string; gross: string; commission: string; fee: string; net: string },
  ) {
    const hq = await open();
    const backup = join(hq.folder, `backup-${systemIds.uuid()}.db`);
    await hq.store.backup(backup);
    const story = operationEntries(wish);
    const legs = [story.accepted(), story.executed()];
    await hq.tell(...legs);
    const windowIds = [await closeOpen(hq)];
    const model = 'multilateral';
    const made = await hq.write((tx) =>
      hq.settlements.make(tx, { windowIds, model, actor: maker }),
    );
    await hq.write((tx) => hq.settlements.approve(tx, { id: made.id, actor: checker }));
    const told = await hq.logged('settlement.completed');
    const { kind = 'payment' } = wish;
    const items = [{ operationId: story.id, attempt: 1, kind, peer: spb, ...item }];
    network.join(msk, async () => Response.json({ items, next: null }));
    return { backup, legs, told, balances: await hq.balances(), id: story.id };
  }
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
    const { backup, legs, told, id } = await settled(
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
});
