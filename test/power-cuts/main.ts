import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { Command } from 'commander';
import { seeded } from '../../demo/business-day.ts';
import { type Recordings, recordBranch } from './branch-day.ts';
import { cutsOf, sitesByKind } from './cuts.ts';
import { branchFaults, createJudge } from './judge.ts';

/** Power cuts: what a real branch wrote is cut anywhere, and what is left is opened. */

const shownMax = 12;

interface Options {
  readonly images: number;
  readonly seed: number;
  readonly synchronous: 'full' | 'normal';
  readonly only?: string;
  readonly recording?: string;
}

function parse(argv: readonly string[]): Options {
  return new Command('npm run power-cuts --')
    .description('Records a branch, rebuilds what a power cut could have left, and opens it.')
    .option('--images <count>', 'of each kind of transaction', Number, 5_000)
    .option('--seed <number>', 'the same seed cuts a recording alike', Number, 1)
    .option('--synchronous <mode>', 'full as it is, or normal, which must fail', 'full')
    .option('--only <text>', 'kinds whose name has this text')
    .option('--recording <file>', 'cuts this one again; made and kept if it is not there')
    .parse(argv, { from: 'user' })
    .opts<Options>();
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function recorded({ synchronous, recording }: Options, folder: string): Promise<Recordings> {
  // What was written there is our own.
  if (recording && existsSync(recording)) return deserialize(readFileSync(recording)) as Recordings;
  const made = await recordBranch({ folder, isNormal: synchronous === 'normal' });
  if (recording) writeFileSync(recording, serialize(made));
  return made;
}

async function cutAll(options: Options, folder: string): Promise<number> {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1_000).toFixed(0);
  const { recordings, migrations } = await recorded(options, folder);
  const events = recordings.reduce((sum, recording) => sum + recording.events.length, 0);
  const facts = recordings.reduce((sum, recording) => sum + recording.facts.length, 0);
  say(`recorded ${events} writes and syncs, ${facts} facts told, after ${seconds()} s`);
  const kinds = sitesByKind(recordings);
  const random = seeded(options.seed);
  const { judge, contents } = createJudge({
    ...{ folder: join(folder, 'image'), migrations, verify: branchFaults },
  });
  const shown = new Map<string, number>();
  let bad = 0;
  let all = 0;
  for (const [kind, sites] of kinds) {
    if (!kind.includes(options.only ?? '')) continue;
    let [images, faulty] = [0, 0];
    for (const cut of cutsOf(kind, sites, { images: options.images, random })) {
      const { recording, files, index } = cut;
      const queries = [...new Set(recording.facts.map(({ query }) => query))];
      const faults = await judge(files, { from: recording.place, facts: cut.facts, queries });
      images += 1;
      if (faults.length === 0) continue;
      faulty += 1;
      for (const fault of faults.slice(0, 3)) {
        const name = fault.replaceAll(/[0-9a-f-]{8,}|\d+/g, '#');
        const times = (shown.get(name) ?? 0) + 1;
        shown.set(name, times);
        if (shown.size <= shownMax && times === 1) say(`  FAULT at event ${index}: ${fault}`);
      }
    }
    all += images;
    bad += faulty;
    say(`${kind}: ${sites.length} places, ${images} images, ${faulty} with faults, ${seconds()} s`);
  }
  say(`\n${kinds.size} kinds, ${all} images, ${bad} with faults; ${contents()} contents of stores`);
  for (const [name, times] of shown) say(`  ${times} times: ${name}`);
  return bad;
}

const options = parse(process.argv.slice(2));
if (spawnSync('strace', ['-V']).status !== 0) {
  process.stderr.write('strace is missing: apt-get install strace\n');
  process.exit(2);
}
// Nothing of it needs to last: on Linux a folder in memory is at hand.
const root = process.platform === 'linux' ? '/dev/shm' : tmpdir();
const folder = mkdtempSync(join(root, 'power-cuts-'));
try {
  process.exitCode = (await cutAll(options, folder)) === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
