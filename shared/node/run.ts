import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from './node.ts';

/**
 * Runs a node's process: starts it, writes `node.pid` into its folder, and stops it in order when it is asked to. What
 * nobody caught ends the process: a broken invariant must not go on working.
 */
export async function runNode(open: () => Promise<Pick<Node, 'config' | 'start' | 'stop'>>) {
  let stopping = false;
  try {
    const node = await open();
    const pidFile = join(node.config.dataDir, 'node.pid');
    // Before it starts: whoever stops the node then finds it, and the store's lock says that it is the only one.
    mkdirSync(node.config.dataDir, { recursive: true });
    writeFileSync(pidFile, String(process.pid));
    const stop = async (): Promise<void> => {
      if (stopping) return;
      stopping = true;
      await node.stop();
      rmSync(pidFile, { force: true });
      process.exit(0);
    };
    process.on('SIGTERM', () => void stop());
    process.on('SIGINT', () => void stop());
    await node.start();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    process.exit(1);
  }
}
