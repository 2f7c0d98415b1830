import { statSync } from 'node:fs';
import Database from 'libsql';
import { connectionDriver } from './embedded-store.ts';
import { readCommitCount } from './sentinel.ts';
import type { Reader } from './store.ts';
import { readHandle } from './transaction.ts';

/**
 * Reads a copy of a store that no node has open, and changes nothing of it.
 * @throws Error when it is no store, or a broken one.
 */
export async function readCopy<T>(path: string, work: (tx: Reader) => Promise<T>): Promise<T> {
  const { size } = statSync(path);
  if (size === 0) throw new Error(`${path} is empty`);
  const db = new Database(path, { readonly: true });
  try {
    const driver = { ...connectionDriver(db), close: () => {} };
    await readCommitCount(driver);
    return await work(readHandle(driver).tx);
  } finally {
    db.close();
  }
}

/** What SQLite itself finds wrong with the file; nothing when it is whole. */
export async function fileFaults(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ line: string }>('SELECT quick_check AS line FROM pragma_quick_check');
  return rows.flatMap(({ line }) => (line === 'ok' ? [] : [line]));
}
