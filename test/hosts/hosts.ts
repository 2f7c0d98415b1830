import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCrew } from '../../demo/crew.ts';
import { type DemoNode, runningPid, startNode } from '../../demo/node-process.ts';

/** The nodes' processes, each on a host of its own: killed, paused, started again, with clocks that jump. */

export interface Hosts {
  readonly codes: readonly string[];
  isUp(code: string): boolean;
  kill(code: string): void;
  start(code: string): Promise<void>;
  pause(code: string): void;
  resume(code: string): void;
  clockOf(code: string): number;
  setClock(code: string, offsetMs: number): void;
  /** What ended without having been told to. */
  readonly ends: readonly string[];
  dismiss(): Promise<void>;
}

export function clockFile(dataDir: string, code: string): string {
  return join(dataDir, 'clocks', code);
}

export function writeClock(dataDir: string, code: string, offsetMs: number): void {
  mkdirSync(join(dataDir, 'clocks'), { recursive: true });
  writeFileSync(clockFile(dataDir, code), String(offsetMs));
}

/** Takes over nodes that run already. */
export function takeOver(dataDir: string, nodes: readonly DemoNode[]): Hosts {
  const crew = createCrew();
  const byCode = new Map(nodes.map((node) => [node.code, node]));
  const pids = new Map(nodes.map((node) => [node.code, runningPid(node)]));
  const clocks = new Map<string, number>();
  const ends: string[] = [];

  const signal = (code: string, name: NodeJS.Signals): void => {
    const pid = pids.get(code);
    if (pid === undefined) return;
    try {
      process.kill(pid, name);
    } catch {
      pids.delete(code);
      ends.push(`${code} was gone before its ${name}`);
    }
  };

  function watch(code: string, child: ChildProcess): void {
    child.once('exit', (status, name) => {
      if (pids.get(code) !== child.pid) return;
      pids.delete(code);
      ends.push(`${code} ended by itself: ${status ?? name}`);
    });
  }

  return {
    codes: nodes.map(({ code }) => code),
    ends,
    isUp: (code) => pids.get(code) !== undefined,
    kill(code) {
      signal(code, 'SIGKILL');
      pids.delete(code);
    },
    async start(code) {
      const node = byCode.get(code);
      if (!node || pids.get(code) !== undefined) return;
      const child = await startNode(node, crew);
      pids.set(code, child.pid);
      watch(code, child);
    },
    pause: (code) => signal(code, 'SIGSTOP'),
    resume: (code) => signal(code, 'SIGCONT'),
    clockOf: (code) => clocks.get(code) ?? 0,
    setClock(code, offsetMs) {
      clocks.set(code, offsetMs);
      writeClock(dataDir, code, offsetMs);
    },
    dismiss: crew.dismiss,
  };
}
