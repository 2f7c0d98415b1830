import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Sample } from './bench.ts';

/** Requests over a fixed number of connections. */

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** No faster than this; else as fast as they are answered. */
  readonly perSecondMax?: number;
  /** The work is done only when this has come true: it counts into the rate, not into the answers' times. */
  readonly untilDone?: () => Promise<void>;
  /** Whose processor time counts. */
  readonly pids: readonly number[];
  request(turn: number): {
    method?: 'GET' | 'POST';
    path: string;
    headers: Record<string, string>;
    body?: string;
  };
}

/** What it came to, and how long each request took. */
export async function runLoad(
  load: Load,
): Promise<Sample & { readonly latenciesMs: readonly number[] }> {
  const pool = new Pool(load.url, { connections: load.connections, pipelining: 1 });
  const latenciesMs: number[] = [];
  const firstMs = performance.now();
  const endMs = firstMs + load.seconds * 1_000;
  const pauseMs = load.perSecondMax === undefined ? 0 : 1_000 / load.perSecondMax;
  let turn = 0;
  const one = async () => {
    for (let own = turn++; performance.now() < endMs; own = turn++) {
      const dueMs = firstMs + own * pauseMs;
      if (dueMs > performance.now()) await pause(dueMs - performance.now());
      const { method = 'POST', path, headers, body = null } = load.request(own);
      const startedMs = Math.max(dueMs, pauseMs > 0 ? 0 : performance.now());
      const answer = await pool.request({ path, method, headers, body });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${answer.statusCode}: ${text}`);
      latenciesMs.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  const cpuBefore = cpuMsOf(load.pids);
  await Promise.all(Array.from({ length: load.connections }, one));
  await load.untilDone?.();
  const cpuMs = cpuMsOf(load.pids) - cpuBefore;
  const tookMs = performance.now() - startedMs;
  await pool.close();
  const done = latenciesMs.length;
  return {
    latenciesMs,
    ...{ perSecond: (done * 1_000) / tookMs, cpuMs: cpuMs / done },
    ...{ p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) },
  };
}

/** One piece of work in this process. */
export async function timed(work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: 1_000 / tookMs,
    ...{ p50Ms: tookMs, p99Ms: tookMs, cpuMs: (user + system) / 1_000 },
  };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

const tickMs = 10;

/** Processor time of processes so far, all their threads together (proc(5), utime and stime). */
export function cpuMsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * tickMs;
}
