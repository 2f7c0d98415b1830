import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../shared/store/assets.ts';
import { compiledPath, patchedText, patchedTree } from '../support/patches.ts';
import { type Mutant, mutants, patchesOf } from './mutants.ts';

/** The simulation runs in processes of its own: it changes how cryptography and responses work. */

const program = 'dist/test/simulation/main.js';
const fixedSeeds = 20;
const campaignMinutes = 1;
const runMaxMs = 570_000;
/** Caught by the first seeds, whatever else they hold. */
const quicklyCaught = [
  'a credit has the wrong sign',
  'a closed window is recorded with the wrong sign',
];

describe('the simulation', function simulation() {
  this.timeout(runMaxMs);
  const templates = mkdtempSync(join(tmpdir(), 'sbms-templates-'));
  const env = { ...process.env, SIMULATION_TEMPLATES: templates };
  after(() => rmSync(templates, { recursive: true, force: true }));

  function simulate(args: readonly string[], root = projectRoot()): { text: string; ok: boolean } {
    try {
      const options = {
        env,
        encoding: 'utf8',
        stdio: 'pipe',
        maxBuffer: 64 * 1024 * 1024,
      } as const;
      return {
        text: execFileSync(process.execPath, [join(root, program), ...args], options),
        ok: true,
      };
    } catch (error) {
      const text =
        error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
      return { text, ok: false };
    }
  }

  it('replays a seed to the same trace, in another process', () => {
    const args = ['--seed', '3', '--small', '--troubles', 'set-back,crash,storm'];
    const hashes = [simulate(args), simulate(args)].map(
      ({ text }) => /trace (\w+)/.exec(text)?.[1],
    );
    expect(hashes[0]).to.match(/^[0-9a-f]{16}$/);
    expect(hashes[1]).to.equal(hashes[0]);
  });

  it('finds no fault in seeds that are always the same', () => {
    const { text, ok } = simulate([
      '--seeds',
      String(fixedSeeds),
      '--minutes',
      String(campaignMinutes),
    ]);
    expect(ok, text).to.equal(true);
  });

  it('finds no fault in seeds that nobody has run before', () => {
    const from = 1_000_000 + Math.floor(Math.random() * 1_000_000_000);
    const { text, ok } = simulate(['--from', String(from), '--seeds', '1000', '--minutes', '0.5']);
    expect(ok, text).to.equal(true);
  });

  it('has a piece of the code for every mutant', () => {
    for (const patch of mutants.flatMap(patchesOf)) {
      const text = readFileSync(join(projectRoot(), compiledPath(patch.file)), 'utf8');
      expect(patchedText(text, patch)).not.to.equal(text);
    }
  });

  for (const mutant of mutants.filter(({ name }) => quicklyCaught.includes(name))) {
    it(`catches a mutant: ${mutant.name}`, () => {
      expect(isCaught(mutant)).to.equal(true);
    });
  }

  function isCaught(mutant: Mutant): boolean {
    const tree = patchedTree(patchesOf(mutant));
    const work = mutant.work === undefined ? [] : ['--work', mutant.work.join()];
    try {
      const args = ['--seeds', '40', '--small', '--stop-at-first', ...work];
      return !simulate(args, tree.root).ok;
    } finally {
      tree.remove();
    }
  }
});
