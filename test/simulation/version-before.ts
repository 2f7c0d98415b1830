import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { openBranch } from '../../branch-node/branch.ts';
import { compiledPath, patchedTree, type SourcePatch } from '../support/patches.ts';

/**
 * A branch's code of the version before: a copy of the present one that does not know a kind of operation, two kinds of
 * entries of settlements, and a data set.
 */
const patches: readonly SourcePatch[] = [
  {
    name: 'calls itself older',
    file: 'shared/node/node.ts',
    find: "export const codeVersion = '",
    replace: "export const codeVersion = '0.0.",
  },
  {
    name: 'knows no change of services',
    file: 'branch-node/branch.ts',
    find: 'operations.register(createServiceChange({ subscribers, charges, reference }));',
    replace: '',
  },
  {
    name: 'knows no completed settlement',
    file: 'branch-node/settlement/settlement-service.ts',
    find: "federation.onEntry('settlement.completed', remember);",
    replace: '',
  },
  {
    name: 'knows no recalled settlement',
    file: 'branch-node/settlement/settlement-service.ts',
    find: "federation.onEntry('settlement.recalled', recall);",
    replace: '',
  },
  {
    name: 'knows no confirmed settlement',
    file: 'branch-node/settlement/settlement-service.ts',
    find: "federation.onEntry('settlement.confirmed', mirror);",
    replace: '',
  },
  {
    name: 'knows no regions',
    file: 'shared/reference/datasets.ts',
    find: "    regions: dataset(z.strictObject({ code, name, branch: nodeCode }), ['code'], {\n        branch: 'branches',\n    }),\n",
    replace: '',
  },
];

export type OpenBranch = typeof openBranch;

let loaded: Promise<OpenBranch> | undefined;

/** Loaded once for all seeds of a process. */
export function openBranchBefore(): Promise<OpenBranch> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<OpenBranch> {
  const tree = patchedTree(patches);
  process.once('exit', tree.remove);
  // Refusals are told by their class, also those of the simulated ports.
  const shared = 'shared/problem/problem.ts';
  const present = new URL('../../shared/problem/problem.js', import.meta.url);
  writeFileSync(join(tree.root, compiledPath(shared)), `export * from '${present}';\n`);
  const module = await import(join(tree.root, compiledPath('branch-node/branch.ts')));
  return module.openBranch;
}
