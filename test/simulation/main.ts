import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isWorkKind } from './desk-work.ts';
import { useRuntimeSqlite } from './disk.ts';
import { installQuickCrypto } from './quick-crypto.ts';
import { installQuickHttp } from './quick-http.ts';
import { runSeed, type SeedResult, watchRejections } from './simulation.ts';
import { isTroubleKind } from './troubles.ts';

/**
 * `npm run simulate -- --seed S` shows one seed; `-- --seeds N [--from S] [--jobs J] [--minutes M] [--report FILE]`
 * runs a campaign, which appends to its report what it finds and how far it came.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    /** Every so manyth seed: what one of several jobs runs. */
    every: { type: 'string', default: '1' },
    report: { type: 'string' },
    troubles: { type: 'string', default: '' },
    work: { type: 'string', default: '' },
    small: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    /** Node's own SQLite under the stores, where it has one: faster. */
    'runtime-sqlite': { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
  },
});

const reportedEvery = 100;
const jobs = Number(values.jobs);
if (jobs > 1) process.exit(await campaign(jobs));

installQuickCrypto();
installQuickHttp();
if (values['runtime-sqlite']) useRuntimeSqlite();
watchRejections();

const list = (text: string) => text.split(',').filter((word) => word !== '');
const options = {
  isSmall: values.small,
  troubles: list(values.troubles).filter(isTroubleKind),
  work: list(values.work).filter(isWorkKind),
};

function write(line: string): void {
  process.stdout.write(`${line}\n`);
  if (values.report !== undefined) appendFileSync(values.report, `${line}\n`);
}

function report(result: SeedResult): void {
  for (const fault of result.faults) write(`seed ${result.seed}: ${fault}`);
  const more = [
    ...(values.small ? ['--small'] : []),
    ...(values.troubles === '' ? [] : ['--troubles', values.troubles]),
    ...(values.work === '' ? [] : ['--work', values.work]),
  ];
  write(`replay: npm run simulate -- ${['--seed', result.seed, ...more].join(' ')}`);
}

if (values.seed !== undefined) {
  const result = await runSeed(Number(values.seed), { ...options, isTraced: true });
  for (const line of result.lines) write(line);
  write(`${JSON.stringify(result.counts)}`);
  for (const fault of result.faults) write(`FAULT ${fault}`);
  write(`seed ${result.seed} trace ${result.hash}: ${result.faults.length} faults`);
  process.exit(result.faults.length === 0 ? 0 : 1);
}

const first = Number(values.from);
const step = Number(values.every);
const startedMs = performance.now();
const cpu = process.cpuUsage();
const limitMs =
  values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000;
const total: Record<string, number> = {};
let failed = 0;
let run = 0;
while (run < Number(values.seeds) && performance.now() - startedMs < limitMs) {
  const result = await runSeed(first + run * step, options);
  run += 1;
  for (const [name, count] of Object.entries(result.counts))
    total[name] = (total[name] ?? 0) + count;
  if (values.hashes) write(`seed ${result.seed} trace ${result.hash}`);
  if (result.faults.length > 0) {
    failed += 1;
    report(result);
    if (values['stop-at-first']) break;
  }
  if (!values.quiet && run % reportedEvery === 0) write(summary());
}
write(summary());
process.exit(failed === 0 ? 0 : 1);

function summary(): string {
  const seconds = (performance.now() - startedMs) / 1000;
  const used = process.cpuUsage(cpu);
  const cpuMs = (used.user + used.system) / 1000 / Math.max(1, run);
  const time = `${seconds.toFixed(0)} s, ${cpuMs.toFixed(0)} ms of processor each`;
  const which = `${run} seeds from ${first}${step === 1 ? '' : ` every ${step}.`}`;
  return `${which}: ${failed} with faults; ${time}; ${JSON.stringify(total)}`;
}

/** One process for each job, each with its share of the seeds. @returns the worst of their exit codes. */
async function campaign(count: number): Promise<number> {
  const [, program = '', ...given] = process.argv;
  const seeds = Math.ceil(Number(values.seeds) / count);
  const ends = Array.from({ length: count }, async (_, index) => {
    const own = ['--jobs', 1, '--every', count, '--seeds', seeds];
    const from = ['--from', Number(values.from) + index];
    const args = [...process.execArgv, program, ...given, ...own, ...from].map(String);
    const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
    return code === 0 ? 0 : 1;
  });
  return Math.max(...(await Promise.all(ends)));
}
