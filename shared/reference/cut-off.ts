import { datasetContent } from './dataset-content.ts';
import type { RowOf } from './datasets.ts';
import type { ReleaseManifest } from './release.ts';

/** The part of a release that says who is a member, by which keys. */
export interface Directory {
  readonly branches: readonly RowOf<'branches'>[];
  readonly 'node-keys': readonly RowOf<'node-keys'>[];
}

export const directoryNames = ['branches', 'node-keys'] as const;
const worse = { accepted: 0, retired: 1, revoked: 2 } as const;

/** What is left of a directory when everything that `wanted` takes away is taken away, and nothing that it adds is there. */
export function reducedDirectory(base: Directory, wanted: Directory): Directory {
  const branches = new Map(wanted.branches.map((row) => [row.code, row]));
  const keys = new Map(wanted['node-keys'].map((row) => [`${row.use} ${row.key}`, row]));
  return {
    branches: base.branches.map((row) => {
      const { active = row.active, revokedSerials = [] } = branches.get(row.code) ?? {};
      const serials = new Set([...row.revokedSerials, ...revokedSerials]);
      return { ...row, active: row.active && active, revokedSerials: [...serials] };
    }),
    'node-keys': base['node-keys'].map((row) => {
      const state = keys.get(`${row.use} ${row.key}`)?.state ?? row.state;
      return worse[state] > worse[row.state] ? { ...row, state } : row;
    }),
  };
}

/** Whether a directory takes away everything that another one does. */
export function takesAwayAll(taken: Directory, directory: Directory): boolean {
  const reduced = reducedDirectory(directory, taken);
  return directoryNames.every((name) => isSame(name, directory, reduced));
}

function isSame(name: keyof Directory, one: Directory, other: Directory): boolean {
  return datasetContent(name, one[name]).sha256 === datasetContent(name, other[name]).sha256;
}

interface Whole {
  readonly manifest: ReleaseManifest;
  readonly directory: Directory;
}

/**
 * Whether a release only takes members and keys away from another, and comes no sooner. Head office may do that alone:
 * a stolen key does not wait for people with other keys, and who is cut off gains nothing by it.
 */
export function isCutOff(base: Whole, next: Whole): boolean {
  if (next.manifest.effectiveFrom < base.manifest.effectiveFrom) return false;
  const reduced = reducedDirectory(base.directory, next.directory);
  const names = new Set([
    ...Object.keys(base.manifest.datasets),
    ...Object.keys(next.manifest.datasets),
  ]);
  let takesAway = false;
  for (const name of directoryNames) {
    names.delete(name);
    if (!isSame(name, reduced, next.directory)) return false;
    takesAway ||= !isSame(name, base.directory, next.directory);
  }
  if (!takesAway) return false;
  return [...names].every(
    (name) => base.manifest.datasets[name]?.sha256 === next.manifest.datasets[name]?.sha256,
  );
}
