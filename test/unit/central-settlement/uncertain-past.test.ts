import { join } from 'node:path';
import { expect } from 'chai';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import { listWindows } from '../../../central-node/settlement/window-store.ts';
import { federationKeys, refusalBy } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import { checker, type HeadOffice, maker, msk, openHeadOffice, spb } from './settlement-fixture.ts';

describe('head office that may have forgotten what it settled', () => {
  const opened: HeadOffice[] = [];
  let hq: HeadOffice;

  async function open(options: { backup?: string; isUncertain?: boolean } = {}) {
    const keys = await federationKeys([msk, spb]);
    const node = await openHeadOffice({
      ...{ keys, network: createNetwork(), branches: [msk, spb], ...options },
    });
    opened.push(node);
    return node;
  }
  beforeEach(async () => {
    hq = await open();
  });
  afterEach(async () => {
    for (const node of opened.splice(0)) await node.close();
  });

  it('decides nothing about money: not while it recovers, nor before all have said what they hold', async () => {
    const matched = operationEntries();
    await hq.tell(matched.accepted(), matched.executed());
    const openWindow = async () =>
      (await hq.store.read((tx) => listWindows(tx, { state: 'OPEN', limit: 1 })))[0]?.id ?? '';
    const first = await openWindow();
    const close = (id: string) => hq.write((tx) => hq.obligations.closeWindow(tx, id));
    const make = (id: string) => {
      const wish = { windowIds: [id], model: 'multilateral', actor: maker } as const;
      return hq.write((tx) => hq.settlements.make(tx, wish));
    };
    await close(first);
    const { id } = await make(first);
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed(), story.concluded('refused'));
    const [found] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    const about = { id: found?.id ?? '' };
    await hq.write((tx) => hq.cases.explain(tx, { ...about, explanation: 'bug', actor: maker }));
    await hq.write((tx) => hq.cases.propose(tx, { ...about, reason: 'executed', actor: maker }));
    const window = await openWindow();
    const refusals = async () => {
      const decided = { id, actor: checker };
      const decisions = [
        close(window),
        make(first),
        hq.write((tx) => hq.settlements.approve(tx, decided)),
        hq.write((tx) => hq.settlements.abort(tx, decided)),
        hq.approveCase({ ...about, actor: checker }),
      ];
      const refused = await Promise.all(decisions.map(refusalBy));
      return refused.map(({ code }) => code);
    };
    const backup = join(hq.folder, 'backup.db');
    await hq.store.backup(backup);
    await hq.write((tx) => hq.federation.recovery.mark(tx, 'test'));
    expect(await refusals()).to.deep.equal(Array(5).fill('recovering'));
    hq = await open({ backup, isUncertain: true });
    expect(await refusals()).to.deep.equal(Array(5).fill('past-uncertain'));
  });
});
