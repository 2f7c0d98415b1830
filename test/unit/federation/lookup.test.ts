import type { LookupAddress } from 'node:dns';
import { expect } from 'chai';
import { createLookup } from '../../../shared/federation/lookup.ts';
import { systemClock } from '../../../shared/time/clock.ts';

describe('the lookup of names', () => {
  const answers = new Map<string, Promise<LookupAddress[]>>();
  const asked: string[] = [];
  let shiftMs = 0;
  const clock = {
    nowMs: () => systemClock.nowMs() + shiftMs,
    /** Time-outs come at once. */
    after: (_delayMs: number, fn: () => void) => systemClock.after(5, fn),
  };
  const lookup = createLookup({
    clock,
    resolve: (name) => {
      asked.push(name);
      return answers.get(name) ?? Promise.reject(new Error(`no ${name}`));
    },
  });
  const find = (name: string) =>
    new Promise<string>((resolve) => {
      lookup(name, {}, (error, address) => resolve(error ? error.message : String(address)));
    });
  const here = (address: string) => Promise.resolve([{ address, family: 4 }]);
  const never = () => new Promise<LookupAddress[]>(() => {});

  it('gives up on a silent name server, and finds other names meanwhile', async () => {
    answers.set('silent', never());
    answers.set('well', here('10.0.0.1'));
    const [silent, well] = await Promise.all([find('silent'), find('well')]);
    expect(silent).to.equal('no name server answers');
    expect(well).to.equal('10.0.0.1');
    await find('silent');
    expect(
      asked.filter((name) => name === 'silent'),
      'one thread is held by it',
    ).to.have.length(1);
  });

  it('goes on with the address that it knows while nobody can tell a newer one', async () => {
    answers.set('well', never());
    shiftMs += 3_600_000;
    expect(await find('well')).to.equal('10.0.0.1');
    expect(await find('10.1.2.3')).to.equal('10.1.2.3');
  });
});
