import { expect } from 'chai';
import { describeRelease, releasePolicy } from '../../../shared/reference/release-policy.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('releasePolicy', () => {
  const boundaries = [
    [0, 'normal'],
    [dayMs, 'normal'],
    [dayMs + 1, 'notice'],
    [3 * dayMs, 'notice'],
    [3 * dayMs + 1, 'limited'],
    [7 * dayMs, 'limited'],
    [7 * dayMs + 1, 'known-only'],
    [365 * dayMs, 'known-only'],
  ] as const;

  for (const [ageMs, state] of boundaries) {
    it(`is ${state} at ${ageMs / hourMs} h`, () => {
      expect(releasePolicy(ageMs).state).to.equal(state);
    });
  }

  it('only grows stricter with age', () => {
    const strictness = boundaries.map(([ageMs]) => {
      const policy = releasePolicy(ageMs);
      const limits = [
        !policy.plansMayChange,
        policy.capsElsewhere,
        policy.verifiesElsewhere,
        policy.flagsOperations,
      ];
      return limits.filter(Boolean).length;
    });
    expect(strictness).to.deep.equal([0, 0, 0, 0, 2, 2, 4, 4]);
  });
});

describe('describeRelease', () => {
  it('says since when head office is silent, once that is a notice', () => {
    expect(describeRelease(3, dayMs)).to.equal('version 3');
    expect(describeRelease(3, 26.9 * hourMs)).to.equal(
      'version 3, not confirmed by head office for 26 h',
    );
  });
});
