import { nodeCodePattern } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import { innOf, parseRegistry, type RegistryRow } from './numbering-registry.ts';
import { regionKey } from './region-names.ts';
import { compareRanges, readLines, splitFields } from './semicolon-lines.ts';

export const maxRegionsBytes = 1024 * 1024;
const maxRegionsLines = 5_000;

export interface BranchNumbering {
  readonly ranges: number;
  readonly capacity: number;
}

/** What an import says of itself; the shape of `--json`. */
export interface NumberingSummary {
  /** Ranges in the registry. */
  readonly rows: number;
  /** Ranges of this operator, and how many numbers they hold. */
  readonly taken: number;
  readonly capacity: number;
  readonly branches: Readonly<Record<string, BranchNumbering>>;
  /** Regions that the map does not know, in their first spelling. */
  readonly unknownRegions: readonly string[];
}

export interface NumberingImport extends NumberingSummary {
  readonly numberingPlan: readonly RowOf<'numbering-plan'>[];
  readonly foreignNumbering: readonly RowOf<'foreign-numbering'>[];
}

/**
 * Region key to branch code, from a `region;branch` file.
 * @throws DomainError `invalid-input` naming the line.
 */
export function parseRegions(bytes: Uint8Array): ReadonlyMap<string, string> {
  const lines = readLines(bytes, { maxBytes: maxRegionsBytes, maxLines: maxRegionsLines });
  const branches = new Map<string, string>();
  for (const [index, text] of lines.entries()) {
    const [region = '', branch = '', ...more] = splitFields(text).map((field) => field.trim());
    if (index === 0 && region === 'region' && branch === 'branch') continue;
    if (index === 0) throw refuse(1, 'is not the header region;branch');
    const key = regionKey(region);
    if (more.length > 0 || key === '' || !nodeCodePattern.test(branch)) {
      throw refuse(index + 1, 'is not region;branch');
    }
    const known = branches.get(key) ?? branch;
    if (known !== branch) throw refuse(index + 1, `gives ${region} to ${branch} and to ${known}`);
    branches.set(key, branch);
  }
  return branches;
}

/**
 * The operator's ranges by home branch, and everyone else's by operator. With a region that the map
 * does not know, the plans are empty: nothing is imported by halves.
 * @throws DomainError as the parsers of both files.
 */
export function importNumbering({
  registry,
  regions,
  inn,
}: {
  readonly registry: Uint8Array;
  readonly regions: Uint8Array;
  readonly inn: string;
}): NumberingImport {
  const rows = parseRegistry(registry);
  const branchByRegion = parseRegions(regions);
  const unknown = new Map<string, string>();
  for (const { region } of rows) {
    const key = regionKey(region);
    if (!branchByRegion.has(key) && !unknown.has(key)) unknown.set(key, region);
  }
  const own: RegistryRow[] = [];
  const foreign: RegistryRow[] = [];
  const ownInn = innOf(inn);
  for (const row of rows) (row.inn === ownInn ? own : foreign).push(row);
  const plan = own.flatMap(({ from, to, region }) => {
    const branch = branchByRegion.get(regionKey(region));
    return branch === undefined ? [] : [{ from, to, branch }];
  });
  const complete = unknown.size === 0;
  return {
    rows: rows.length,
    taken: own.length,
    capacity: own.reduce((sum, row) => sum + row.capacity, 0),
    branches: byBranch(plan),
    unknownRegions: [...unknown.values()].sort(),
    numberingPlan: complete ? plan.toSorted(compareRanges) : [],
    foreignNumbering: complete ? mergeByOperator(foreign) : [],
  };
}

function byBranch(plan: readonly RowOf<'numbering-plan'>[]): Record<string, BranchNumbering> {
  const found = new Map<string, BranchNumbering>();
  for (const { from, to, branch } of plan) {
    const { ranges, capacity } = found.get(branch) ?? { ranges: 0, capacity: 0 };
    const numbers = Number(to) - Number(from) + 1;
    found.set(branch, { ranges: ranges + 1, capacity: capacity + numbers });
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Neighbouring ranges of one operator (one tax number, whatever the spelling) become one. */
function mergeByOperator(rows: readonly RegistryRow[]): RowOf<'foreign-numbering'>[] {
  const names = new Map<string, string>();
  const merged: { from: string; to: string; operator: string }[] = [];
  for (const { from, to, inn, operator } of rows.toSorted(compareRanges)) {
    const name = names.get(inn) ?? operator;
    names.set(inn, name);
    const last = merged.at(-1);
    if (last?.operator === name && Number(last.to) + 1 === Number(from)) last.to = to;
    else merged.push({ from, to, operator: name });
  }
  return merged;
}

function refuse(line: number, message: string): DomainError {
  return new DomainError('invalid-input', `The regions file: line ${line} ${message}.`, {
    errors: [{ field: `line ${line}`, message }],
  });
}
