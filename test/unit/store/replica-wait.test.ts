import { expect } from 'chai';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { openReplica } from '../../../shared/store/server-replica.ts';
import { systemClock } from '../../../shared/time/clock.ts';

const timesFaster = 50;
const hourMs = 3_600_000;

describe('waiting for a replica that is away', () => {
  it('ends in time although the clock was set back meanwhile', async () => {
    const startMs = systemClock.nowMs();
    let setBackMs = 0;
    const clock = {
      nowMs: () => startMs + (systemClock.nowMs() - startMs) * timesFaster - setBackMs,
      after: (delayMs: number, fn: () => void) => systemClock.after(delayMs / timesFaster, fn),
    };
    // Nobody listens there.
    const options = { url: 'http://127.0.0.1:1', isAwaited: true };
    const replica = openReplica(options, { authToken: undefined, clock });
    const reached = replica.reach(1n).then(
      () => undefined,
      (error: unknown) => error,
    );
    setBackMs = hourMs;
    expect(isDomainError(await reached, 'store-unavailable')).to.equal(true);
    replica.close();
  }).timeout(5_000);
});
