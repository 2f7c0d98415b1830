import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startFederation } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { cpuMsOf, median } from './load.ts';
import { startProcess } from './node-process.ts';

const restMs = 3_000;
const kibibytesPerMebibyte = 1_024;

/** A branch from nothing to its first customer. */
export const start: Bench = {
  name: 'start',
  method:
    'a branch process that knows its release, from its spawning to the first /readyz that says 200; resident memory after 3 s of rest; head office and a peer run in the client',
  goal: 'under 1 s; under 120 MB at rest',
  async run(rounds, note) {
    const federation = await startFederation(['MSK', 'SPB']);
    try {
      await federation.stopNode('MSK');
      const memory: number[] = [];
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const { pid, readyMs, stop } = await startProcess(federation.branch('MSK'));
        const cpuMs = cpuMsOf([pid]);
        await pause(restMs);
        memory.push(residentMebibytes(pid));
        await stop();
        const measured = { perSecond: 1_000 / readyMs, p50Ms: readyMs, p99Ms: readyMs, cpuMs };
        if (round > 0) results.push({ measured });
      }
      note(`${median(memory).toFixed(0)} MiB resident at rest`);
      return results;
    } finally {
      await federation.stop();
    }
  },
};

function residentMebibytes(pid: number): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / kibibytesPerMebibyte;
}
