import { parseArgs } from 'node:util';
import { isWorkKind } from './desk-work.ts';
import { installQuickCrypto } from './quick-crypto.ts';
import { installQuickHttp } from './quick-http.ts';
import { runSeed, type SeedResult, watchRejections } from './simulation.ts';
import { isTroubleKind } from './troubles.ts';

/** `npm run simulate -- --seeds N [--from S] [--seed S] [--minutes M]` */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    troubles: { type: 'string', default: '' },
    work: { type: 'string', default: '' },
    small: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
  },
});

installQuickCrypto();
installQuickHttp();
watchRejections();

const list = (text: string) => text.split(',').filter((word) => word !== '');
const options = {
  isSmall: values.small,
  troubles: list(values.troubles).filter(isTroubleKind),
  work: list(values.work).filter(isWorkKind),
};

const write = (line: string) => void process.stdout.write(`${line}\n`);

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
const startedMs = performance.now();
const cpu = process.cpuUsage();
const limitMs =
  values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000;
const total: Record<string, number> = {};
let failed = 0;
let run = 0;
for (; run < Number(values.seeds) && performance.now() - startedMs < limitMs; run += 1) {
  const result = await runSeed(first + run, options);
  for (const [name, count] of Object.entries(result.counts))
    total[name] = (total[name] ?? 0) + count;
  if (result.faults.length > 0) {
    failed += 1;
    report(result);
    if (values['stop-at-first']) {
      run += 1;
      break;
    }
  }
  if (!values.quiet && (run + 1) % 100 === 0) write(summary(run + 1));
}
write(summary(run));
process.exit(failed === 0 ? 0 : 1);

function summary(seeds: number): string {
  const seconds = (performance.now() - startedMs) / 1000;
  const used = process.cpuUsage(cpu);
  const cpuMs = (used.user + used.system) / 1000 / Math.max(1, seeds);
  const time = `${seconds.toFixed(0)} s, ${cpuMs.toFixed(0)} ms of processor each`;
  return `${seeds} seeds from ${first}: ${failed} with faults; ${time}; ${JSON.stringify(total)}`;
}
