import { copyFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { logFaults } from '../federation/log-faults-store.ts';
import { ledgerFaults } from '../ledger/ledger-store.ts';
import { syncPath } from '../store/durable-file.ts';
import type { Store } from '../store/store.ts';

/** What is wrong with a node's own books and log: nothing, or a line for each fault. */
export async function verifyStore(store: Store): Promise<string[]> {
  return store.read(async (tx) => [...(await ledgerFaults(tx)), ...(await logFaults(tx))]);
}

/**
 * Puts a backup in the place of a stopped node's store. Its sentinel stays: the next start sees that the node was set
 * back, and recovers what its peers hold.
 */
export async function restoreStore(storeUrl: string, backup: string): Promise<void> {
  if (!storeUrl.startsWith('file:')) {
    throw new Error('a libSQL server restores its own snapshots');
  }
  const path = storeUrl.startsWith('file://')
    ? fileURLToPath(storeUrl)
    : storeUrl.slice('file:'.length);
  await rm(`${path}-wal`, { force: true });
  await rm(`${path}-shm`, { force: true });
  await copyFile(backup, path);
  await syncPath(path);
}
