import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { armedFile, crashedFile } from './arming.ts';

/**
 * Loaded into a node's process before the node itself. The patches of `crash-points.ts` call it as the node passes them;
 * at the point that is armed the process kills itself.
 */

const folder = process.env.DATA_DIR ?? '';
let armed: { name: string; passings: number } | undefined;
let left = 0;
let isCommitAwaited = false;

/** When the process starts, and whenever it is told that another point is armed. */
function arm(): void {
  const file = join(folder, armedFile);
  armed = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  left = armed?.passings ?? 0;
  isCommitAwaited = false;
}

function at(point: string): void {
  if (point !== armed?.name) return;
  left -= 1;
  if (left > 0) return;
  writeFileSync(join(folder, crashedFile), point);
  process.kill(process.pid, 'SIGKILL');
}

/** A moment; or, with its transaction, a kind of write with three of them. */
function passing(name: string, tx?: { afterCommit(fn: () => void): void }): void {
  if (!tx) {
    at(name);
    return;
  }
  at(`${name}: inside`);
  isCommitAwaited ||= armed?.name === `${name}: committed`;
  tx.afterCommit(() => at(`${name}: unanswered`));
}

/** The store's transaction is on the disk; its sentinel does not know yet. */
function committed(): void {
  if (isCommitAwaited && armed) at(armed.name);
}

if (folder !== '') {
  arm();
  process.on('SIGUSR2', arm);
  Object.assign(globalThis, { passing, committed });
}
