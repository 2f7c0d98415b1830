import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type Database from 'libsql';
import { assert, isDomainError } from '../problem/problem.ts';
import { type Driver, storeUnavailable } from './driver.ts';
import { copyStoreFile } from './file-copy.ts';

type Connection = InstanceType<typeof Database>;

/** Written back in one go when the copy is done: this much takes seconds. */
const heldWalMaxBytes = 1024 * 1024 * 1024;
const checkpointEveryPages = 1_000;

/**
 * Copies the store's file while the store goes on. Without checkpoints, commits go to the WAL alone and the file stays
 * as it is: whole, as of the moment in which the WAL was last empty. Its writer is this connection and nobody else.
 */
export function createBackup(db: Connection): Driver['backup'] {
  let isHeld = false;

  function hold(): string {
    if (isHeld) throw storeUnavailable('Another copy is being made.');
    const [main] = db.prepare('PRAGMA database_list').all([]) as { file: string }[];
    assert(main?.file, 'the store is a file');
    const [[busy]] = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw(true).all([]) as [[number]];
    if (busy !== 0) throw storeUnavailable('The store could not be held for a copy.');
    db.prepare('PRAGMA wal_autocheckpoint = 0').all([]);
    isHeld = true;
    return main.file;
  }

  function letGo(): void {
    db.prepare(`PRAGMA wal_autocheckpoint = ${checkpointEveryPages}`).all([]);
    isHeld = false;
  }

  return async (given, { between, isClosing }) => {
    const target = resolve(given);
    if (existsSync(target)) throw new Error(`the backup's file exists already: ${target}`);
    const source = await between(hold).catch((error: unknown) => {
      if (isDomainError(error)) throw error;
      throw storeUnavailable('The store could not be held for a copy.', error);
    });
    try {
      return await copyStoreFile({
        source,
        target,
        assertMayGoOn() {
          if (isClosing()) throw storeUnavailable('The store is closing.');
          const { size = 0 } = statSync(`${source}-wal`, { throwIfNoEntry: false }) ?? {};
          if (size > heldWalMaxBytes) throw storeUnavailable('Too much was written meanwhile.');
        },
      });
    } catch (error) {
      throw storeUnavailable('The copy could not be made; the store is unharmed.', error);
    } finally {
      await between(letGo);
    }
  };
}
