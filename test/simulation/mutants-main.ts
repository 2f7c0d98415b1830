import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { patchedTree } from '../support/patches.ts';
import { type Mutant, mutants, patchesOf } from './mutants.ts';

/** `npm run mutants -- [--only TEXT] [--seeds N] [--from S]`: seeds until each mutant is caught. */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    part: { type: 'string', default: '1/1' },
  },
});

const write = (line: string) => void process.stdout.write(`${line}\n`);

const given = process.env.SIMULATION_TEMPLATES;
const templates = given ?? mkdtempSync(join(tmpdir(), 'sbms-templates-'));
/** `2/3`: the second of three shares, for several processes. */
const [part = 1, parts = 1] = values.part.split('/').map(Number);
let survived = 0;
try {
  for (const [index, mutant] of mutants.entries()) {
    if (index % parts !== part - 1 || !mutant.name.includes(values.only)) continue;
    const caught = await hunt(mutant);
    if (caught === undefined) survived += 1;
    write(
      `${caught === undefined ? 'SURVIVED' : 'caught'}: ${mutant.name}: ${caught ?? values.seeds}`,
    );
  }
} finally {
  if (given === undefined) rmSync(templates, { recursive: true, force: true });
}
process.exit(survived === 0 ? 0 : 1);

/** How many seeds it took, and what was seen. */
async function hunt(mutant: Mutant): Promise<string | undefined> {
  const tree = patchedTree(patchesOf(mutant));
  try {
    const program = join(tree.root, 'dist/test/simulation/main.js');
    const { troubles = [], work = [] } = mutant;
    const args = [
      ...[program, '--seeds', values.seeds, '--from', values.from, '--stop-at-first', '--small'],
      ...(troubles.length > 0 ? ['--troubles', troubles.join()] : []),
      ...(work.length > 0 ? ['--work', work.join()] : []),
    ];
    const env = { ...process.env, SIMULATION_TEMPLATES: templates };
    const run = promisify(execFile)(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024 });
    const stdout = await run.then(
      () => undefined,
      (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
    );
    if (stdout === undefined) return undefined;
    const [fault = ''] = stdout.split('\n').filter((line) => line.startsWith('seed '));
    const seeds = /^(\d+) seeds from/m.exec(stdout)?.[1];
    if (seeds === undefined) throw new Error(`${mutant.name} does not run: ${stdout}`);
    return `${seeds} seeds, ${fault}`;
  } finally {
    tree.remove();
  }
}
