import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { projectRoot } from '../../shared/store/assets.ts';
import { compiledPath, patchedText, patchedTree } from '../support/patches.ts';
import { type Mutant, mutants, patchesOf } from './mutants.ts';

/** The simulation runs in processes of its own: it changes how cryptography and responses work. */

const program = 'dist/test/simulation/main.js';
/** As many of these as the machine has time for. Each was run before: a test that fails by chance stops releases. */
const fixedSeeds = 120;
const campaignMinutes = 0.75;
const runMaxMs = 570_000;
const outputMaxBytes = 64 * 1024 * 1024;
/** Caught by the first seeds, whatever else they hold. */
const quicklyCaught = [
  'a credit has the wrong sign',
  'a closed window is recorded with the wrong sign',
];

describe('the simulation', function simulation() {
  this.timeout(runMaxMs);
  const templates = mkdtempSync(join(tmpdir(), 'sbms-templates-'));
  const kept = { SIMULATION_TEMPLATES: templates };
  after(() => rmSync(templates, { recursive: true, force: true }));
  let last: { seed: string | undefined; hash: string | undefined };

  async function simulate(
    args: readonly string[],
    { root = projectRoot(), env = kept }: { root?: string; env?: object } = {},
  ): Promise<{ text: string; ok: boolean }> {
    const options = { env: { ...process.env, ...env }, maxBuffer: outputMaxBytes };
    try {
      const run = promisify(execFile)(process.execPath, [join(root, program), ...args], options);
      return { text: (await run).stdout, ok: true };
    } catch (error) {
      const text =
        error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
      return { text, ok: false };
    }
  }

  const lastTrace = (text: string) => {
    const [, seed, hash] = [...text.matchAll(/^seed (\d+) trace (\w+)/gm)].at(-1) ?? [];
    return { seed, hash };
  };

  it('finds no fault in seeds that are always the same', async () => {
    const bounds = ['--seeds', String(fixedSeeds), '--minutes', String(campaignMinutes)];
    const { text, ok } = await simulate(['--small', '--hashes', ...bounds]);
    expect(ok, text).to.equal(true);
    last = lastTrace(text);
  });

  it('replays the last of them alone to the same trace, in another process with other keys', async () => {
    expect(last.hash).to.match(/^[0-9a-f]{16}$/);
    const alone = await simulate(['--small', '--seed', String(last.seed)], { env: {} });
    expect(lastTrace(alone.text)).to.deep.equal(last);
  });

  it('has a piece of the code for every mutant', () => {
    for (const patch of mutants.flatMap(patchesOf)) {
      const text = readFileSync(join(projectRoot(), compiledPath(patch.file)), 'utf8');
      expect(patchedText(text, patch)).not.to.equal(text);
    }
  });

  for (const mutant of mutants.filter(({ name }) => quicklyCaught.includes(name))) {
    it(`catches a mutant: ${mutant.name}`, async () => {
      expect(await isCaught(mutant)).to.equal(true);
    });
  }

  async function isCaught(mutant: Mutant): Promise<boolean> {
    const tree = patchedTree(patchesOf(mutant));
    const work = mutant.work === undefined ? [] : ['--work', mutant.work.join()];
    try {
      const args = ['--seeds', '40', '--small', '--stop-at-first', ...work];
      const { ok } = await simulate(args, { root: tree.root });
      return !ok;
    } finally {
      tree.remove();
    }
  }
});
