import { expect } from 'chai';
import { findCase, listCases } from '../../../central-node/reconciliation/case-store.ts';
import { findObligation } from '../../../central-node/settlement/obligation-store.ts';
import { totalsOf } from '../../../shared/reconciliation/leg-totals-store.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries, toldAgain } from '../central-settlement/entries-fixture.ts';
import {
  checker,
  graceMs,
  type HeadOffice,
  maker,
  msk,
  openHeadOffice,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

/** The branch got `case.adjusted` as the last entry of a batch, and head office lost its store before the next one. */
describe('a case of which the adjustment came back and the closing did not', () => {
  let before: HeadOffice;
  let hq: HeadOffice;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    before = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
  });
  afterEach(async () => {
    for (const each of [before, hq]) {
      expect(await each.faults()).to.deep.equal([]);
      await each.close();
    }
  });

  async function adjustCase(): Promise<string> {
    const [opened] = await before.store.read((tx) => listCases(tx, { limit: 10 }));
    const id = opened?.id ?? '';
    await before.write((tx) => before.cases.explain(tx, { id, explanation: 'so', actor: maker }));
    await before.write((tx) => before.cases.propose(tx, { id, reason: 'so', actor: maker }));
    await before.approveCase({ id, actor: checker });
    return id;
  }
  /** What a set-back head office got back: all but the closing. */
  async function bringBack(): Promise<void> {
    await hq.replay(
      ...(await before.logged('case.opened')),
      ...(await before.logged('case.adjusted')),
    );
  }

  it('closes, and lets the sweep go on', async () => {
    const one = operationEntries();
    const reaches = { epoch: 'e'.repeat(32), seq: 9 };
    const closing = (totals: object): LogEntry =>
      toldAgain(one.accepted(), {
        kind: 'day.closed',
        body: { date: today, totals, reaches } as never,
      });
    for (const office of [before, hq]) {
      await office.tell(one.accepted());
      await office.write((tx) => office.reconciliation.takeDayClosed(tx, closing([])));
    }
    const id = await adjustCase();
    await bringBack();
    expect((await hq.store.read((tx) => findCase(tx, id)))?.state).to.not.equal('detected');
    // Later the date agrees: the branch tells its totals again.
    const totals = await hq.store.read((tx) => totalsOf(tx, msk, today));
    const outcomes: string[] = [];
    const attempt = (work: Promise<unknown>) =>
      work.then(
        () => outcomes.push('done'),
        (error: Error) => outcomes.push(`${(error as { code?: string }).code}: ${error.message}`),
      );
    await attempt(hq.write((tx) => hq.reconciliation.takeDayClosed(tx, closing(totals))));
    await hq.write((tx) =>
      tx.run('UPDATE day_closings SET totals = ? WHERE branch = ?', JSON.stringify(totals), msk),
    );
    await attempt(hq.write((tx) => hq.reconciliation.sweep(tx)));
    await attempt(
      hq.write((tx) => hq.cases.explain(tx, { id, explanation: 'again', actor: maker })),
    );
    const found = await hq.store.read((tx) => findCase(tx, id));
    expect(outcomes.slice(0, 2)).to.deep.equal(['done', 'done']);
    expect(found?.state).to.equal('closed');
  });

  it('gives back what it held', async () => {
    const story = operationEntries();
    for (const office of [before, hq]) {
      await office.tell(story.accepted(), story.executed());
      // Its own conclusion is another one: a case, and what was owed is held.
      await office.tell(story.concluded('refused'));
    }
    await adjustCase();
    const there = await before.store.read((tx) =>
      findObligation(tx, { operationId: story.id, attempt: 1 }),
    );
    // Head office had opened its own case meanwhile: the one that comes back takes its place.
    await bringBack();
    const here = await hq.store.read((tx) =>
      findObligation(tx, { operationId: story.id, attempt: 1 }),
    );
    expect(there?.caseId).to.equal(null);
    expect(here?.caseId).to.equal(null);
  });

  it('is not opened once more when the legs of its operation come again', async () => {
    const story = operationEntries();
    const alone = story.accepted();
    await before.tell(alone);
    before.clock.shift(graceMs + 1_000);
    await before.write(before.reconciliation.sweep);
    await adjustCase();
    await bringBack();
    await hq.tell(alone);
    hq.clock.shift(graceMs + 1_000);
    expect(await hq.write(hq.reconciliation.sweep)).to.equal(0);
    const cases = await hq.store.read((tx) => listCases(tx, { limit: 10 }));
    expect(cases.map(({ state }) => state)).to.deep.equal(['closed']);
    // What had never come before is looked at by people, there as here.
    for (const office of [before, hq]) {
      await office.tell(story.executed());
      const [newest] = await office.store.read((tx) => listCases(tx, { limit: 1 }));
      expect(newest).to.include({ kind: 'legs-differ', state: 'detected' });
    }
  });

  it('is looked at again where its operation may have been owed beside it', async () => {
    const story = operationEntries();
    const [accepted, executed, concluded] = [
      story.accepted(),
      story.executed(),
      story.concluded('refused'),
    ];
    await before.tell(accepted, executed, concluded);
    await adjustCase();
    const owed = (office: HeadOffice) =>
      office.store.read((tx) => findObligation(tx, { operationId: story.id, attempt: 1 }));
    expect(await owed(before)).to.include({ caseId: null, net: 49_250n });
    await bringBack();
    // The two branches' streams come in whatever order: here it never matched.
    await hq.tell(accepted, concluded, executed);
    expect(await owed(hq)).to.equal(undefined);
    const [newest] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    expect(newest?.state).to.equal('detected');
  });
});
