import { decimalsOf } from '../money/money.ts';
import type { FieldError } from '../problem/problem.ts';
import { addedFees } from '../settlement/obligation.ts';
import { compareText, invalidDatasets, maxListedErrors, rowKey } from './dataset-content.ts';
import { type DatasetName, type Datasets, datasetNames, datasets } from './datasets.ts';

/** Adds an error about a row's field, as long as there is room for it. */
type Report = (name: DatasetName, key: string, field: string, message: string) => void;

/**
 * Checks that rows which are valid each fit together: names unique, references answered, one row at
 * most valid on a day, number ranges apart.
 * @param options `isSigned`: head office of before signed it, and what was not checked then is no reason to refuse it:
 * nobody could be cut off beside it, and no branch could join.
 * @throws DomainError `release-invalid` with all errors at once, up to `maxListedErrors`.
 */
export function validateDatasets(all: Datasets, { isSigned = false } = {}): void {
  const errors: FieldError[] = [];
  const report: Report = (name, key, field, message) => {
    if (errors.length < maxListedErrors)
      errors.push({ field: `${name}[${key}].${field}`, message });
  };
  const codes = new Map<string, ReadonlySet<string>>(
    datasetNames.map((name) => [name, codesOf(all[name])]),
  );
  for (const name of datasetNames) {
    checkKeys(name, all[name], report);
    checkReferences(name, all[name], codes, report);
    if (hasPeriods(name) && !isSigned) checkPeriods(name, all[name], report);
  }
  checkRanges(all, report);
  checkCurrencies(all, report);
  if (!isSigned) checkFees(all, report);
  if (!isSigned) checkPublishers(all, report);
  if (errors.length > 0) throw invalidDatasets(errors);
}

function codesOf(rows: readonly object[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const row of rows) if ('code' in row) found.add(String(row.code));
  return found;
}

function hasPeriods(name: DatasetName): boolean {
  return (datasets[name].key as readonly string[]).includes('validFrom');
}

function checkKeys(name: DatasetName, rows: readonly object[], report: Report): void {
  const seen = new Set<string>();
  const last = datasets[name].key.at(-1) ?? '';
  for (const row of rows) {
    const key = rowKey(name, row);
    if (seen.has(key)) report(name, key, last, 'is there twice');
    seen.add(key);
  }
}

function checkReferences(
  name: DatasetName,
  rows: readonly object[],
  codes: ReadonlyMap<string, ReadonlySet<string>>,
  report: Report,
): void {
  for (const [field, target] of Object.entries(datasets[name].references)) {
    const path = field.split('.');
    const known = codes.get(target);
    for (const row of rows) {
      const value = valueAt(row, path);
      for (const code of Array.isArray(value) ? value : [value]) {
        if (known?.has(code)) continue;
        report(name, rowKey(name, row), field, `${String(code)} is not in ${target}`);
      }
    }
  }
}

function valueAt(row: object, path: readonly string[]): unknown {
  let value: unknown = row;
  for (const step of path) {
    value = typeof value === 'object' && value ? Reflect.get(value, step) : undefined;
  }
  return value;
}

interface Period {
  readonly subject: string;
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

function checkPeriods(name: DatasetName, rows: readonly object[], report: Report): void {
  const periods = rows.map((row): Period => {
    const fields = new Map<string, unknown>(Object.entries(row));
    const parts = (datasets[name].key as readonly string[]).filter((part) => part !== 'validFrom');
    return {
      subject: parts.map((part) => String(fields.get(part))).join(','),
      key: rowKey(name, row),
      from: String(fields.get('validFrom')),
      to: String(fields.get('validTo') ?? '9999-12-31'),
    };
  });
  // Not by both texts joined: BASIC of 2026 comes after BASIC2025 of any year then.
  periods.sort((a, b) => compareText(a.subject, b.subject) || compareText(a.from, b.from));
  for (const [index, period] of periods.entries()) {
    const previous = periods[index - 1];
    if (previous?.subject !== period.subject || previous.from === period.from) continue;
    if (previous.to < period.from) continue;
    report(name, period.key, 'validFrom', `${previous.key} is still valid then`);
  }
}

function checkRanges(all: Datasets, report: Report): void {
  const ranges = (['numbering-plan', 'foreign-numbering'] as const).flatMap((name) =>
    all[name].map((row) => ({ name, from: Number(row.from), to: Number(row.to), key: row.from })),
  );
  ranges.sort((a, b) => a.from - b.from);
  let widest = ranges[0];
  for (const range of ranges.slice(1)) {
    if (widest && range.from <= widest.to) {
      report(range.name, range.key, 'from', `overlaps ${widest.name}[${widest.key}]`);
    }
    if (!widest || range.to > widest.to) widest = range;
  }
}

function checkCurrencies(all: Datasets, report: Report): void {
  for (const row of all.currencies) {
    if (row.decimals === decimalsOf(row.code)) continue;
    report('currencies', row.code, 'decimals', `is not ${decimalsOf(row.code)}, as in ISO 4217`);
  }
  for (const row of all.tenders) {
    // One currency, the same decimals: without the point they compare as numbers.
    const [min, max, cap] = [row.minAmount, row.maxAmount, row.unverifiedMax].map((text) =>
      BigInt(text.replace('.', '')),
    );
    if (min === undefined || max === undefined || cap === undefined) continue;
    if (min > max) report('tenders', row.code, 'minAmount', 'is over maxAmount');
    if (cap > max) report('tenders', row.code, 'unverifiedMax', 'is over maxAmount');
  }
}

/** Fees that are added have one currency. */
function checkFees(all: Datasets, report: Report): void {
  const fees = all.tariffs.filter(
    ({ action, payer }) => payer === 'home-branch' && addedFees.includes(action),
  );
  for (const [index, fee] of fees.entries()) {
    const other = fees
      .slice(0, index)
      .find((each) => each.currency !== fee.currency && overlaps(each, fee));
    if (!other) continue;
    const key = rowKey('tariffs', fee);
    report('tariffs', key, 'currency', `is not that of ${rowKey('tariffs', other)}`);
  }
}

/** Without a role that may publish this would be the last release. */
function checkPublishers({ roles }: Datasets, report: Report): void {
  const permission = 'reference.publish';
  if (roles.some((row) => row.node === 'centre' && row.permission === permission)) return;
  report('roles', 'centre', 'permission', `lacks ${permission}: nobody could publish again`);
}

interface Validity {
  readonly validFrom: string;
  readonly validTo?: string;
}

function overlaps(one: Validity, other: Validity): boolean {
  const begins = (row: Validity, before: Validity) =>
    before.validTo === undefined || row.validFrom <= before.validTo;
  return begins(one, other) && begins(other, one);
}
