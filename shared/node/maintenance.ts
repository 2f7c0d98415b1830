import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { logFaults } from '../federation/log-faults-store.ts';
import type { NodeCode } from '../ids/ids.ts';
import { ledgerFaults } from '../ledger/ledger-store.ts';
import { replaceStore } from '../store/replace-store.ts';
import type { Store } from '../store/store.ts';
import { checkBackup } from './backup-check.ts';
import { backupRecord } from './backups.ts';

/** What is wrong with a node's own books and log: nothing, or a line for each fault. */
export async function verifyStore(store: Store): Promise<string[]> {
  return store.read(async (tx) => [...(await ledgerFaults(tx)), ...(await logFaults(tx))]);
}

/**
 * Puts a backup in the place of a stopped node's store, or where it was before its disk was lost. Its sentinel stays: the
 * next start sees that the node was set back, and recovers what its peers hold.
 * @throws Error for a running node, a broken backup, one that is not what its record says, or another node's.
 */
export async function restoreStore(
  { code, storeUrl }: { code: NodeCode; storeUrl: string },
  backup: string,
): Promise<void> {
  if (!storeUrl.startsWith('file:')) {
    throw new Error(
      'the store is on a libSQL server: stop it, put the backup there as dbs/default/data with nothing else in that folder, and start it',
    );
  }
  await assertAsTaken(backup);
  const { faults, newest } = await checkBackup(backup);
  if (faults.length > 0) throw new Error(`the backup is faulty: ${faults[0]}`);
  if (newest?.node !== code) {
    throw new Error(`the backup is of ${newest?.node ?? 'a node that never started'}, not ${code}`);
  }
  replaceStore(storeUrl, backup);
}

/** A byte that changed since may fit the file, the books and the log all the same. */
export async function assertAsTaken(backup: string): Promise<void> {
  const path = `${backup}.json`;
  if (!existsSync(path)) return;
  if (hashIn(path) === (await hashOf(backup))) return;
  throw new Error(
    `${backup} is not the file that ${path} describes: it was changed or damaged since it was taken. Take another backup, or another copy of this one.`,
  );
}

function hashIn(path: string): string {
  try {
    return backupRecord.parse(JSON.parse(readFileSync(path, 'utf8'))).sha256;
  } catch (cause) {
    throw new Error(`${path} cannot be read as the record of a backup.`, { cause });
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
