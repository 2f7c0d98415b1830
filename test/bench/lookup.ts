import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importNumbering } from '../../central-node/reference/numbering-import.ts';
import type { Msisdn } from '../../shared/ids/ids.ts';
import type { Datasets } from '../../shared/reference/datasets.ts';
import { buildReference } from '../../shared/reference/reference.ts';
import { projectRoot } from '../../shared/store/assets.ts';
import { smallDatasets } from '../unit/reference/reference-fixtures.ts';
import type { Bench, Sample } from './bench.ts';
import { median, quantile } from './load.ts';

const inn = '7812014560';
const portedNumbers = 1_000_000;
const asked = 1_000_000;
const batch = 1_000;
const mebibyte = 2 ** 20;

/** Number → home branch, as every payment asks it, against a `Map` that holds the ported numbers. */
export const lookup: Bench = {
  name: 'lookup',
  method: `${asked} lookups, half of them ported numbers; the real numbering plan where it is to be had, and ${portedNumbers} ported numbers; yardstick: the same numbers in a Map of the ported ones; percentiles over batches of ${batch}`,
  goal: 'under 2 µs',
  async run(rounds, note) {
    const plan = numberingPlan(note);
    const before = memory();
    const reference = buildReference({
      version: 1,
      effectiveFrom: '2026-03-01T00:00:00.000Z',
      datasets: { ...smallDatasets(), ...plan, 'ported-numbers': ported() },
    });
    note(`memory of the view ${((memory() - before) / mebibyte).toFixed(0)} MiB`);
    const mapBefore = memory();
    const map = new Map(ported().map(({ msisdn, branch }) => [msisdn, branch]));
    note(`memory of the Map ${((memory() - mapBefore) / mebibyte).toFixed(0)} MiB`);
    const numbers = Array.from({ length: asked }, (_, turn) =>
      turn % 2 === 0 ? numberAt((turn * 7_919) % portedNumbers) : String(79_250_000_000 + turn),
    ) as Msisdn[];
    const once = () => ({
      measured: timed(numbers, (msisdn) => reference.homeOf(msisdn)),
      yardstick: timed(numbers, (msisdn) => map.get(msisdn)),
    });
    once();
    const results = Array.from({ length: rounds }, once);
    const each = median(results.map(({ measured }) => 1_000_000 / measured.perSecond));
    note(`${each.toFixed(2)} µs for a lookup`);
    return results;
  },
};

function numberingPlan(note: (text: string) => void): Partial<Datasets> {
  const file = join(projectRoot(), '../shared/data/numbering-plan-def-2023-06.csv');
  if (!existsSync(file)) {
    note(`without the real numbering plan: ${file} is not here`);
    return {};
  }
  const regions = readFileSync(join(projectRoot(), 'reference-data/numbering-regions.csv'));
  const found = importNumbering({ registry: readFileSync(file), regions, inn });
  const { numberingPlan: own, foreignNumbering: foreign } = found;
  note(`${own.length} own ranges, ${foreign.length} of others`);
  return { 'numbering-plan': own, 'foreign-numbering': foreign };
}

const numberAt = (index: number) => String(79_000_000_000 + index * 937);

function ported(): Datasets['ported-numbers'] {
  return Array.from({ length: portedNumbers }, (_, index) => ({
    msisdn: numberAt(index),
    branch: index % 2 === 0 ? 'MSK' : 'SPB',
  }));
}

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function timed(numbers: readonly Msisdn[], find: (msisdn: Msisdn) => unknown): Sample {
  const tookMs: number[] = [];
  let found = 0;
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let from = 0; from < numbers.length; from += batch) {
    const batchMs = performance.now();
    for (let turn = from; turn < from + batch; turn += 1) {
      if (find(numbers[turn] as Msisdn) !== undefined) found += 1;
    }
    tookMs.push((performance.now() - batchMs) / batch);
  }
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  if (found === 0) throw new Error('nothing was found');
  return {
    perSecond: (numbers.length * 1_000) / wallMs,
    ...{ p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99) },
    cpuMs: (user + system) / 1_000 / numbers.length,
  };
}
