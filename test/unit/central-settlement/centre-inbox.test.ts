import { expect } from 'chai';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import { listSettlements } from '../../../central-node/settlement/settlement-store.ts';
import { settlementView } from '../../../central-node/settlement/settlement-view.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import { centreInbox } from '../../../central-node/web/centre-inbox.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import { graceMs, type HeadOffice, maker, msk, openHeadOffice, spb } from './settlement-fixture.ts';

type Endpoints = Parameters<typeof centreInbox>[0];
interface Wish {
  query: { limit: string; state?: never; cursor?: string };
}

describe("head office's inbox", () => {
  let hq: HeadOffice;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
  });
  afterEach(() => hq.close());

  /** What waits, by text, for a person; the endpoints answer as the routes do. */
  async function waiting(principal: { login: string; name: string }) {
    const page = <Row>(rows: Row[], limit: number) => ({
      items: rows.slice(0, limit),
      next: rows.length > limit ? 'more' : null,
    });
    const endpoints = {
      cases: {
        listCases: async (_: unknown, { query: { limit, ...filter } }: Wish) => {
          const rows = await hq.store.read((tx) =>
            listCases(tx, { ...filter, limit: Number(limit) + 1 }),
          );
          return page(rows, Number(limit));
        },
      },
      settlement: {
        listSettlements: async (_: unknown, { query: { limit, ...filter } }: Wish) => {
          const rows = await hq.store.read((tx) =>
            listSettlements(tx, { ...filter, limit: Number(limit) + 1 }),
          );
          return page(rows.map(settlementView), Number(limit));
        },
        listSettlementWindows: async (_: unknown, { query: { limit, ...filter } }: Wish) => {
          const rows = await hq.store.read((tx) =>
            listWindows(tx, { ...filter, limit: Number(limit) + 1 }),
          );
          return page(rows, Number(limit));
        },
      },
    } as unknown as Endpoints;
    const view = { c: {}, principal, words: (texts: { en: object }) => texts.en ?? texts };
    const wanted = ['case.work', 'settlement.check', 'settlement.make'];
    const counts: Record<string, number> = {};
    for (const source of centreInbox(endpoints)) {
      if (!wanted.includes(source.permission)) continue;
      for (const each of await source.look(view as never)) counts[source.permission] = each.count;
    }
    return counts;
  }

  it('does not ask who prepared a settlement to approve it', async () => {
    const { accepted, executed } = operationEntries();
    await hq.tell(accepted(), executed());
    const [open] = await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 }));
    const windowIds = [open?.id ?? ''];
    await hq.write((tx) => hq.obligations.closeWindow(tx, windowIds[0] ?? ''));
    await hq.write((tx) =>
      hq.settlements.make(tx, { windowIds, model: 'multilateral', actor: maker }),
    );
    expect(await waiting({ login: 'fyodorov', name: maker.name })).to.include({
      'settlement.check': 0,
    });
    expect(await waiting({ login: 'belova', name: 'Юлия Белова' })).to.include({
      'settlement.check': 1,
    });
  });

  it('names a case that is open though a hundred newer ones have closed by themselves', async () => {
    const lost = operationEntries();
    await hq.tell(lost.accepted());
    hq.clock.shift(graceMs);
    await hq.write((tx) => hq.reconciliation.sweep(tx));
    // Petersburg is away for longer than the grace period, and comes back.
    const late = Array.from({ length: 101 }, () => operationEntries());
    for (const { accepted } of late) await hq.tell(accepted());
    hq.clock.shift(graceMs);
    for (let round = 0; round < 2; round += 1) await hq.write((tx) => hq.reconciliation.sweep(tx));
    for (const { executed } of late) await hq.tell(executed());
    const open = await hq.store.read((tx) =>
      tx.get<{ n: bigint }>("SELECT COUNT(*) AS n FROM cases WHERE state <> 'closed'"),
    );
    expect(open?.n).to.equal(1n);
    expect(await waiting({ login: 'belova', name: 'Юлия Белова' })).to.include({ 'case.work': 1 });
  });
});
