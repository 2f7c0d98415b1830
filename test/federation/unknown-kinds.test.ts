import { expect } from 'chai';
import { type Branch, openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { LogEntry } from '../../shared/wire/peer-messages.ts';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

/** SPB already has code that MSK and head office do not have yet. */
describe('an older node beside a newer one', function () {
  this.timeout(120_000);
  let federation: TestFederation;

  before(async () => {
    federation = await startFederation(['MSK', 'SPB']);
  });
  after(() => federation.stop());

  const tell = (kind: string, body: object) => {
    const { store, federation: spb, businessDays, clock } = federation.running('SPB');
    return store.write(async (tx) =>
      spb.log.append(tx, {
        ...{ kind, body, to: ['MSK' as NodeCode] },
        occurredAt: new Date(clock.nowMs()).toISOString(),
        businessDate: await businessDays.current(tx),
      }),
    );
  };
  const alarms = (branch: Branch) => branch.alarms.list().map(({ code }) => code);

  /** MSK with code that knows more kinds, and once it has run, with what it had before. */
  async function withUpgraded(
    handlers: Record<string, (entry: LogEntry) => void>,
    work: (msk: Branch) => Promise<void>,
  ): Promise<void> {
    await federation.stopNode('MSK');
    const msk = await openBranch(readBranchConfig(federation.branch('MSK').environment));
    for (const [kind, handler] of Object.entries(handlers)) {
      msk.federation.onEntry(kind, async (_tx, entry) => handler(entry));
    }
    await msk.start();
    try {
      await work(msk);
    } finally {
      await msk.stop();
      await federation.startNode('MSK');
    }
  }

  it('keeps what it does not know, and works it off once, in order, when it is upgraded', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await tell('gift.offered', { serial: 1 });
    await tell('greeting.sent', { serial: 2 });
    await federation.branch('SPB').manager.post('/api/v1/payments', { msisdn, ...cash('5.00') });
    await tell('gift.offered', { serial: 3 });
    await federation.untilQuiet();
    expect(alarms(federation.running('MSK'))).to.include('unknown-kind');
    await federation.stopNode('MSK');
    await federation.startNode('MSK');
    expect(alarms(federation.running('MSK')), 'after a restart').to.include('unknown-kind');
    const seen: unknown[] = [];
    const see = ({ body }: LogEntry) => {
      seen.push(body.serial);
    };
    await withUpgraded({ 'gift.offered': see }, async (msk) => {
      expect(seen).to.deep.equal([1, 3]);
      await tell('gift.offered', { serial: 4 });
      await until('the new one is applied', () => seen.length === 3);
      const left = msk.alarms.list().filter(({ code }) => code === 'unknown-kind');
      expect(left.map(({ detail }) => detail)).to.deep.equal(['SPB sends greeting.sent']);
    });
    await withUpgraded({ 'gift.offered': see, 'greeting.sent': see }, async (msk) => {
      expect(seen).to.deep.equal([1, 3, 4, 2]);
      expect(alarms(msk)).not.to.include('unknown-kind');
    });
    const codes = ['MSK', 'SPB'];
    await federation.untilQuiet();
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  });

  it('takes an entry off the list only with what it did, and tries again what failed', async () => {
    await federation.untilQuiet();
    await tell('parcel.sent', { serial: 1 });
    await tell('parcel.sent', { serial: 2 });
    await federation.untilQuiet();
    const seen: unknown[] = [];
    let isBroken = true;
    const see = ({ body }: LogEntry) => {
      if (body.serial === 2 && isBroken) throw new Error('the disk is away');
      seen.push(body.serial);
    };
    await withUpgraded({ 'parcel.sent': see }, async (msk) => {
      expect(alarms(msk)).to.include('set-aside-held');
      isBroken = false;
      seen.length = 0;
      await until('it is worked off', () => !alarms(msk).includes('set-aside-held'));
      expect(seen, 'what was undone is done again').to.deep.equal([1, 2]);
      expect(alarms(msk)).not.to.include('unknown-kind');
    });
    await withUpgraded({ 'parcel.sent': see }, async () => {
      expect(seen, 'no third time').to.deep.equal([1, 2]);
    });
  });

  it('keeps a body that its code cannot read', async () => {
    await tell('payment.credited', { operation: 'in another form' });
    await federation.untilQuiet();
    expect(alarms(federation.running('MSK'))).to.include('malformed-entry');
    await federation.stopNode('MSK');
    await federation.startNode('MSK');
    expect(alarms(federation.running('MSK'))).to.include('malformed-entry');
  });
});
