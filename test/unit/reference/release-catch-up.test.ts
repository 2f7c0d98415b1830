import { expect } from 'chai';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { catchUpMaxMs, createReleaseCatchUp } from '../../../shared/reference/release-catch-up.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { JsonObject, LogEntry } from '../../../shared/wire/peer-messages.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;

function entry(body: JsonObject): LogEntry {
  const at = '2026-03-01T09:00:00.000Z';
  return {
    ...{ node: spb, epoch: 'e'.repeat(32), seq: 1, id: '1', kind: 'payment.accepted', to: [msk] },
    ...{ occurredAt: at, recordedAt: at, businessDate: '2026-03-01', body },
  };
}
const pricedBy = (release: number) => entry({ operation: { release } });

describe('catching up with a release', () => {
  let held: number;
  let asked: number;
  let timers: { delayMs: number; fn: () => void }[];
  let answer: () => Promise<void>;
  let catchUp: ReturnType<typeof createReleaseCatchUp>;

  beforeEach(() => {
    [held, asked, timers] = [1, 0, []];
    answer = async () => {
      held = 2;
    };
    const clock: Clock = {
      nowMs: () => 0,
      after(delayMs, fn) {
        const timer = { delayMs, fn };
        timers.push(timer);
        return () => {
          timers = timers.filter((each) => each !== timer);
        };
      },
    };
    catchUp = createReleaseCatchUp({
      clock,
      held: () => held,
      follow: () => {
        asked += 1;
        return answer();
      },
    });
  });

  it('fetches what an operation was priced by before it is decided', async () => {
    await catchUp(spb, [pricedBy(1), pricedBy(2)]);
    expect([asked, held, timers]).to.deep.equal([1, 2, []]);
  });

  it('asks nothing for what is held, or for facts without a release', async () => {
    await catchUp(spb, [pricedBy(1), entry({}), entry({ operation: 'none' })]);
    await catchUp(spb, [entry({ operation: null }), entry({ operation: { release: '9' } })]);
    expect(asked).to.equal(0);
  });

  it('goes on when head office cannot be asked', async () => {
    answer = () => Promise.reject(new Error('unreachable'));
    await catchUp(spb, [pricedBy(2)]);
    expect([asked, timers]).to.deep.equal([1, []]);
  });

  it('goes on after its limit when head office is slow', async () => {
    answer = () => new Promise(() => {});
    const done = catchUp(spb, [pricedBy(2)]);
    expect(timers.map(({ delayMs }) => delayMs)).to.deep.equal([catchUpMaxMs]);
    timers[0]?.fn();
    await done;
  });

  it('waits once for a version that a peer names, whoever invents one', async () => {
    answer = async () => {};
    await catchUp(spb, [pricedBy(999_999)]);
    await catchUp(spb, [pricedBy(2)]);
    expect(asked).to.equal(1);
    await catchUp(msk, [pricedBy(2)]);
    expect(asked).to.equal(2);
  });
});
