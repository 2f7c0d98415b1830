import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { logFaults } from '../federation/log-faults-store.ts';
import type { NodeCode } from '../ids/ids.ts';
import { ledgerFaults } from '../ledger/ledger-store.ts';
import { assertOpenable, type MigrationSet } from '../store/migrations.ts';
import { openAsItIs, type StorePlace } from '../store/open-store.ts';
import { replaceStore } from '../store/replace-store.ts';
import type { Store } from '../store/store.ts';
import { checkBackup } from './backup-check.ts';
import { backupRecord } from './backups.ts';

/** What is wrong with a node's own books and log: nothing, or a line for each fault. */
export async function verifyStore(store: Pick<Store, 'read'>): Promise<string[]> {
  return store.read(async (tx) => [...(await ledgerFaults(tx)), ...(await logFaults(tx))]);
}

/** The same of a node that does not run, as its store is. @throws Error for one that this version could not open. */
export async function verifyStopped(
  place: StorePlace,
  migrations: readonly MigrationSet[],
): Promise<string[]> {
  const store = await openAsItIs(place);
  try {
    await store.read((tx) => assertOpenable(tx, migrations));
    return await verifyStore(store);
  } finally {
    await store.close();
  }
}

/**
 * Puts a backup in the place of a stopped node's store, or where it was before its disk was lost. Its sentinel stays: the
 * next start sees that the node was set back, and recovers what its peers hold.
 * @throws Error for a running node, a broken backup, one that is not what its record says, another node's, or one that
 * this version could not open.
 */
export async function restoreStore(
  {
    code,
    storeUrl,
    migrations,
  }: { code: NodeCode; storeUrl: string; migrations: readonly MigrationSet[] },
  backup: string,
): Promise<void> {
  if (!storeUrl.startsWith('file:')) {
    throw new Error(
      'the store is on a libSQL server: stop it, put the backup there as dbs/default/data with nothing else in that folder, and start it',
    );
  }
  assertClosed(backup);
  await assertAsTaken(backup);
  const { faults } = await checkBackup(backup, async (tx, newest) => {
    if (newest?.node !== code) {
      const node = newest?.node ?? 'a node that never started';
      throw new Error(`the backup is of ${node}, not ${code}`);
    }
    await assertOpenable(tx, migrations).catch((error: Error) => {
      throw new Error(`${backup} would not open here, and nothing was replaced. ${error.message}`);
    });
  });
  if (faults.length > 0) throw new Error(`the backup is faulty: ${faults[0]}`);
  replaceStore(storeUrl, backup);
}

/** Only the file would be put in place, and what a WAL beside it has would be lost. */
function assertClosed(backup: string): void {
  const { size = 0 } = statSync(`${backup}-wal`, { throwIfNoEntry: false }) ?? {};
  if (size === 0) return;
  throw new Error(
    `${backup} is of a node that did not stop in order: ${backup}-wal has what it wrote last. Put both in the store's place by hand, or restore a backup.`,
  );
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
