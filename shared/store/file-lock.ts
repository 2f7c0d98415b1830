import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import Database from 'libsql';

/**
 * Keeps a store's file for this process: libSQL's SQLite 3.45 can lose a commit that races a
 * checkpoint of another connection. The lock is the operating system's, on a file beside the store,
 * so it ends with the process however it dies.
 */
export function lockFile(path: string): () => void {
  const file = `${path}.lock`;
  createPrivately(file);
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new Error(`another process has the store open: ${path}`, { cause: error });
  }
  return () => {
    lock.exec('ROLLBACK');
    lock.close();
  };
}

/**
 * A file that only this user can open, for whoever can open a lock can hold it. One that is there is
 * never opened: closing it would give up every lock that this process has on it (POSIX, `fcntl`).
 */
export function createPrivately(file: string): void {
  if (existsSync(file)) chmodSync(file, 0o600);
  else closeSync(openSync(file, 'a', 0o600));
}
