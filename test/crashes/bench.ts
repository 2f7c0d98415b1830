import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { patchedTree, type SourcePatch } from '../support/patches.ts';
import { type DemoPlace, demoPlace, type RunningDemo } from '../support/processes.ts';
import { settleTown, type Town } from './town.ts';

/** A real federation of processes that run from a copy of the code, with people who know its desks. */
export interface Bench {
  readonly demo: RunningDemo;
  readonly town: Town;
  /** What its processes get beside their own variables. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const caseGraceMs = 4_000;

export interface BenchOptions {
  readonly branches: number;
  readonly patches: readonly SourcePatch[];
}

/** What the processes of a patched tree get beside their own variables, to die where they are told. */
export function environmentIn(root: string): Record<string, string> {
  const passing = pathToFileURL(join(root, 'dist/test/crashes/passing.js')).href;
  return {
    CASE_GRACE_MS: String(caseGraceMs),
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--import=${passing}`,
  };
}

export async function openBench({ branches, patches }: BenchOptions): Promise<Bench> {
  const tree = patchedTree(patches);
  const env = environmentIn(tree.root);
  let place: DemoPlace | undefined;
  let demo: RunningDemo | undefined;
  const close = async () => {
    await demo?.killAll();
    place?.remove();
    tree.remove();
  };
  try {
    place = await demoPlace(branches + 1, { root: tree.root, env });
    demo = await place.up('--branches', String(branches));
    const town = await settleTown(demo.description.nodes);
    return { demo, town, env, close };
  } catch (error) {
    await close();
    throw error;
  }
}
