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
  spb,
} from './settlement-fixture.ts';

export interface Item {
  readonly direction: string;
  readonly gross: string;
  readonly commission: string;
  readonly fee: string;
  readonly net: string;
}

export const paid = {
  ...{ direction: 'owes', gross: '50000', commission: '750', fee: '0', net: '49250' },
};
export const fees = {
  ...{ direction: 'receives', gross: '0', commission: '0', fee: '7500', net: '7500' },
};
export const replacement = { kind: 'sim-replacement', request: {} } as const;
export const dearer = { version: 4, cashBasisPoints: 200 };
export const free = { ...dearer, cardPrice: '0.00', servicePrice: '0.00' };

type Doing = (hq: HeadOffice) => Promise<void>;

/** A head office that forgets a settlement of MSK and SPB; call it in a `describe`. */
export function lostTermsWorld() {
  const network = createNetwork();
  const branches = [msk, spb];
  const opened: HeadOffice[] = [];

  async function open(
    backup?: string,
    release = reference,
    more: Pick<Parameters<typeof openHeadOffice>[0], 'termsBetween' | 'cutOff' | 'away'> = {},
  ): Promise<HeadOffice> {
    const keys = await federationKeys(branches);
    const old = backup === undefined ? {} : { backup };
    const node = await openHeadOffice({ keys, network, branches, release, ...old, ...more });
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

  /**
   * Operations of MSK for SPB, settled after the backup, which has the legs of the first `early` of them; MSK names them
   * when it is asked. What is done `soon`, before the backup, and `also`, before the window closes, it does not name.
   */
  async function settledAll(
    wishes: readonly (readonly [Story, Item])[],
    { early = 0, soon, also }: { early?: number; soon?: Doing; also?: Doing } = {},
  ) {
    const hq = await open();
    const backup = join(hq.folder, `backup-${systemIds.uuid()}.db`);
    const done = wishes.map(([wish, item]) => {
      const { id, accepted, executed } = operationEntries(wish);
      const { kind = 'payment' } = wish;
      const named = { operationId: id, attempt: 1, kind, peer: spb, ...item };
      return { id, legs: [accepted(), executed()], named };
    });
    await hq.tell(...done.slice(0, early).flatMap((each) => each.legs));
    await soon?.(hq);
    await hq.store.backup(backup);
    const legs = done.slice(early).flatMap((each) => each.legs);
    await also?.(hq);
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
    spbHasNothing();
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
  const says = (branch: NodeCode, items: readonly object[]) =>
    network.join(branch, async () => Response.json({ items, next: null }));
  const mskSays = (items: readonly object[]) => says(msk, items);
  /** The same, as the other branch sees it. */
  const spbSays = (items: readonly (Item & object)[]) =>
    says(
      spb,
      items.map((item) => ({
        ...item,
        ...{ peer: msk, direction: item.direction === 'owes' ? 'receives' : 'owes' },
      })),
    );
  const hasNothing = (branch: NodeCode) =>
    network.join(branch, async () => Response.json({ items: [], next: null, unchecked: true }));
  const mskHasNothing = () => hasNothing(msk);
  const spbHasNothing = () => hasNothing(spb);
  const alarmsOf = (hq: HeadOffice) =>
    hq.alarms.list().flatMap(({ code, detail }) => (code === 'settlement-lost' ? detail : []));
  const obligationOf = (hq: HeadOffice, operationId: string) =>
    hq.store.read((tx) => findObligation(tx, { operationId, attempt: 1 }));
  const exposed = async (hq: HeadOffice) =>
    (await hq.store.read(exposures)).filter(({ net }) => net !== 0n);
  async function lostPosition(hq: HeadOffice) {
    const [lost] = await hq.store.read(hq.lostDecisions.list);
    return { settlementId: lost?.settlement.id ?? '', position: lost?.positions[0] };
  }

  async function decideWithout(hq: HeadOffice, without: NodeCode): Promise<void> {
    const { settlementId } = await lostPosition(hq);
    const wish = { settlementId, pair: [msk, spb] as const, without, actor: maker };
    const { decision } = await hq.write((tx) =>
      hq.lostDecisions.propose(tx, { ...wish, reason: 'does not say what was settled' }),
    );
    const proposal = decision?.id ?? '';
    await hq.write((tx) =>
      hq.lostDecisions.approve(tx, { settlementId, proposal, actor: checker }),
    );
  }

  const windowOf = async (hq: HeadOffice, id: string) => (await obligationOf(hq, id))?.windowId;

  /** Settled and lost, and another operation that is not settled; head office has the legs of both again. */
  async function withAnother(story: Story = {}, more: Parameters<typeof open>[2] = {}) {
    const lost = await settled({}, paid);
    const other = operationEntries(story);
    const hq = await open(lost.backup, reference, more);
    await hq.replay(...lost.told);
    await hq.tell(...lost.legs, other.accepted(), other.executed());
    const others = { ...lost.items[0], ...paid, operationId: other.id };
    return { ...lost, hq, other, others };
  }

  return {
    ...{ network, open, closeOpen, settledAll, settled, mskSays, spbSays },
    ...{ mskHasNothing, spbHasNothing, obligationOf, exposed, alarmsOf },
    ...{ lostPosition, decideWithout, windowOf, withAnother },
  };
}
