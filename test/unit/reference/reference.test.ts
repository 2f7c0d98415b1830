import { expect } from 'chai';
import fc from 'fast-check';
import type { Msisdn, NodeCode } from '../../../shared/ids/ids.ts';
import { indexRanges, indexSingles } from '../../../shared/reference/number-index.ts';
import { buildReference } from '../../../shared/reference/reference.ts';
import { smallDatasets } from './reference-fixtures.ts';

const reference = buildReference({
  version: 1,
  effectiveFrom: '2026-03-01T00:00:00.000Z',
  datasets: smallDatasets(),
});
const homeOf = (msisdn: string) => reference.homeOf(msisdn as Msisdn);

describe('the home of a number', () => {
  const msk = { kind: 'own', branch: 'MSK', ported: false };
  const foreign = { kind: 'foreign', operator: 'МТС' };
  const unknown = { kind: 'unknown' };
  const cases: readonly (readonly [string, object])[] = [
    ['79249999999', unknown],
    ['79250000000', msk],
    ['79250099999', msk],
    ['79250100000', unknown],
    ['79161234566', foreign],
    ['79161234567', { kind: 'own', branch: 'SPB', ported: true }],
    ['79161234568', foreign],
    ['7925000000', unknown],
    ['792500000000', unknown],
    ['+79250000000', unknown],
    ['', unknown],
  ];
  for (const [msisdn, expected] of cases) {
    it(`of "${msisdn}" is ${JSON.stringify(expected)}`, () => {
      expect(homeOf(msisdn)).to.deep.equal(expected);
    });
  }
});

describe('a number index', () => {
  const lengths = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 9 })),
    {
      maxLength: 30,
    },
  );

  it('finds in ranges what a walk through them finds', () => {
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 0, max: 400 })), (gaps, numbers) => {
        let next = 0;
        const ranges = gaps.map(([gap, length], owner) => {
          const from = next + gap;
          next = from + length;
          return { from, to: next - 1, owner };
        });
        const index = indexRanges(ranges.toReversed());
        for (const number of numbers) {
          const walked = ranges.find(({ from, to }) => from <= number && number <= to);
          expect(index.find(number)).to.equal(walked?.owner ?? -1);
        }
      }),
    );
  });

  it('finds single numbers as a map does, and lists them in order', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 99 }), fc.nat(65_535)), {
      selector: ([number]) => number,
    });
    fc.assert(
      fc.property(entries, (rows) => {
        const index = indexSingles(rows, {
          number: ([number]) => number,
          owner: ([, owner]) => owner,
        });
        const model = new Map(rows);
        for (let number = -1; number <= 100; number += 1) {
          expect(index.find(number)).to.equal(model.get(number) ?? -1);
        }
        const listed: number[] = [];
        index.each((number) => listed.push(number));
        expect(listed).to.deep.equal([...model.keys()].sort((a, b) => a - b));
      }),
    );
  });
});

describe('the reference view', () => {
  it('answers with the rate plan that is valid on the day, both ends included', () => {
    const fee = (date: string) => reference.ratePlan('BASIC', date)?.monthlyFee.amount;
    expect(fee('2025-12-31')).to.equal(undefined);
    expect(fee('2026-01-01')).to.equal(10_000n);
    expect(fee('2026-06-30')).to.equal(10_000n);
    expect(fee('2026-07-01')).to.equal(12_000n);
    expect(reference.ratePlans('2026-08-01')).to.have.length(1);
  });

  it('gives money as minor units and rates as bigint', () => {
    expect(reference.tender('cash')?.maxAmount).to.deep.equal({
      amount: 100_000n,
      currency: 'RUB',
    });
    expect(reference.tariff('sim-card', '2026-02-01')?.price.amount).to.equal(4_500n);
    expect(reference.commissionBasisPoints('cash', '2026-02-01')).to.equal(150n);
    expect(reference.commissionBasisPoints('card', '2026-02-01')).to.equal(undefined);
  });

  it('knows permissions by role and kind of node', () => {
    expect([...reference.permissionsOf('cashier', 'branch')]).to.deep.equal(['payment.take']);
    expect([...reference.permissionsOf('cashier', 'centre')]).to.deep.equal([]);
  });

  it('lists as peers only branches that enrolled', () => {
    const [first, second] = smallDatasets().branches;
    const bare = { ...second, active: false, signingKey: undefined };
    const datasets = smallDatasets({ branches: [{ ...first }, JSON.parse(JSON.stringify(bare))] });
    const view = buildReference({ version: 1, effectiveFrom: '', datasets });
    expect(view.peers().map(({ code }) => code)).to.deep.equal(['MSK']);
    expect(view.branch('SPB' as NodeCode)?.active).to.equal(false);
  });

  it('gives back the rows it was built from, ported numbers as well', () => {
    expect(reference.rows('ported-numbers')).to.deep.equal(smallDatasets()['ported-numbers']);
    expect(reference.rows('numbering-plan')).to.deep.equal(smallDatasets()['numbering-plan']);
  });
});
