import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programPath } from '../../shared/store/assets.ts';
import { send, type TestNode, until } from '../support/federation.ts';

const readyMaxMs = 300_000;
const readyPauseMs = 5;

export interface NodeProcess {
  readonly pid: number;
  /** From its start to its first `/readyz` that says 200. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** A stopped node of a test federation as a process of its own, on the store that it has. */
export async function startProcess(node: TestNode): Promise<NodeProcess> {
  const folder = node.code === 'HQ' ? 'central-node' : 'branch-node';
  const startedMs = performance.now();
  const child = spawn(process.execPath, [programPath(`${folder}/main.js`)], {
    env: { PATH: process.env.PATH, ...node.environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilReady(node, child);
  return {
    pid: child.pid ?? 0,
    readyMs: performance.now() - startedMs,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilReady({ code, url }: TestNode, child: ChildProcess): Promise<void> {
  await until(
    `${code} is ready`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${code} ended with ${child.exitCode}`);
      const answer = await send(url, 'GET', '/readyz').catch(() => undefined);
      return answer?.status === 200;
    },
    readyMaxMs,
    readyPauseMs,
  );
}
