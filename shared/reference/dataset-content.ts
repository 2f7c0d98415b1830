import type { z } from 'zod';
import { DomainError, type FieldError } from '../problem/problem.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import { type DatasetName, type Datasets, datasetNames, datasets, type RowOf } from './datasets.ts';

/** Bounds of one data set, in rows and in bytes of its content: as many as a peer is waited for. */
export const maxDatasetRows = 2_000_000;
export const maxDatasetBytes = 128 * 1024 * 1024;
/** How many errors one refusal lists. */
export const maxListedErrors = 100;

/** What a release says of a data set, and the text it says it of. */
export interface DatasetContent {
  readonly text: string;
  readonly sha256: string;
  readonly rows: number;
}

/** What names a row within its data set: its key fields, e.g. `BASIC,2025-01-01`. */
export function rowKey(name: DatasetName, row: object): string {
  let key = '';
  for (const field of datasets[name].key) {
    const value: unknown = Reflect.get(row, field);
    // What is no row yet may hold anything there.
    key += typeof value === 'object' ? ',' : `,${String(value)}`;
  }
  return key.slice(1);
}

/**
 * Parses rows at the border.
 * @throws DomainError `release-invalid` naming data set, row (its number from 1) and field.
 */
export function parseRows<Name extends DatasetName>(name: Name, value: unknown): RowOf<Name>[] {
  if (!Array.isArray(value)) throw invalidDatasets([{ field: name, message: 'is not a list' }]);
  if (value.length > maxDatasetRows) {
    throw invalidDatasets([{ field: name, message: `has over ${maxDatasetRows} rows` }]);
  }
  const schema: z.ZodType = datasets[name].schema;
  const rows: unknown[] = [];
  const errors: FieldError[] = [];
  for (const [index, item] of value.entries()) {
    const parsed = schema.safeParse(item);
    if (parsed.success) rows.push(parsed.data);
    else errors.push(...rowErrors(`${name}[${index + 1}]`, parsed.error));
    if (errors.length >= maxListedErrors) break;
  }
  if (errors.length > 0) throw invalidDatasets(errors);
  return rows as RowOf<Name>[];
}

/** A schema's complaints about one row, each under `row.field`. */
export function rowErrors(row: string, error: z.ZodError): FieldError[] {
  return error.issues.map((issue) => ({
    field: [row, ...issue.path.map(String)].join('.'),
    message: issue.message,
  }));
}

export function invalidDatasets(errors: readonly FieldError[]): DomainError {
  const first = errors[0];
  const detail = first ? `${first.field} ${first.message}.` : undefined;
  return new DomainError('release-invalid', detail, { errors: errors.slice(0, maxListedErrors) });
}

/**
 * The one text of a set of rows, whatever order they came in: a canonical JSON array by key.
 * Rows that are equal make equal text, so equal hashes.
 */
export function datasetContent(name: DatasetName, rows: readonly object[]): DatasetContent {
  const lines = rows.map((row) => ({ key: rowKey(name, row), text: canonicalJson(row) }));
  lines.sort((a, b) => compareText(a.key, b.key) || compareText(a.text, b.text));
  const text = `[${lines.map((line) => line.text).join(',')}]`;
  return { text, sha256: sha256(text), rows: rows.length };
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The rows of a content that was fetched or stored.
 * @throws DomainError `release-invalid` when it is not what its hash and count say, or not valid.
 */
export function readContent<Name extends DatasetName>(
  name: Name,
  text: string,
  expected: { readonly sha256: string; readonly rows: number },
): RowOf<Name>[] {
  return parseRows(name, readJsonRows(name, text, expected));
}

/** As `readContent`, for a data set that this version of the software does not know. */
export function readJsonRows(
  name: string,
  text: string,
  expected: { readonly sha256: string; readonly rows: number },
): unknown[] {
  const refuse = (message: string) => invalidDatasets([{ field: name, message }]);
  if (Buffer.byteLength(text) > maxDatasetBytes) throw refuse('is too long');
  if (sha256(text) !== expected.sha256) throw refuse('does not have the hash of the release');
  const value = parseJson(text);
  if (!Array.isArray(value)) throw refuse('is not a list');
  if (value.length !== expected.rows) throw refuse(`has ${value.length} rows, not as released`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Collects a value per data set. */
export function datasetsFrom(
  rowsOf: <Name extends DatasetName>(name: Name) => readonly RowOf<Name>[],
): Datasets {
  return Object.fromEntries(datasetNames.map((name) => [name, rowsOf(name)])) as Datasets;
}
