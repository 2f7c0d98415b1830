import type { z } from 'zod';
import { DomainError, type FieldError } from '../../shared/problem/problem.ts';
import { rowErrors, rowKey } from '../../shared/reference/dataset-content.ts';
import {
  type BranchTerms,
  branchTerms,
  type DatasetName,
  datasets,
  type RowOf,
} from '../../shared/reference/datasets.ts';
import { parseInput } from '../../shared/web/input.ts';
import { canonicalJson } from '../../shared/wire/canonical.ts';
import type { BranchIdentity } from './reference-draft-store.ts';

const maxListedErrors = 100;
export const maxSampleRows = 20;

/** What a row of the draft looks like: a branch there has terms only, no endpoints and keys. */
export type DraftRow<Name extends DatasetName> = Name extends 'branches'
  ? BranchTerms
  : RowOf<Name>;

export function draftSchema(name: DatasetName): z.ZodType<object> {
  return name === 'branches' ? branchTerms : datasets[name].schema;
}

/** @throws DomainError `invalid-input` naming row and field; a name that is there twice as well. */
export function parseDraftRows(name: DatasetName, rows: readonly unknown[]): readonly object[] {
  const schema = draftSchema(name);
  const valid: object[] = [];
  const errors: FieldError[] = [];
  const keys = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const parsed = schema.safeParse(row);
    if (!parsed.success) {
      errors.push(...rowErrors(`${name}[${index + 1}]`, parsed.error));
    } else {
      const key = rowKey(name, parsed.data);
      if (keys.has(key)) errors.push({ field: `${name}[${key}]`, message: 'is there twice' });
      keys.add(key);
      valid.push(parsed.data);
    }
    if (errors.length >= maxListedErrors) break;
  }
  if (errors.length === 0) return valid;
  const first = errors[0];
  throw new DomainError('invalid-input', first && `${first.field} ${first.message}.`, { errors });
}

/** One row as somebody found it and as he leaves it: without the one it is new, without the other gone. */
export interface RowWish {
  readonly before?: object | undefined;
  readonly after?: object | undefined;
}

/**
 * The rows with one of them added, changed or removed.
 * @throws DomainError `row-changed` when it is not as it was found, `invalid-input` naming the field.
 */
export function changedRows(
  name: DatasetName,
  rows: readonly object[],
  { before, after }: RowWish,
): readonly object[] {
  const key = before && rowKey(name, before);
  const found = before && rows.find((row) => rowKey(name, row) === key);
  if (before && !(found && same(found, before))) throw new DomainError('row-changed');
  const others = rows.filter((row) => row !== found);
  if (after === undefined) return others;
  const row = parseInput(draftSchema(name), after);
  const own = rowKey(name, row);
  if (others.some((other) => rowKey(name, other) === own)) {
    const [field = ''] = datasets[name].key;
    throw new DomainError('invalid-input', `${own} is there already.`, {
      errors: [{ field, message: 'is there twice' }],
    });
  }
  return [...others, row];
}

/** A branch as it is released: before it enrols it is known, inactive and without keys. */
export function releasedBranches(
  terms: readonly BranchTerms[],
  identities: readonly BranchIdentity[],
): RowOf<'branches'>[] {
  const byCode = new Map(identities.map((identity) => [identity.code, identity]));
  return terms.map((row) => ({
    ...row,
    ...(byCode.get(row.code) ?? { revokedSerials: [], active: false }),
  }));
}

export interface RowChange {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly key: string;
  readonly before?: object;
  readonly after?: object;
}

export interface DatasetDiff {
  readonly dataset: DatasetName;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** The first `maxSampleRows` changes. */
  readonly samples: readonly RowChange[];
}

export function diffRows(
  dataset: DatasetName,
  before: readonly object[],
  after: readonly object[],
): DatasetDiff {
  const old = new Map(before.map((row) => [rowKey(dataset, row), row]));
  const changes: RowChange[] = [];
  for (const row of after) {
    const key = rowKey(dataset, row);
    const was = old.get(key);
    old.delete(key);
    if (!was) changes.push({ kind: 'added', key, after: row });
    else if (!same(was, row)) changes.push({ kind: 'changed', key, before: was, after: row });
  }
  for (const [key, row] of old) changes.push({ kind: 'removed', key, before: row });
  const count = (kind: RowChange['kind']) =>
    changes.filter((change) => change.kind === kind).length;
  return {
    dataset,
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    samples: changes.slice(0, maxSampleRows),
  };
}

function same(a: object, b: object): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
