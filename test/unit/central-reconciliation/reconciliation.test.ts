import { expect } from 'chai';
import fc from 'fast-check';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import {
  operationsOfDay,
  reconciliationReport,
} from '../../../central-node/reconciliation/reconciliation-report.ts';
import { findObligation } from '../../../central-node/settlement/obligation-store.ts';
import { unreadable } from '../../../shared/federation/set-aside.ts';
import { totalsOf } from '../../../shared/reconciliation/leg-totals-store.ts';
import { nextDay } from '../../../shared/time/clock.ts';
import { factSha256 } from '../../../shared/wire/fact.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries, toldAgain } from '../central-settlement/entries-fixture.ts';
import {
  graceMs,
  type HeadOffice,
  msk,
  nsk,
  openHeadOffice,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

describe('reconciliation at head office', () => {
  let hq: HeadOffice;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb, nsk]);
    // Nobody else is there: what head office logs waits for them.
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
  });
  afterEach(async () => {
    expect(await hq.faults()).to.deep.equal([]);
    await hq.close();
  });

  const operations = (operationDate = today) =>
    hq.store.read((tx) => operationsOfDay(tx, { operationDate, limit: 1_000 }));
  const stateOf = async (id: string, attempt = 1) =>
    (await operations()).find((row) => row.operationId === id && row.attempt === attempt)?.state;
  const owed = (operationId: string, attempt = 1) =>
    hq.store.read((tx) => findObligation(tx, { operationId, attempt }));
  const cases = () => hq.store.read((tx) => listCases(tx, { limit: 100 }));
  const sweep = () => hq.write((tx) => hq.reconciliation.sweep(tx));
  const report = () =>
    hq.store.read((tx) => reconciliationReport(tx, { businessDate: today, branches: [msk, spb] }));

  it('matches in every order of arrival, with every leg told once or more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 4 }), fc.nat(5), async (again, order) => {
        const story = operationEntries();
        const legs = [story.accepted(), story.executed(), story.concluded()];
        const orders = [
          [0, 1, 2],
          [0, 2, 1],
          [1, 0, 2],
          [1, 2, 0],
          [2, 0, 1],
          [2, 1, 0],
        ];
        for (const index of [...(orders[order] ?? []), ...again]) {
          const entry = legs[index];
          if (entry) await hq.tell(toldAgain(entry, { businessDate: today }));
        }
        expect(await stateOf(story.id)).to.equal('matched');
        const obligation = await owed(story.id);
        expect(obligation).to.include({ debtor: msk, creditor: spb, net: 49_250n });
      }),
      { numRuns: 40 },
    );
    expect(await cases()).to.deep.equal([]);
  });

  it('makes no obligation before both legs are there, nor for a refusal', async () => {
    const [half, refused] = [operationEntries(), operationEntries()];
    await hq.tell(half.executed(), refused.accepted(), refused.refused());
    await hq.tell(refused.concluded('refused'));
    expect([await stateOf(half.id), await owed(half.id)]).to.deep.equal(['open', undefined]);
    expect(await stateOf(refused.id)).to.equal('refused');
    expect(await owed(refused.id)).to.equal(undefined);
  });

  it('follows an operation to where its number moved, attempt by attempt', async () => {
    const first = operationEntries();
    const second = operationEntries({ id: first.id, attempt: 2, home: nsk });
    await hq.tell(second.executed(), first.accepted(), second.accepted(), first.refused(nsk));
    await hq.tell(second.concluded());
    expect([await stateOf(first.id, 1), await stateOf(first.id, 2)]).to.deep.equal([
      ...['refused', 'matched'],
    ]);
    expect(await owed(first.id, 2)).to.include({ debtor: msk, creditor: nsk });
    expect(await owed(first.id, 1)).to.equal(undefined);
  });

  it('matches an operation of one branch with itself, and lets it owe nothing', async () => {
    const own = operationEntries({ serving: spb, home: spb });
    await hq.tell(own.executed());
    expect([await stateOf(own.id), await owed(own.id)]).to.deep.equal(['matched', undefined]);
  });

  it('takes money that only the home branch could name', async () => {
    const request = { payment: 'p', money: { amount: '500.00', currency: 'RUB' }, reason: 'x' };
    const moved = operationEntries({
      ...{ kind: 'number-move', request: { to: 'MSK' } },
      result: { money: { amount: '70.00', currency: 'RUB' } },
    });
    await hq.tell(moved.accepted(), moved.executed(), moved.concluded());
    expect(await owed(moved.id)).to.include({ debtor: spb, creditor: msk, net: 7_000n });
    const cancelled = operationEntries({
      ...{ kind: 'payment-cancellation', request },
      result: { reversed: false },
    });
    await hq.tell(cancelled.accepted(), cancelled.executed());
    expect([await stateOf(cancelled.id), await owed(cancelled.id)]).to.deep.equal([
      ...['matched', undefined],
    ]);
  });

  it('opens a case for a leg alone past the grace period, and closes it when the other comes', async () => {
    const [lonely, fresh] = [operationEntries(), operationEntries()];
    await hq.tell(lonely.accepted());
    hq.clock.shift(graceMs - 1_000);
    await hq.tell(fresh.executed());
    expect(await sweep()).to.equal(0);
    hq.clock.shift(1_000);
    expect(await sweep()).to.equal(1);
    expect(await sweep(), 'once').to.equal(0);
    const [opened] = await cases();
    expect(opened).to.include({ kind: 'missing-home-leg', state: 'detected' });
    expect((await hq.logged('case.opened')).map((entry) => entry.to)).to.deep.equal([[msk, spb]]);
    expect(await stateOf(lonely.id)).to.equal('case');

    await hq.tell(lonely.executed());
    expect((await cases())[0]).to.include({ state: 'closed', resolution: 'The legs agree now.' });
    expect(await stateOf(lonely.id)).to.equal('matched');
    expect(await owed(lonely.id)).to.include({ net: 49_250n });
    expect(await hq.logged('case.closed')).to.have.length(1);
    hq.clock.shift(graceMs);
    await sweep();
    expect((await cases())[0]?.kind).to.equal('missing-serving-leg');
  });

  it('finds legs that differ, in one field or told twice, and settles none of them', async () => {
    const base = operationEntries();
    const cheaper = operationEntries({ id: base.id, amount: '499.99' });
    await hq.tell(base.accepted(), cheaper.executed());
    const twice = operationEntries();
    const again = operationEntries({ id: twice.id, amount: '5000.00' });
    await hq.tell(twice.accepted(), twice.executed(), again.executed());
    const undecided = operationEntries();
    await hq.tell(undecided.accepted(), undecided.executed(), undecided.refused());
    expect((await cases()).map(({ kind }) => kind)).to.deep.equal(Array(3).fill('legs-differ'));
    expect((await owed(base.id))?.id).to.equal(undefined);
    expect(await owed(twice.id), 'held by its case').to.include({ windowId: null });
  });

  it('keeps a stranger out of an operation, whoever speaks first: the case is about him', async () => {
    const strangers = [
      (id: string) => toldAgain(operationEntries({ id }).executed(), { node: nsk }),
      (id: string) => operationEntries({ id, home: nsk }).executed(),
      (id: string) => operationEntries({ id, serving: nsk }).refused(),
    ];
    for (const [index, speak] of strangers.entries()) {
      for (const order of ['first', 'last']) {
        const story = operationEntries();
        const lie = speak(story.id);
        // Who claims an id before its owner is believed to be the owner: this one speaks last only.
        const isFirst = order === 'first' && index < 2;
        const legs = [story.accepted(), story.executed(), story.concluded()];
        await hq.tell(...(isFirst ? [lie, ...legs] : [...legs, lie]));
        expect(await stateOf(story.id), `${index} ${order}`).to.equal('matched');
        expect(await owed(story.id)).to.include({ net: 49_250n });
      }
    }
    const found = await cases();
    expect(found.map(({ kind, branches }) => [kind, branches])).to.deep.equal([
      ['stranger-leg', [nsk]],
    ]);
  });

  it('finds a branch that told its partner another story than head office', async () => {
    const honest = operationEntries();
    const told = honest.accepted();
    const decided = (accepted: string) => {
      const { body, ...entry } = honest.executed();
      return { ...entry, body: { ...body, details: { accepted } } };
    };
    await hq.tell(toldAgain(told), decided(factSha256(told)), honest.concluded());
    expect(await stateOf(honest.id), 'told again it is the same').to.equal('matched');
    const liar = operationEntries();
    const other = { ...liar.accepted(), occurredAt: '2025-06-30T10:00:00.000Z' };
    const { body, ...entry } = liar.executed();
    const decision = { ...entry, body: { ...body, details: { accepted: factSha256(other) } } };
    await hq.tell(liar.accepted(), decision);
    expect(await stateOf(liar.id)).to.equal('case');
    expect((await cases()).map(({ kind }) => kind)).to.deep.equal(['two-histories']);
    expect(await owed(liar.id)).to.equal(undefined);
  });

  it('checks a conclusion against the decision, and holds what was owed', async () => {
    for (const order of [0, 1]) {
      const story = operationEntries();
      const [decision, conclusion] = [story.executed(), story.concluded('refused')];
      await hq.tell(story.accepted());
      await hq.tell(...(order ? [conclusion, decision] : [decision, conclusion]));
      expect((await cases())[0]).to.include({ kind: 'conclusion-differs' });
      expect((await owed(story.id))?.windowId ?? null, 'in no window').to.equal(null);
    }
  });

  it('compares control totals when a date is closed, and again when a late leg mends them', async () => {
    const [one, other] = [operationEntries(), operationEntries()];
    await hq.tell(one.accepted(), other.accepted());
    const totals = await hq.store.read((tx) => totalsOf(tx, msk, today));
    const closing = (day: object): LogEntry =>
      toldAgain(one.accepted(), { kind: 'day.closed', body: { date: today, ...day } as never });
    const reaches = { epoch: 'e'.repeat(32), seq: 9 };
    await hq.write((tx) => hq.reconciliation.takeDayClosed(tx, closing({ totals, reaches })));
    expect((await report()).branches[0]).to.include({ closed: true, equal: true });
    expect((await report()).complete, 'SPB has not closed').to.equal(false);

    const late = operationEntries();
    await hq.tell(late.accepted());
    const [stale] = (await report()).branches;
    expect(stale?.equal).to.equal(false);
    expect(stale?.differences[0]?.headOffice?.count).to.equal(3);
    await hq.write((tx) => hq.reconciliation.takeDayClosed(tx, closing({ totals, reaches })));
    expect((await cases())[0]).to.include({ kind: 'totals-differ', subject: `day:MSK/${today}` });
    const mended = await hq.store.read((tx) => totalsOf(tx, msk, today));
    await hq.write((tx) =>
      hq.reconciliation.takeDayClosed(tx, closing({ totals: mended, reaches })),
    );
    expect((await cases())[0]?.state).to.equal('closed');
    // What it said before, and was set aside until now.
    const before = { totals, reaches: { ...reaches, seq: 8 } };
    await hq.write((tx) => hq.reconciliation.takeDayClosed(tx, closing(before)));
    expect((await cases()).map(({ state }) => state)).to.deep.equal(['closed']);
  });

  it('answers how a date stands, complete once all is closed, equal and matched or in a case', async () => {
    const stories = [operationEntries(), operationEntries({ amount: '0.50' }), operationEntries()];
    const [paid, small, lonely] = stories;
    if (!paid || !small || !lonely) throw new Error('three stories');
    await hq.tell(paid.accepted(), paid.executed(), small.accepted(), small.refused());
    await hq.tell(lonely.accepted());
    expect((await report()).pairs).to.deep.equal([
      {
        ...{ serving: msk, home: spb, kind: 'payment', currency: 'RUB', count: 3, sum: 100_050n },
        ...{ matched: 1, refused: 1, open: 1, inCase: 0, adjusted: 0 },
      },
    ]);
    const close = async (node: typeof msk, date = today) => {
      const totals = await hq.store.read((tx) => totalsOf(tx, node, date));
      const body = { date, totals, reaches: { epoch: 'e'.repeat(32), seq: 1 } };
      const entry = toldAgain(paid.accepted(), { node, kind: 'day.closed', body: body as never });
      await hq.write((tx) => hq.reconciliation.takeDayClosed(tx, entry));
    };
    for (const node of [msk, spb]) await close(node);
    expect((await report()).complete).to.equal(false);
    hq.clock.shift(graceMs);
    await sweep();
    expect(await report()).to.deep.include({ complete: true });
    // A branch that joins later has no part in it.
    const businessDate = nextDay(today);
    const later = operationEntries({ serving: nsk, home: nsk }).executed();
    const all = () =>
      hq.store.read((tx) =>
        reconciliationReport(tx, { businessDate: today, branches: [msk, spb, nsk] }),
      );
    expect(await all()).to.deep.include({ complete: false });
    // Its first date is one on which it served nobody.
    await close(nsk, businessDate);
    expect(await all()).to.deep.equal(await report());
    await hq.tell({ ...later, businessDate });
    expect(await all()).to.deep.equal(await report());
  });

  it('leaves what it cannot read to a version that can', async () => {
    const story = operationEntries();
    const body = { newer: 'than this' } as never;
    const { take, takeDayClosed } = hq.reconciliation;
    for (const [handler, entry] of [
      [take, toldAgain(story.accepted(), { body })],
      [take, toldAgain(story.executed(), { kind: 'block.executed' })],
      [takeDayClosed, toldAgain(story.accepted(), { kind: 'day.closed', body })],
      [hq.settlements.confirmed, toldAgain(story.accepted(), { body })],
      [hq.settlements.disputed, toldAgain(story.accepted(), { body })],
    ] as const) {
      const error = await hq.write((tx) => handler(tx, entry)).catch((refused) => refused);
      expect(unreadable(error), entry.kind).to.be.a('string');
    }
    await hq.tell(story.accepted(), story.executed());
    expect(await stateOf(story.id)).to.equal('matched');
  });
});
