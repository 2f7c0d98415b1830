import { registerSubscriber, type TestFederation, until } from '../support/federation.ts';
import type { Sample } from './bench.ts';
import { cpuMsOf } from './load.ts';
import { type NodeProcess, startProcess } from './node-process.ts';
import { takeMany } from './paying.ts';

const subscribers = 50;
const drainMaxMs = 3_600_000;
const pollMs = 50;

export async function subscribersOf(federation: TestFederation, code: string): Promise<string[]> {
  const numbers: string[] = [];
  for (let turn = 0; turn < subscribers; turn += 1) {
    numbers.push(await registerSubscriber(federation.branch(code)));
  }
  return numbers;
}

/** Runs every node as a process of its own, and everything in this process again afterwards. */
export async function asProcesses<T>(
  federation: TestFederation,
  codes: readonly string[],
  work: (running: ReadonlyMap<string, NodeProcess>) => Promise<T>,
): Promise<T> {
  const running = new Map<string, NodeProcess>();
  try {
    for (const code of codes) {
      await federation.stopNode(code);
      running.set(code, await startProcess(federation.branch(code)));
    }
    return await work(running);
  } finally {
    for (const each of running.values()) await each.stop();
    for (const code of codes) await federation.startNode(code);
  }
}

/** A home branch comes back to operations that wait for it at another, and these drain. */
export async function drain(
  federation: TestFederation,
  { serving, home, numbers, count }: DrainedOutage,
  during: (serving: NodeProcess) => Promise<void> = async () => {},
): Promise<Sample> {
  await federation.untilQuiet();
  await federation.stopNode(home);
  await takeMany(federation.running(serving), { numbers, count });
  return asProcesses(federation, ['HQ', serving], async (running) => {
    const away = federation.branch(home);
    const back = await startProcess(away);
    try {
      const pids = [...running.values(), back].map(({ pid }) => pid);
      const cpuBefore = cpuMsOf(pids);
      const startedMs = performance.now();
      const servingProcess = running.get(serving);
      const beside = servingProcess ? during(servingProcess) : Promise.resolve();
      await untilTold(federation, [serving, home]);
      const tookMs = performance.now() - startedMs;
      const cpuMs = (cpuMsOf(pids) - cpuBefore) / count;
      await beside;
      return { perSecond: (count * 1_000) / tookMs, p50Ms: tookMs, p99Ms: tookMs, cpuMs };
    } finally {
      await back.stop();
      await federation.startNode(home);
    }
  });
}

export interface DrainedOutage {
  readonly serving: string;
  readonly home: string;
  /** Of the home branch. */
  readonly numbers: readonly string[];
  readonly count: number;
}

/** None of the nodes has anything left to tell, or is recovering. */
export async function untilTold(
  federation: TestFederation,
  codes: readonly string[],
): Promise<void> {
  await until(
    'everything is told',
    async () => {
      for (const code of codes) {
        const { manager } = federation.branch(code);
        const { items } = (await manager.get('/api/v1/streams')).body;
        if (items.some(({ behind }: { behind: number }) => behind > 0)) return false;
        if ((await manager.get('/api/v1/recovery')).body.recovering) return false;
      }
      return true;
    },
    drainMaxMs,
    pollMs,
  );
}
