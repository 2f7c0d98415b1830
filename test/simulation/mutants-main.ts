import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { projectRoot } from '../../shared/store/assets.ts';
import { patchedTree } from '../support/patches.ts';
import { type Mutant, mutants, patchesOf } from './mutants.ts';

/**
 * `npm run mutants -- [--only TEXT] [--seeds N] [--from S] [--part 1/2] [--runtime-sqlite]`: seeds until each mutant is
 * caught. It is caught by a seed that has a fault alone with it, and none without it.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    part: { type: 'string', default: '1/1' },
    'runtime-sqlite': { type: 'boolean', default: false },
  },
});

const write = (line: string) => void process.stdout.write(`${line}\n`);

/** What is no other behaviour, but none. */
const broken = /\b(Reference|Syntax)Error\b/;

const first = Number(values.from);
const end = first + Number(values.seeds);
const given = process.env.SIMULATION_TEMPLATES;
const templates = given ?? mkdtempSync(join(tmpdir(), 'sbms-templates-'));
/** `2/3`: the second of three shares, for several processes. */
const [part = 1, parts = 1] = values.part.split('/').map(Number);
let survived = 0;
write(
  '| rule switched off | seeds | the first fault; the same seed has none without it |\n|---|---|---|',
);
try {
  // The templates are the unchanged code's.
  await firstFault(projectRoot(), ['--seeds', '1', '--small']);
  for (const [index, mutant] of mutants.entries()) {
    if (index % parts !== part - 1 || !mutant.name.includes(values.only)) continue;
    const caught = await hunt(mutant);
    if (caught === undefined) survived += 1;
    const [seeds, fault] = caught
      ? [caught.seed - first + 1, caught.fault]
      : [values.seeds, 'NONE'];
    write(`| ${mutant.name} | ${seeds} | ${fault} |`);
  }
} finally {
  if (given === undefined) rmSync(templates, { recursive: true, force: true });
}
process.exit(survived === 0 ? 0 : 1);

interface Caught {
  readonly seed: number;
  readonly fault: string;
}

async function hunt(mutant: Mutant): Promise<Caught | undefined> {
  const tree = patchedTree(patchesOf(mutant));
  const { troubles = [], work = [] } = mutant;
  const kind = [
    '--small',
    ...(troubles.length > 0 ? ['--troubles', troubles.join()] : []),
    ...(work.length > 0 ? ['--work', work.join()] : []),
  ];
  try {
    for (let from = first; from < end; ) {
      const range = ['--from', String(from), '--seeds', String(end - from), '--stop-at-first'];
      const caught = await firstFault(tree.root, [...range, ...kind]);
      if (!caught) return undefined;
      if (broken.test(caught.fault))
        throw new Error(`${mutant.name} does not run: ${caught.fault}`);
      const alone = ['--from', String(caught.seed), '--seeds', '1', ...kind];
      const isMutant = (await firstFault(tree.root, alone)) !== undefined;
      if (isMutant && (await firstFault(projectRoot(), alone)) === undefined) return caught;
      write(`(${mutant.name}: seed ${caught.seed} proves nothing: ${caught.fault})`);
      from = caught.seed + 1;
    }
    return undefined;
  } finally {
    tree.remove();
  }
}

/** The first seed with a fault, of those that are run. */
async function firstFault(root: string, args: readonly string[]): Promise<Caught | undefined> {
  const program = join(root, 'dist/test/simulation/main.js');
  const engine = values['runtime-sqlite'] ? ['--runtime-sqlite'] : [];
  const env = { ...process.env, SIMULATION_TEMPLATES: templates };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  const text = await promisify(execFile)(
    process.execPath,
    [program, ...args, ...engine],
    options,
  ).then(
    () => undefined,
    (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
  );
  if (text === undefined) return undefined;
  const found = /^seed (\d+): (.*)$/m.exec(text);
  if (!found) throw new Error(`the simulation does not run: ${text}`);
  const [, seed, fault = ''] = found;
  return { seed: Number(seed), fault };
}
