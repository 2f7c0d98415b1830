import { chmodSync, copyFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncPath } from './durable-file.ts';
import { foldWal, storePath } from './embedded-store.ts';
import { lockFile } from './file-lock.ts';

/**
 * Puts a copy in the place of a store that nobody has open; until the last moment the old one is there, and whole.
 * @throws Error when a node has it open.
 */
export function replaceStore(storeUrl: string, copy: string): void {
  const path = storePath(storeUrl);
  const unlock = lockFile(path);
  const draft = `${path}.draft`;
  try {
    copyFileSync(copy, draft);
    chmodSync(draft, 0o600);
    syncPath(draft);
    foldWal(path);
    // A WAL belongs to the file beside it; one of another file would be applied to it.
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
    renameSync(draft, path);
    syncPath(dirname(path));
  } finally {
    rmSync(draft, { force: true });
    unlock();
  }
}
