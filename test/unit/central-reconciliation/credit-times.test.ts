import { expect } from 'chai';
import fc from 'fast-check';
import {
  type CreditTimes,
  creditTimesOf,
  stepOf,
} from '../../../central-node/reconciliation/credit-times.ts';
import { creditStepsOf } from '../../../central-node/reconciliation/figures-store.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries, toldAgain } from '../central-settlement/entries-fixture.ts';
import {
  type HeadOffice,
  msk,
  nsk,
  openHeadOffice,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

describe('the time to credit', () => {
  it('is never told too short, and at most a fifth too long', () => {
    const times = fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 1 });
    fc.assert(
      fc.property(times, (tookMs) => {
        const sorted = tookMs.toSorted((one, other) => one - other);
        const told = creditTimesOf(tookMs.map((ms) => ({ step: stepOf(ms), count: 1 })));
        const exact = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
        const isNear = (ms: number, trueMs: number) => ms >= trueMs - 1 && ms <= trueMs * 1.2 + 1;
        return (
          told !== null && isNear(told.medianMs, exact(0.5)) && isNear(told.p95Ms, exact(0.95))
        );
      }),
    );
    expect(creditTimesOf([])).to.equal(null);
  });

  describe('at head office', () => {
    let hq: HeadOffice;
    before(async () => {
      const keys = await federationKeys([msk, spb, nsk]);
      hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    });
    after(() => hq.close());

    const told = async (): Promise<CreditTimes | null> => {
      const range = { from: today, to: today };
      const steps = await hq.store.read((tx) => creditStepsOf(tx, range));
      return creditTimesOf(steps.get(today) ?? []);
    };
    const after2s = (entry: LogEntry): LogEntry => ({
      ...entry,
      recordedAt: '2025-06-30T09:00:02.000Z',
    });

    it('is counted once for a payment of another branch, and for nothing else', async () => {
      const paid = operationEntries();
      const executed = after2s(paid.executed());
      await hq.tell(paid.accepted(), executed, toldAgain(executed), paid.concluded());
      const refused = operationEntries();
      await hq.tell(refused.accepted(), after2s(refused.refused()));
      const own = operationEntries({ serving: spb });
      await hq.tell(after2s(own.executed()));
      const block = operationEntries({ kind: 'block', request: {} });
      await hq.tell(block.accepted(), after2s(block.executed()));
      const { count = 0, medianMs = 0 } = (await told()) ?? {};
      expect(count).to.equal(1);
      expect(medianMs).to.be.within(2_000, 2_400);
    });

    it('is nothing where clocks differ by more than it took', async () => {
      const early = operationEntries();
      await hq.tell({ ...early.executed(), recordedAt: '2025-06-30T08:59:59.000Z' });
      expect(await told()).to.include({ count: 2, medianMs: 1 });
    });
  });
});
