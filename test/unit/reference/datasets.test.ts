import { expect } from 'chai';
import fc from 'fast-check';
import { DomainError } from '../../../shared/problem/problem.ts';
import {
  datasetContent,
  maxListedErrors,
  parseRows,
  readContent,
} from '../../../shared/reference/dataset-content.ts';
import type { DatasetName } from '../../../shared/reference/datasets.ts';
import { validateDatasets } from '../../../shared/reference/validate-datasets.ts';
import { smallDatasets } from './reference-fixtures.ts';

function errorsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError && error.code === 'release-invalid') {
      return error.errors.map(({ field, message }) => `${field} ${message}`);
    }
    throw error;
  }
  return [];
}

const plan = (...ranges: readonly (readonly [string, string, string])[]) =>
  ranges.map(([from, to, branch]) => ({ from, to, branch }));

describe('the content of a data set', () => {
  it('has one text and hash whatever the order of rows and fields', () => {
    const rows = smallDatasets()['numbering-plan'];
    fc.assert(
      fc.property(fc.shuffledSubarray([...rows], { minLength: rows.length }), (shuffled) => {
        const turned = shuffled.map(({ from, to, branch }) => ({ branch, to, from }));
        expect(datasetContent('numbering-plan', turned)).to.deep.equal(
          datasetContent('numbering-plan', rows),
        );
      }),
    );
  });

  it('comes back as the rows it was made of', () => {
    const rows = smallDatasets().branches;
    const content = datasetContent('branches', rows);
    expect(readContent('branches', content.text, content)).to.deep.equal(rows);
  });

  it('is refused with another hash or another count of rows', () => {
    const content = datasetContent('currencies', smallDatasets().currencies);
    const changed = content.text.replace('"decimals":2', '"decimals":3');
    expect(errorsOf(() => readContent('currencies', changed, content))[0]).to.match(/hash/);
    const more = { ...content, rows: 2 };
    expect(errorsOf(() => readContent('currencies', content.text, more))[0]).to.match(/1 rows/);
  });
});

describe('the rows of a data set', () => {
  const tender = { ...smallDatasets().tenders[0] };
  const branch = { ...smallDatasets().branches[0] };
  const service = { ...smallDatasets().services[0] };
  const cases: readonly (readonly [string, DatasetName, object, string])[] = [
    ['money with the wrong decimals', 'tenders', { ...tender, minAmount: '1.0' }, 'minAmount'],
    ['money below zero', 'tenders', { ...tender, unverifiedMax: '-1.00' }, 'unverifiedMax'],
    ['a field that nobody knows', 'tenders', { ...tender, note: '' }, 'Unrecognized key'],
    [
      'a period that ends before it begins',
      'services',
      { ...service, validTo: '2025-01-01' },
      'validTo',
    ],
    ['a date the calendar lacks', 'services', { ...service, validFrom: '2026-02-30' }, 'validFrom'],
    [
      'an active branch without a key',
      'branches',
      { ...branch, signingKey: undefined },
      'signingKey',
    ],
    ['a time zone that is none', 'branches', { ...branch, timeZone: 'Mars/Base' }, 'timeZone'],
    ['a private key', 'branches', { ...branch, signingKey: { d: 'secret' } }, 'signingKey'],
    [
      'a range that ends before it begins',
      'numbering-plan',
      plan(['79250000009', '79250000000', 'MSK'])[0] ?? {},
      'to',
    ],
    [
      'bounds of different lengths',
      'numbering-plan',
      plan(['7925000000', '79250000009', 'MSK'])[0] ?? {},
      'to',
    ],
  ];
  for (const [what, name, row, expected] of cases) {
    it(`refuse ${what}, naming row and field`, () => {
      const [error = ''] = errorsOf(() => parseRows(name, [row]));
      expect(error)
        .to.match(new RegExp(`^${name}\\[1\\]`))
        .and.contain(expected);
    });
  }
});

describe('validateDatasets', () => {
  it('takes a release that fits together', () => {
    expect(errorsOf(() => validateDatasets(smallDatasets()))).to.deep.equal([]);
  });

  it('names every row that refers to nothing, at once', () => {
    const all = smallDatasets({
      'numbering-plan': plan(['79250000000', '79250099999', 'NSK']),
      'ported-numbers': [{ msisdn: '79161234567', branch: 'KZN' }],
      services: [],
      currencies: [],
    });
    const errors = errorsOf(() => validateDatasets(all));
    expect(errors).to.include.members([
      'numbering-plan[79250000000].branch NSK is not in branches',
      'ported-numbers[79161234567].branch KZN is not in branches',
      'rate-plans[BASIC,2026-01-01].services ROAMING is not in services',
      'tariffs[sim-card,2026-01-01].currency RUB is not in currencies',
      'branches[MSK].netDebitCap.currency RUB is not in currencies',
    ]);
  });

  it('refuses ranges that overlap, also with a foreign one and inside a wide one', () => {
    const all = smallDatasets({
      'numbering-plan': plan(
        ['79160000000', '79160000009', 'MSK'],
        ['79210000000', '79219999999', 'MSK'],
        ['79211000000', '79211000009', 'SPB'],
        ['79212000000', '79212000009', 'SPB'],
      ),
    });
    const errors = errorsOf(() => validateDatasets(all));
    expect(errors).to.have.length(3);
    expect(errors.join()).to.contain('79211000000].from overlaps numbering-plan[79210000000]');
    expect(errors.join()).to.contain('79212000000].from overlaps numbering-plan[79210000000]');
  });

  it('refuses two rows of one key that are valid on the same day', () => {
    const [first, second] = smallDatasets()['rate-plans'];
    const touching = smallDatasets({
      'rate-plans': [{ ...first, validTo: '2026-07-01' }, { ...second }],
    });
    expect(errorsOf(() => validateDatasets(touching))).to.deep.equal([
      'rate-plans[BASIC,2026-07-01].validFrom BASIC,2026-01-01 is still valid then',
    ]);
    const same = smallDatasets({ 'rate-plans': [{ ...first }, { ...first }] });
    expect(errorsOf(() => validateDatasets(same))).to.deep.equal([
      'rate-plans[BASIC,2026-01-01].validFrom is there twice',
    ]);
  });

  it('refuses decimals that are not the currency’s', () => {
    const all = smallDatasets({ currencies: [{ code: 'RUB', decimals: 3, name: 'x' }] });
    expect(errorsOf(() => validateDatasets(all))).to.have.length(1);
  });

  it('lists no more errors than its limit', () => {
    const ported = Array.from({ length: maxListedErrors * 2 }, (_, index) => ({
      msisdn: String(79_000_000_000 + index),
      branch: 'NSK',
    }));
    const errors = errorsOf(() => validateDatasets(smallDatasets({ 'ported-numbers': ported })));
    expect(errors).to.have.length(maxListedErrors);
  });
});
