import { expect } from 'chai';
import { parseLogin, sessionEndMs } from '../../../shared/access/operator.ts';
import { existsAt } from '../../../shared/access/permissions.ts';
import { createRateLimit } from '../../../shared/access/rate-limit.ts';
import { standingClock } from './access-fixture.ts';

const minuteMs = 60_000;

describe('sessionEndMs', () => {
  it('is 30 minutes after the last use, but 12 hours after the start at most', () => {
    expect(sessionEndMs({ createdMs: 0, seenMs: minuteMs })).to.equal(31 * minuteMs);
    expect(sessionEndMs({ createdMs: 0, seenMs: 719 * minuteMs })).to.equal(720 * minuteMs);
  });
});

describe('parseLogin', () => {
  it('ignores case and refuses what is no login', () => {
    expect(parseLogin(' Anna.Petrova ')).to.equal('anna.petrova');
    for (const text of ['', 'a', '.ab', 'a b', 'анна', 'a'.repeat(33)]) {
      expect(() => parseLogin(text), text).to.throw('The login must be');
    }
  });
});

describe('existsAt', () => {
  it('tells where a permission means anything', () => {
    expect(existsAt('payment.take', 'branch')).to.equal(true);
    expect(existsAt('payment.take', 'centre')).to.equal(false);
    expect(existsAt('reference.publish', 'branch')).to.equal(false);
    expect(existsAt('audit.read', 'centre')).to.equal(true);
  });
});

describe('a rate limit', () => {
  it('counts per key and window, and forgets the oldest key over its bound', () => {
    const clock = standingClock();
    const limit = createRateLimit({ clock, maxPerWindow: 2, windowMs: 1_000, maxKeys: 2 });
    expect([limit.take('a'), limit.take('a')]).to.deep.equal([0, 0]);
    clock.advance(400);
    expect(limit.take('a')).to.equal(600);
    limit.giveBack('a');
    expect(limit.take('a')).to.equal(0);
    expect(limit.take('b')).to.equal(0);
    expect(limit.take('c')).to.equal(0);
    expect(limit.take('a')).to.equal(0);
    clock.advance(1_000);
    expect(limit.take('c')).to.equal(0);
  });
});
