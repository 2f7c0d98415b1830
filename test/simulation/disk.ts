import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import type { Driver } from '../../shared/store/driver.ts';
import { storeUnavailable } from '../../shared/store/driver.ts';
import { connectionDriver } from '../../shared/store/embedded-store.ts';
import { migrate, migrationSchema } from '../../shared/store/migrations.ts';
import { type OpenedStore, type StoreOptions, storeOn } from '../../shared/store/open-store.ts';
import { commitCountSchema, readCommitCount } from '../../shared/store/sentinel.ts';
import { openRuntimeSqlite } from './runtime-sqlite.ts';

/**
 * Disks that forget nothing by themselves and fail when they are told to. What a disk loses with the power is tested
 * on real files elsewhere; here a commit is there or it is not.
 */

const changeCounterAt = 24;
const validForAt = 92;
const settings = ['journal_mode = MEMORY', 'synchronous = OFF', 'foreign_keys = ON'];
/** The lock is given back for the time in which the file is replaced, and taken again by the next transaction. */
const unlocked = ['PRAGMA locking_mode = NORMAL', 'SELECT count(*) FROM sqlite_schema'];
const locked = 'PRAGMA locking_mode = EXCLUSIVE';

/** A file that keeps its connection, and with it every prepared statement, while its content is replaced. */
export interface Slot {
  readonly db: InstanceType<typeof Database>;
  readonly driver: Driver;
  /** For files beside the store: a renewed certificate is written there. */
  readonly folder: string;
  image(): Buffer;
  mount(image: Buffer): void;
}

const slots: Slot[] = [];
let folder: string | undefined;
let openDatabase = (path: string): InstanceType<typeof Database> =>
  new Database(path, { timeout: 0 });

/** The runtime's own SQLite under the stores of this process, instead of libSQL. */
export function useRuntimeSqlite(): void {
  openDatabase = openRuntimeSqlite;
}

