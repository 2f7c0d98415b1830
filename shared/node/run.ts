import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { maskText } from '../text/masking.ts';
import type { Node } from './node.ts';
import { EnvironmentFault } from './node-config.ts';

/** What was answered is durable whenever the process ends; this is for what is not answered yet. */
const stopMaxMs = 10_000;

/**
 * Runs a node's process: writes `node.pid` into its folder, starts it, and stops it in order when it is asked to, also
 * while it starts. What nobody caught ends the process: a broken invariant must not go on working.
 */
export async function runNode(open: () => Promise<Pick<Node, 'config' | 'start' | 'stop'>>) {
  // Told by us and not by Node, which would show an error's every member.
  process.on('uncaughtException', fail);
  let node: Awaited<ReturnType<typeof open>>;
  try {
    node = await open();
  } catch (error) {
    return fail(error);
  }
  const pidFile = join(node.config.dataDir, 'node.pid');
  const leave = (code: number): never => {
    rmSync(pidFile, { force: true });
    process.exit(code);
  };
  let stopping: NodeJS.Signals | undefined;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    // A terminal's Ctrl+C and who started the node may both ask once; who asks again wants no order.
    if (stopping === signal) return leave(1);
    if (stopping) return;
    stopping = signal;
    setTimeout(() => {
      tell(new Error(`The node did not stop in ${stopMaxMs / 1000} s; it ends as after a crash.`));
      leave(1);
    }, stopMaxMs);
    await node.stop();
    leave(0);
  };
  // Before it starts: whoever stops the node then finds it, and the store's lock says that it is the only one.
  mkdirSync(node.config.dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(pidFile, String(process.pid));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  try {
    await node.start();
  } catch (error) {
    // Stopped while it started, it fails for that reason; the stop ends the process.
    if (stopping) return;
    tell(error);
    leave(1);
  }
}

function tell(error: unknown): void {
  process.stderr.write(`${maskText(textOf(error))}\n`);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof EnvironmentFault) return error.message;
  const cause = error.cause === undefined ? '' : `\ncaused by ${textOf(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}

function fail(error: unknown): never {
  tell(error);
  process.exit(1);
}
