import { startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench, Sample } from './bench.ts';
import { cpuMsOf } from './load.ts';
import { startProcess } from './node-process.ts';
import { asProcesses, drain, subscribersOf, untilTold } from './outage.ts';
import { takeMany } from './paying.ts';

const operations = 100_000;

/** A branch that lost its disk, from a backup and what the others hold. */
export const recover: Bench = {
  name: 'recover',
  method: `a branch takes ${operations} payments for its own numbers after a backup, loses its store, and starts on the backup; until it has recovered all and told head office; yardstick: catch-up with as many; processes; one round`,
  goal: 'at least half the rate of catch-up',
  async run(_, note, scale) {
    const federation = await startFederation(['MSK', 'SPB']);
    try {
      const count = Math.round(operations * scale);
      const theirs = await subscribersOf(federation, 'SPB');
      const given = { serving: 'MSK', home: 'SPB', numbers: theirs, count };
      const yardstick = await drain(federation, given);
      const measured = await recovered(federation, count);
      note(`${count} operations came back`);
      return [{ measured, yardstick }];
    } finally {
      await federation.stop();
    }
  },
};

async function recovered(federation: TestFederation, count: number): Promise<Sample> {
  const numbers = await subscribersOf(federation, 'MSK');
  await federation.untilQuiet();
  const backup = await federation.backup('MSK');
  const before = await paymentsAt(federation);
  await takeMany(federation.running('MSK'), { numbers, count });
  await federation.untilQuiet();
  await federation.stopNode('MSK');
  await federation.restore('MSK', backup);
  const sample = await asProcesses(federation, ['HQ', 'SPB'], async (running) => {
    const startedMs = performance.now();
    const branch = await startProcess(federation.branch('MSK'));
    const pids = [...running.values(), branch].map(({ pid }) => pid);
    await untilTold(federation, ['MSK']);
    const tookMs = performance.now() - startedMs;
    const cpuMs = cpuMsOf(pids) / count;
    await branch.stop();
    return { perSecond: (count * 1_000) / tookMs, p50Ms: tookMs, p99Ms: tookMs, cpuMs };
  });
  await federation.startNode('MSK');
  const back = (await paymentsAt(federation)) - before;
  if (back !== BigInt(count)) throw new Error(`${back} of ${count} payments came back`);
  return sample;
}

async function paymentsAt(federation: TestFederation): Promise<bigint> {
  const row = await federation
    .running('MSK')
    .store.read((tx) => tx.get<{ count: bigint }>('SELECT COUNT(*) AS count FROM payments'));
  return row?.count ?? 0n;
}