export function slotNumber(index: number): Slot {
  const known = slots[index];
  if (known) return known;
  if (folder === undefined) {
    const made = mkdtempSync(
      join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sbms-simulation-'),
    );
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  const path = join(folder, `${index}.db`);
  const db = openDatabase(path);
  for (const setting of settings) db.prepare(`PRAGMA ${setting}`).all([]);
  const own = join(folder, String(index));
  mkdirSync(join(own, 'identity'), { recursive: true });
  const header = Buffer.alloc(validForAt);
  let changes = 0;
  const slot: Slot = {
    db,
    folder: own,
    driver: { ...connectionDriver(db), close: () => {} },
    image: () => readFileSync(path),
    mount(image) {
      // A process that is dead has left its transaction open: it would go on with the pages of before.
      if (db.inTransaction) db.prepare('ROLLBACK').run([]);
      for (const sql of unlocked) db.prepare(sql).all([]);
      const content = Buffer.from(image);
      const file = openSync(path, 'r+');
      // As if another process had written it: the connection sees a counter that this file never had, and reads
      // everything anew.
      readSync(file, header, 0, header.length, 0);
      changes = Math.max(changes, header.readUInt32BE(changeCounterAt)) + 1;
      if (content.length > 0) {
        content.writeUInt32BE(changes, changeCounterAt);
        content.writeUInt32BE(changes, validForAt);
      }
      ftruncateSync(file, content.length);
      writeSync(file, content, 0, content.length, 0);
      closeSync(file);
      db.prepare(locked).all([]);
    },
  };
  slots[index] = slot;
  return slot;
}

export type Outcome = 'go' | 'fail' | 'crash';

/** What happens at the points where a disk may fail, or the machine with it. */
export interface DiskFaults {
  statement(): Outcome;
  beforeCommit(): Outcome;
  afterCommit(): Outcome;
  /** The sentinel's record. */
  beforeRecord(): Outcome;
  afterRecord(): Outcome;
}

export const soundDisk: DiskFaults = {
  statement: () => 'go',
  beforeCommit: () => 'go',
  afterCommit: () => 'go',
  beforeRecord: () => 'go',
  afterRecord: () => 'go',
};

export interface Disk {
  readonly slot: Slot;
  /** The commit counter's second place; undefined when its file is lost. */
  sentinel: bigint | undefined;
  /** The count in the machine's memory; undefined while nobody keeps it. */
  mark: bigint | undefined;
  faults: DiskFaults;
}

/** The life of one process on a disk. Once it is over, nothing of it reaches the disk any more. */
export interface Process {
  isAlive(): boolean;
  crash(where: string): void;
  later(turn: () => void): void;
}

/** A new one each time: whoever waits for a promise is kept as long as the promise. */
const never = () => new Promise<never>(() => {});

export async function openSimulatedStore(
  disk: Disk,
  process: Process,
  options: StoreOptions,
): Promise<OpenedStore> {
  const sound = disk.slot.driver;
  await sound.rollback();
  if (
    disk.slot.db.prepare("SELECT name FROM sqlite_master WHERE name = 'migrations'").all([])
      .length === 0
  ) {
    await sound.begin();
    await sound.script(commitCountSchema + migrationSchema);
    await sound.commit();
    await migrate(sound, options.migrations);
  }
  const storeCount = await readCommitCount(sound);
  const found = disk.sentinel;
  const continues = disk.mark !== undefined && disk.mark <= storeCount;
  if (!continues) disk.mark = undefined;
  let isMarkKept = continues;
  const sentinel = {
    found,
    async record(count: bigint): Promise<void> {
      const outcome = disk.faults.beforeRecord();
      if (outcome === 'fail') throw new Error('the sentinel cannot be written');
      if (outcome === 'crash') return die('the sentinel');
      disk.sentinel = count;
      if (isMarkKept) disk.mark = count;
      if (disk.faults.afterRecord() === 'crash') return die('the answer');
    },
    close: async () => {},
  };

  function die(before: string): Promise<never> {
    process.crash(`before ${before}`);
    return never();
  }

  const setBack = found === undefined || storeCount < found;
  const store = storeOn({
    driver: faulty(disk, process, sound),
    clock: options.clock ?? { nowMs: () => 0, after: () => () => {} },
    sentinel,
    later: (turn) => {
      if (process.isAlive()) process.later(() => process.isAlive() && turn());
    },
  });
  return {
    store,
    setBack,
    continues: continues && !setBack,
    keepMark: async () => {
      isMarkKept = true;
      await store.write(async () => {});
    },
    fresh: storeCount === 0n && !setBack,
  };
}

function faulty(disk: Disk, process: Process, sound: Driver): Driver {
  let lost: ReturnType<typeof storeUnavailable> | undefined;

  function lose(): never {
    lost = storeUnavailable('The store could not do this now; nothing was kept.');
    throw lost;
  }

  function within<T>(work: () => T): T | Promise<never> {
    if (!process.isAlive()) return never();
    if (lost) throw lost;
    return disk.faults.statement() === 'fail' ? lose() : work();
  }

  async function die(where: string): Promise<never> {
    await sound.rollback();
    process.crash(where);
    return never();
  }

  return {
    ...sound,
    all: (sql, params, wanted) => within(() => sound.all(sql, params, wanted)),
    run: (sql, params) => within(() => sound.run(sql, params)),
    read: (sql, params, wanted) => {
      if (!process.isAlive()) return never();
      if (disk.faults.statement() === 'fail')
        throw storeUnavailable('The store cannot be read now.');
      return sound.read(sql, params, wanted);
    },
    begin: () => {
      if (!process.isAlive()) return never();
      lost = undefined;
      return sound.begin();
    },
    commit: () => {
      if (!process.isAlive()) return never();
      if (lost) throw lost;
      const outcome = disk.faults.beforeCommit();
      if (outcome === 'crash') return die('before the commit');
      if (outcome === 'fail') {
        sound.rollback();
        lose();
      }
      sound.commit();
      if (disk.faults.afterCommit() === 'crash') return die('after the commit');
    },
    rollback: () => (process.isAlive() ? sound.rollback() : never()),
    savepoint: (depth) => within(() => sound.savepoint(depth)),
    release: (depth) => within(() => sound.release(depth)),
    undo: (depth) => (lost ? undefined : process.isAlive() ? sound.undo(depth) : never()),
    failure: () => lost ?? sound.failure(),
  };
}
