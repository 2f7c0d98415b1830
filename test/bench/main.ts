import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, Round, Sample } from './bench.ts';
import { catchUp } from './catch-up.ts';
import { closeDay } from './close-day.ts';
import { collect } from './collect.ts';
import { fingerprint } from './fingerprint.ts';
import { keystroke } from './keystroke.ts';
import { median } from './load.ts';
import { lookup } from './lookup.ts';
import { paymentCross } from './payment-cross.ts';
import { paymentLocal } from './payment-local.ts';
import { paymentServer } from './payment-server.ts';
import { recover } from './recover.ts';
import { release } from './release.ts';
import { search } from './search.ts';
import { settle } from './settle.ts';
import { start } from './start.ts';

/** `npm run bench [-- NAME… --rounds N --scale S]`: medians of rounds, and their ratio to a yardstick of the same run. */

const benches: readonly Bench[] = [
  ...[paymentLocal, paymentServer, paymentCross, catchUp, collect, closeDay, fingerprint],
  ...[lookup, search, keystroke, release, settle, recover, start],
];
const gibibyte = 2 ** 30;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, scale: { type: 'string', default: '1' } },
});
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  throw new Error(`${unknown.join(', ')}: known are ${benches.map(({ name }) => name).join(', ')}`);
}
const memory = Math.round(totalmem() / gibibyte);
const machine = `${cpus().length} × ${cpus()[0]?.model}, ${memory} GiB, Node ${process.version}`;
console.log(`${machine}, ${new Date().toISOString()}`);
for (const bench of benches) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  console.log(`\n${bench.name}: ${bench.method}\n  to reach   ${bench.goal}`);
  const note = (text: string) => console.log(`  ${text}`);
  const rounds = await bench.run(Number(values.rounds), note, Number(values.scale));
  print(rounds);
}

function print(rounds: readonly Round[]): void {
  console.log(`  measured   ${line(rounds.map(({ measured }) => measured))}`);
  const against = rounds.flatMap(({ measured, yardstick }) =>
    yardstick ? [{ measured, yardstick }] : [],
  );
  if (against.length === 0) return;
  console.log(`  yardstick  ${line(against.map(({ yardstick }) => yardstick))}`);
  const ratio = median(
    against.map(({ measured, yardstick }) => measured.perSecond / yardstick.perSecond),
  );
  const ofCpu = median(against.map(({ measured, yardstick }) => yardstick.cpuMs / measured.cpuMs));
  console.log(`  ratio      ${ratio.toFixed(3)}, by processor time ${ofCpu.toFixed(3)}`);
}

function line(samples: readonly Sample[]): string {
  const middle = (of: (sample: Sample) => number) => median(samples.map(of));
  const perSecond = middle((sample) => sample.perSecond).toFixed(0);
  const p50 = middle((sample) => sample.p50Ms).toPrecision(3);
  const p99 = middle((sample) => sample.p99Ms).toPrecision(3);
  const cpu = middle((sample) => sample.cpuMs).toPrecision(3);
  return `${perSecond}/s, p50 ${p50} ms, p99 ${p99} ms, ${cpu} ms of processor time each`;
}
