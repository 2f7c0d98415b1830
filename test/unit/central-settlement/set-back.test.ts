import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import { findObligation } from '../../../central-node/settlement/obligation-store.ts';
import { findSettlement } from '../../../central-node/settlement/settlement-store.ts';
import { settlementDetail } from '../../../central-node/settlement/settlement-view.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { parseMoney } from '../../../shared/money/money.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import {
  checker,
  graceMs,
  type HeadOffice,
  maker,
  msk,
  nsk,
  openHeadOffice,
  spb,
} from './settlement-fixture.ts';

describe('head office that was set back', () => {
  const network = createNetwork();
  const branches = [msk, spb, nsk];
  const opened: HeadOffice[] = [];
  let hq: HeadOffice;

  async function open(
    backup?: string,
    silent = new Set<NodeCode>(),
    away = new Set<NodeCode>(),
  ): Promise<HeadOffice> {
    const keys = await federationKeys(branches);
    const old = backup === undefined ? {} : { backup };
    const options = { keys, network, branches, silent, away, ...old };
    const node = await openHeadOffice(options);
    opened.push(node);
    return node;
  }
  const backupOf = async ({ store, folder }: HeadOffice): Promise<string> => {
    const path = join(folder, `backup-${randomUUID()}.db`);
    await store.backup(path);
    return path;
  };

  beforeEach(async () => {
    hq = await open();
  });
  afterEach(async () => {
    for (const node of opened.splice(0)) {
      expect(await node.faults()).to.deep.equal([]);
      await node.close();
    }
    for (const code of branches) network.leave(code);
  });

  async function matched(): Promise<string> {
    const { id, accepted, executed } = operationEntries();
    await hq.tell(accepted(), executed());
    return id;
  }
  async function closeWindow(): Promise<string> {
    const [window] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const id = window?.id ?? '';
    await hq.write((tx) => hq.obligations.closeWindow(tx, id));
    return id;
  }
  const make = (...windowIds: string[]) =>
    hq.write((tx) => hq.settlements.make(tx, { windowIds, model: 'multilateral', actor: maker }));
  const approve = (node: HeadOffice, id: string) =>
    node.write((tx) => node.settlements.approve(tx, { id, actor: checker }));
  const abort = (node: HeadOffice, id: string) =>
    node.write((tx) => node.settlements.abort(tx, { id, actor: checker }));

  /** What both branches answer: that this payment of MSK for SPB was settled, of each settlement another one. */
  function branchesFound(
    operationOf: string | ReadonlyMap<string, string>,
    sums = { gross: '50000', commission: '750', fee: '0', net: '49250' },
  ): void {
    const found = (url: string, peer: NodeCode, direction: string) => {
      const [, id = ''] = /settlements\/([^/]+)\//.exec(url) ?? [];
      const operationId = typeof operationOf === 'string' ? operationOf : operationOf.get(id);
      return {
        items: [{ operationId, attempt: 1, kind: 'payment', peer, direction, ...sums }],
        next: null,
      };
    };
    network.join(msk, async ({ url }) => Response.json(found(url, spb, 'owes')));
    network.join(spb, async ({ url }) => Response.json(found(url, msk, 'receives')));
  }

  /** Two people let it end as it stands: no money moves. */
  async function adjustNewestCase(): Promise<void> {
    const [found] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    const about = { id: found?.id ?? '' };
    await hq.write((tx) => hq.cases.explain(tx, { ...about, explanation: 'bug', actor: maker }));
    await hq.write((tx) => hq.cases.propose(tx, { ...about, reason: 'so', actor: maker }));
    await hq.approveCase({ ...about, actor: checker });
  }
  const allTold = async () =>
    (
      await Promise.all(
        ['case.opened', 'case.adjusted', 'case.closed', 'settlement.completed'].map(hq.logged),
      )
    ).flat();

  it('settles again what was settled, not what had been given up for it', async () => {
    const operationId = await matched();
    const givenUp = await make(await closeWindow());
    const backup = await backupOf(hq);
    await abort(hq, givenUp.id);
    const settled = await make(await closeWindow());
    await approve(hq, settled.id);
    const balances = await hq.balances();
    const told = await hq.logged('settlement.completed');

    const again = await open(backup);
    branchesFound(operationId);
    await again.replay(...told);
    expect((await refusalBy(approve(again, givenUp.id))).code).to.equal('recovering');
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
    const stateOf = async (id: string) =>
      (await again.store.read((tx) => findSettlement(tx, id)))?.state;
    expect(await stateOf(settled.id)).to.equal('SETTLED');
    expect(await stateOf(givenUp.id)).to.equal('ABORTED');
    expect((await refusalBy(approve(again, givenUp.id))).code).to.equal('settlement-conflict');
  });

  it('settles again what had been taken out of a closed window and settled in the next', async () => {
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const first = await closeWindow();
    const backup = await backupOf(hq);
    const empty = await make(first);
    await abort(hq, empty.id);
    const settled = await make(await closeWindow());
    await approve(hq, settled.id);
    const balances = await hq.balances();
    const told = await hq.logged('settlement.completed');

    const again = await open(backup);
    branchesFound(story.id);
    await again.replay(...told);
    await again.lostSettlements.bringBack();
    expect(await again.balances()).to.deep.equal(balances);
  });

  it('settles again what had been settled after people had adjusted its case', async () => {
    const backup = await backupOf(hq);
    const story = operationEntries();
    const legs = [story.accepted(), story.executed(), story.concluded('refused')] as const;
    await hq.tell(...legs);
    await adjustNewestCase();
    await approve(hq, (await make(await closeWindow())).id);
    const balances = await hq.balances();
    const told = await allTold();

    // The two branches' streams come in whatever order: where the conclusion is before the decision, nothing ever agrees.
    const [accepted, executed, concluded] = legs;
    for (const areLegsFirst of [true, false]) {
      for (const order of [legs, [accepted, concluded, executed]]) {
        const again = await open(backup);
        branchesFound(story.id);
        await again.replay(...told);
        if (!areLegsFirst) await again.lostSettlements.bringBack();
        await again.tell(...order);
        await again.lostSettlements.bringBack();
        expect(await again.balances()).to.deep.equal(balances);
      }
    }
  });

  it('takes what is owed beside an adjustment from its legs, and from no branch', async () => {
    const backup = await backupOf(hq);
    const story = operationEntries();
    const legs = [story.accepted(), story.executed(), story.concluded('refused')];
    await hq.tell(...legs);
    await adjustNewestCase();
    await approve(hq, (await make(await closeWindow())).id);
    const told = await allTold();
    hq = await open(backup);
    await hq.replay(...told);
    await hq.tell(...legs);
    const place = { operationId: story.id, attempt: 1 };
    branchesFound(story.id, { gross: '90000', commission: '0', fee: '0', net: '90000' });
    await hq.lostSettlements.bringBack();
    expect(await hq.store.read((tx) => findObligation(tx, place))).to.equal(undefined);
    branchesFound(story.id);
    await hq.lostSettlements.bringBack();
    const owed = await hq.store.read((tx) => findObligation(tx, place));
    expect(owed).to.include({ gross: 50_000n, net: 49_250n });
  });

  it('settles again what a case takes out of its closed window before the settlement is back', async () => {
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const window = await closeWindow();
    const backup = await backupOf(hq);
    await approve(hq, (await make(window)).id);
    const late = story.concluded('refused');
    await hq.tell(late);
    const balances = await hq.balances();
    const told = await allTold();

    for (const isCaseFirst of [false, true]) {
      const again = await open(backup);
      branchesFound(story.id);
      if (isCaseFirst) await again.tell(late);
      await again.replay(...told);
      if (!isCaseFirst) await again.tell(late);
      await again.lostSettlements.bringBack();
      expect(await again.balances()).to.deep.equal(balances);
    }
  });

  it('settles again in the next settlement what a case had kept out of the one before', async () => {
    const first = await matched();
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const backup = await backupOf(hq);
    await hq.tell(story.concluded('refused'));
    const window = await closeWindow();
    await adjustNewestCase();
    const settled = [await make(window), await make(await closeWindow())];
    for (const { id } of settled) await approve(hq, id);
    const balances = await hq.balances();
    const told = await allTold();

    const named = settled.map(({ id }, index) => [id, [first, story.id][index] ?? ''] as const);
    // Whichever of the two they answer first.
    for (const answers of [named, named.toReversed()]) {
      hq = await open(backup);
      await hq.replay(...told);
      branchesFound(new Map(answers.slice(0, 1)));
      await hq.lostSettlements.bringBack();
      branchesFound(new Map(answers));
      await hq.lostSettlements.bringBack();
      expect(await hq.balances()).to.deep.equal(balances);
    }
  });

  it('settles again without what a case had kept out of the window at its closing', async () => {
    for (const isClosedInBackup of [false, true]) {
      hq = await open();
      const operationId = await matched();
      const story = operationEntries();
      await hq.tell(story.accepted(), story.executed());
      const early = isClosedInBackup ? undefined : await backupOf(hq);
      await hq.tell(story.concluded('refused'));
      const first = await closeWindow();
      const backup = early ?? (await backupOf(hq));
      await adjustNewestCase();
      await approve(hq, (await make(first)).id);
      const balances = await hq.balances();
      const told = await allTold();

      hq = await open(backup);
      branchesFound(operationId);
      await hq.replay(...told);
      await hq.lostSettlements.bringBack();
      expect(await hq.balances()).to.deep.equal(balances);
      const { positions } = await make(await closeWindow());
      expect(positions.map(({ count }) => count)).to.deep.equal([1, 1]);
    }
  });

  /** Neither has checked it, and neither takes a page of it that it had asked for before. */
  const branchesSay = (answers: object) => {
    for (const code of [msk, spb]) network.join(code, async () => Response.json(answers));
  };
  const nothing = { items: [], next: null, unchecked: true };
  const recallsTold = async (node: HeadOffice) =>
    (await node.logged('settlement.recalled')).map(({ to }) => to);

  it('takes back what no branch can say, and settles its operations another time', async () => {
    const story = operationEntries();
    const backup = await backupOf(hq);
    await hq.tell(story.accepted(), story.executed());
    await approve(hq, (await make(await closeWindow())).id);
    const balances = await hq.balances();
    const told = await hq.logged('settlement.completed');

    hq = await open(backup);
    await hq.replay(...told);
    await hq.tell(story.accepted(), story.executed());
    branchesSay({ items: [], next: null });
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([]);
    expect((await refusalBy(closeWindow())).code).to.equal('recovering');
    branchesSay(nothing);
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([[msk, spb]]);
    expect(await hq.balances()).to.deep.equal({});
    await approve(hq, (await make(await closeWindow())).id);
    expect(await hq.balances()).to.deep.equal(balances);
  });

  /** Payments between all three, in a backup of before they were settled; then only MSK's word of that is left. */
  async function settledByThree() {
    const mskNames: object[] = [];
    for (const [serving, home] of [
      [msk, spb],
      [msk, nsk],
      [spb, nsk],
    ] as const) {
      const { id, accepted, executed } = operationEntries({ serving, home });
      await hq.tell(accepted(), executed());
      const place = { operationId: id, attempt: 1, kind: 'payment', peer: home, direction: 'owes' };
      const sums = { gross: '50000', commission: '750', fee: '0', net: '49250' };
      if (serving === msk) mskNames.push({ ...place, ...sums });
    }
    const backup = await backupOf(hq);
    const { id } = await make(await closeWindow());
    await approve(hq, id);
    const told = await hq.logged('settlement.completed');
    return { backup, id, told: told.filter(({ to }) => to.includes(msk)), mskNames };
  }

  it('shows what it knows of a settlement before all of it is back', async () => {
    const { backup, id, told } = await settledByThree();
    hq = await open(backup, new Set([nsk]), new Set([nsk]));
    await hq.replay(...told);
    const { net } = settlementDetail(await hq.store.read((tx) => hq.settlements.view(tx, id)));
    expect(net.map(({ branch, net: { amount } }) => [branch, amount])).to.deep.equal([
      ...[
        ['MSK', '-985.00'],
        ['NSK', '492.50'],
        ['SPB', '492.50'],
      ],
    ]);
  });

  it('takes back what stands in its windows between two branches of which neither was told', async () => {
    const { backup, told, mskNames } = await settledByThree();
    const balances = await hq.balances();
    const recalledAfter = async (...silent: NodeCode[]) => {
      hq = await open(backup, new Set(silent));
      await hq.replay(...told);
      branchesSay(nothing);
      network.join(nsk, async () => Response.json(nothing));
      network.join(msk, async () => Response.json({ items: mskNames, next: null }));
      await hq.lostSettlements.bringBack();
      return recallsTold(hq);
    };
    // Who has not said yet what he was told may have been told it.
    expect(await recalledAfter(nsk)).to.deep.equal([]);
    expect((await refusalBy(make('any'))).code).to.equal('recovering');
    // What remains is what the branches were told.
    expect(await recalledAfter()).to.deep.equal([[nsk, spb]]);
    await approve(hq, (await make(await closeWindow())).id);
    expect(await hq.balances()).to.deep.equal(balances);
  });

  it('lets two people decide what one of the two would have been told, if he does not come back', async () => {
    const { backup, told, id: settlementId, mskNames } = await settledByThree();
    hq = await open(backup, new Set([nsk]), new Set([nsk]));
    await hq.replay(...told);
    branchesSay(nothing);
    network.join(msk, async () => Response.json({ items: mskNames, next: null }));
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([]);
    for (const other of [spb, msk]) {
      const { decision } = await hq.write((tx) =>
        hq.lostDecisions.propose(tx, {
          ...{ settlementId, pair: [nsk, other], without: nsk, reason: 'gone', actor: maker },
        }),
      );
      const proposal = decision?.id ?? '';
      await hq.write((tx) =>
        hq.lostDecisions.approve(tx, { settlementId, proposal, actor: checker }),
      );
    }
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([[nsk, spb]]);
    expect(await hq.store.read(hq.lostDecisions.list)).to.deep.equal([]);
  });

  it('takes nothing back as long as one of the two may know it', async () => {
    const backup = await backupOf(hq);
    await matched();
    await approve(hq, (await make(await closeWindow())).id);
    const told = await hq.logged('settlement.completed');
    hq = await open(backup);
    await hq.replay(...told);
    branchesSay(nothing);
    network.leave(spb);
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([]);
    expect((await refusalBy(make('any'))).code).to.equal('recovering');
  });

  it('owes in the open window again what stood in a closed one, and was settled without', async () => {
    const story = operationEntries();
    await matched();
    await hq.tell(story.accepted(), story.executed());
    const first = await closeWindow();
    const backup = await backupOf(hq);
    await hq.tell(story.concluded('refused'));
    await approve(hq, (await make(first)).id);
    const told = await hq.logged('settlement.completed');

    hq = await open(backup);
    await hq.replay(...told);
    branchesSay(nothing);
    await hq.lostSettlements.bringBack();
    expect(await recallsTold(hq)).to.deep.equal([[msk, spb]]);
    expect(await hq.balances()).to.deep.equal({});
    const { positions } = await make(await closeWindow());
    expect(positions.map(({ count }) => count)).to.deep.equal([2, 2]);
  });

  it('forgets a settlement that it had taken back before, in a backup that still has it', async () => {
    const early = await backupOf(hq);
    await matched();
    const { id } = await make(await closeWindow());
    await approve(hq, id);
    const late = await backupOf(hq);
    const told = await hq.logged('settlement.completed');
    hq = await open(early);
    await hq.replay(...told);
    branchesSay(nothing);
    await hq.lostSettlements.bringBack();
    const recalled = await hq.logged('settlement.recalled');

    hq = await open(late);
    await hq.replay(...recalled, ...recalled);
    expect(await hq.balances()).to.deep.equal({});
    const { positions } = await make(await closeWindow());
    expect(positions.map(({ count }) => count)).to.deep.equal([1, 1]);
  });

  it('tells a branch that was not told, also where the backup has all positions', async () => {
    await matched();
    const { id } = await make(await closeWindow());
    const backup = await backupOf(hq);
    await approve(hq, id);
    const [ofOne] = await hq.logged('settlement.completed');
    hq = await open(backup);
    if (ofOne) await hq.replay(ofOne);
    await hq.lostSettlements.bringBack();
    const told = (await hq.logged('settlement.completed')).flatMap(({ to }) => to);
    expect(told.toSorted()).to.deep.equal([msk, spb]);
  });

  /** A leg stayed alone past its time; two people adjusted the case. */
  async function adjustedAfterBackup() {
    await hq.tell(operationEntries().accepted());
    const old = await backupOf(hq);
    hq.clock.shift(graceMs + 1_000);
    await hq.write(hq.reconciliation.sweep);
    const [known] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    const id = known?.id ?? '';
    const money = parseMoney({ amount: '5.00', currency: 'RUB' });
    const owes = { debtor: msk, creditor: spb, money };
    await hq.write((tx) => hq.cases.explain(tx, { id, explanation: 'lost', actor: maker }));
    await hq.write((tx) => hq.cases.propose(tx, { id, reason: 'lost', owes, actor: maker }));
    await hq.approveCase({ id, actor: checker });
    const kinds = ['case.opened', 'case.adjusted', 'case.closed'];
    const told = (await Promise.all(kinds.map(hq.logged))).flat();
    return { old, told, balances: await hq.balances() };
  }

  it('opens no case while it recovers: it may have told one', async () => {
    const { old } = await adjustedAfterBackup();
    const again = await open(old);
    again.clock.shift(graceMs + 1_000);
    await again.write((tx) => again.federation.recovery.mark(tx, 'test'));
    expect(await again.write(again.reconciliation.sweep)).to.equal(0);
    expect(await again.store.read((tx) => listCases(tx, { limit: 5 }))).to.deep.equal([]);
  });

  it('gives up the case that it opened before it knew that it had forgotten one', async () => {
    const { old, told, balances } = await adjustedAfterBackup();
    const again = await open(old);
    again.clock.shift(graceMs + 1_000);
    expect(await again.write(again.reconciliation.sweep)).to.equal(1);
    await again.replay(...told);
    const cases = await again.store.read((tx) => listCases(tx, { limit: 5 }));
    expect(cases.map(({ state }) => state)).to.deep.equal(['closed', 'closed']);
    expect(await again.balances()).to.deep.equal(balances);
  });
});
