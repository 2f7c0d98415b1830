import { expect } from 'chai';
import fc from 'fast-check';
import type { CountedLeg } from '../../../shared/reconciliation/counted-legs-store.ts';
import { differingLegs, differingMinutes } from '../../../shared/reconciliation/day-comparison.ts';
import { minuteOf } from '../../../shared/reconciliation/leg.ts';

const leg = fc.record({
  operationId: fc.constantFrom('a', 'b', 'c', 'd'),
  attempt: fc.integer({ min: 1, max: 2 }),
  point: fc.constantFrom('accepted', 'executed'),
  fingerprint: fc.constantFrom('0'.repeat(32), '1'.repeat(32)),
});
const keyOf = ({ operationId, attempt, point }: Omit<CountedLeg, 'fingerprint'>) =>
  `${operationId} ${attempt} ${point}`;
const legs = fc.uniqueArray(leg, { selector: keyOf });

describe('the comparison of two sides of a date', () => {
  it('finds the legs that a walk through both finds', () => {
    fc.assert(
      fc.property(legs, legs, (theirs, ours) => {
        const found = differingLegs(theirs, ours);
        const all = [...theirs, ...ours].map(keyOf);
        for (const key of all) {
          const one = theirs.find((each) => keyOf(each) === key);
          const other = ours.find((each) => keyOf(each) === key);
          const named = found.filter((each) => keyOf(each) === key);
          const isSame = one?.fingerprint === other?.fingerprint;
          expect(named).to.have.length(isSame ? 0 : 1);
          if (!isSame) {
            expect(named[0]).to.include({
              isTheirs: one !== undefined,
              isOurs: other !== undefined,
            });
          }
        }
      }),
    );
  });

  it('finds the minutes that are not the same, in order', () => {
    const one = (minute: number, count = 1, digit = '0') => ({
      ...{ minute, count, fingerprint: digit.repeat(32) },
    });
    const theirs = [one(1), one(2), one(5), one(7)];
    const ours = [one(9), one(7, 1, '1'), one(2), one(5, 2)];
    expect(differingMinutes(theirs, ours)).to.deep.equal([1, 5, 7, 9]);
    expect(differingMinutes(theirs, theirs)).to.deep.equal([]);
  });

  it('knows the minute of an operation by its id', () => {
    // RFC 9562, A.6: made on 22 February 2022 at 19:22:22 GMT.
    expect(minuteOf('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).to.equal(
      Date.UTC(2022, 1, 22, 19, 22) / 60_000,
    );
    expect(minuteOf('not one')).to.equal(0);
  });
});
