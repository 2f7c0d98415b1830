import { logFaults } from '../federation/log-faults-store.ts';
import { newestEntry } from '../federation/log-store.ts';
import { ledgerFaults } from '../ledger/ledger-store.ts';
import type { Reader } from '../store/store.ts';
import { fileFaults, readCopy } from '../store/stored-copy.ts';

export interface CheckedBackup {
  /** Nothing, or a line for each fault of the file, the books, the log and the streams. */
  readonly faults: readonly string[];
  /** Whose store it is, and its newest entry; undefined before a first start. */
  readonly newest?: { readonly node: string; readonly epoch: string; readonly seq: number };
}

/**
 * Looks at every page, posting and entry of a copy: takes seconds, and is not for a node's own process.
 * @param assertWanted asked before the books are read: those of another version may be others.
 */
export function checkBackup(
  path: string,
  assertWanted: (tx: Reader, newest: CheckedBackup['newest']) => Promise<void> = async () => {},
): Promise<CheckedBackup> {
  return readCopy(path, async (tx) => {
    const ofTheFile = await fileFaults(tx);
    if (ofTheFile.length > 0) return { faults: ofTheFile };
    const newest = await newestEntry(tx);
    await assertWanted(tx, newest);
    const faults = [...(await ledgerFaults(tx)), ...(await logFaults(tx))];
    return { faults, ...(newest ? { newest } : {}) };
  });
}
