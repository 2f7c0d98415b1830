import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../time/clock.ts';
import { type Driver, type MaybePromise, storeUnavailable } from './driver.ts';
import { openEmbeddedDriver, storePath } from './embedded-store.ts';
import { lockFile } from './file-lock.ts';
import { type MigrationSet, migrate, migrationSchema } from './migrations.ts';
import {
  commitCountSchema,
  countCommit,
  type Mark,
  openMark,
  openSentinel,
  readCommitCount,
  type Sentinel,
} from './sentinel.ts';
import type { Replica, ReplicaOptions } from './server-replica.ts';
import type { Reader, Store } from './store.ts';
import { type Handle, readHandle } from './transaction.ts';
import { witnessed } from './witness.ts';
import { createWorkQueue, type WorkQueueDeps } from './work-queue.ts';
import { type Doubtful, follow } from './write-group.ts';

/** Where a node's store is, and what is kept of it elsewhere. */
export interface StorePlace {
  /** `file:/path` for the embedded store, `http(s)://host:port` for a libSQL server. */
  readonly url: string;
  readonly authToken?: string;
  /** A libSQL server's own administration. */
  readonly adminUrl?: string;
  /** Another server, to which the first one's commits go as well. */
  readonly replica?: ReplicaOptions;
  /** Path of the commit counter's second place, on another volume if there is one. */
  readonly sentinel?: string;
  /** Path of the count that the machine loses when it is started anew. */
  readonly mark?: string;
}

export interface StoreOptions extends StorePlace {
  readonly migrations: readonly MigrationSet[];
  /** Bounds a group's time; the system's unless given. */
  readonly clock?: Clock;
}

export interface OpenedStore {
  readonly store: Store;
  /**
   * The store is older than the sentinel remembers, or one of the two was replaced. It is told at
   * every start until the first write, in which the caller has to record that it is recovering.
   */
  readonly setBack: boolean;
  /** Nothing was forgotten since a start that was certain of its past: the machine was not started anew since. */
  readonly continues: boolean;
  /** This start is certain of its past: the next one that finds the mark has forgotten nothing. */
  readonly keepMark: () => Promise<void>;
  /** Nobody has written to this store yet. */
  readonly fresh: boolean;
}

/**
 * Opens the node's store and brings its schema up to date. Throws an Error if another process has
 * it open or its migrations are not what was applied, `store-unavailable` if its server cannot be
 * reached.
 */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const clock = options.clock ?? systemClock;
  const { driver, replica } = await openPlace(options, clock);
  try {
    await prepare(driver, options.migrations);
    const storeCount = await readCount(driver);
    const sentinel =
      options.sentinel === undefined ? undefined : await openSentinel(options.sentinel, storeCount);
    const found = sentinel ? sentinel.found : storeCount;
    const setBack = found === undefined || storeCount < found;
    const mark = options.mark === undefined ? undefined : await openMark(options.mark, storeCount);
    const parts = { driver, clock, sentinel: sentinel && mark ? both(sentinel, mark) : sentinel };
    const store = replica ? replicatedStore(parts, { replica, storeCount }) : storeOn(parts);
    return {
      store,
      setBack,
      continues: mark?.continues === true && !setBack,
      keepMark: async () => {
        mark?.keep();
        if (mark) await store.write(async () => {});
      },
      fresh: storeCount === 0n && !setBack,
    };
  } catch (error) {
    replica?.close();
    await driver.close();
    throw error;
  }
}

/**
 * Opens the store of a node that does not run, of whatever version it is, to look at it or copy it: it is not brought up
 * to date.
 * @throws Error if another process has it open, `store-unavailable` if its server cannot be reached.
 */
export async function openAsItIs(
  place: StorePlace,
): Promise<Pick<Store, 'read' | 'backup' | 'close'>> {
  const { replica: _, ...own } = place;
  const { driver } = await openPlace(own, systemClock);
  const alone = { between: async <T>(fn: () => MaybePromise<T>) => fn(), isClosing: () => false };
  return {
    read: (fn) => readOnce(driver, ({ tx }) => fn(tx)),
    backup: (path) => driver.backup(path, alone),
    close: async () => driver.close(),
  };
}

async function openPlace(
  { url, authToken, adminUrl, replica, sentinel }: StorePlace,
  clock: Clock,
): Promise<{ driver: Driver; replica?: Replica }> {
  if (url.startsWith('file:')) {
    return { driver: openEmbeddedDriver(storePath(url)) };
  }
  if (/^https?:\/\//.test(url)) {
    // What speaks to it takes long to load, at every start of a node that has no use for it.
    const { openServerDriver } = await import('./server-store.ts');
    const onServer = openServerDriver({ url, authToken, adminUrl, clock });
    const driver = sentinel === undefined ? onServer : keptAlone(onServer, sentinel);
    if (!replica) return { driver };
    const { openReplica } = await import('./server-replica.ts');
    return { driver, replica: openReplica(replica, { authToken, clock }) };
  }
  throw new Error('a store is at file:/path or at http(s)://host:port');
}

function both(sentinel: Sentinel, mark: Mark): Sentinel {
  return {
    found: sentinel.found,
    record: async (count) => {
      await sentinel.record(count);
      await mark.record(count);
    },
    close: async () => {
      await sentinel.close();
      await mark.close();
    },
  };
}

/** A server lets everybody in: one node has one sentinel, and one process may count in it. */
function keptAlone(driver: Driver, sentinel: string): Driver {
  const path = resolve(sentinel);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unlock = lockFile(path);
  const close = async () => {
    await driver.close();
    unlock();
  };
  return { ...driver, close };
}

async function prepare(driver: Driver, migrations: readonly MigrationSet[]): Promise<void> {
  await driver.begin();
  try {
    await driver.script(commitCountSchema + migrationSchema);
    await driver.commit();
  } finally {
    await driver.rollback();
  }
  await migrate(driver, migrations);
}

const readCount = (driver: Driver): Promise<bigint> =>
  readOnce(driver, () => readCommitCount(driver));

async function readOnce<T>(
  driver: Driver,
  look: (handle: Handle<Reader>) => Promise<T>,
): Promise<T> {
  await driver.beginReads();
  try {
    return await look(readHandle(driver));
  } finally {
    await driver.endReads();
  }
}

type StoreParts = Pick<WorkQueueDeps, 'driver' | 'clock' | 'later'> & {
  readonly sentinel: Pick<Sentinel, 'found' | 'record' | 'close'> | undefined;
};

/** Reads go to the replica while it has all that was answered. */
function replicatedStore(
  parts: StoreParts,
  { replica, storeCount }: { replica: Replica; storeCount: bigint },
): Store {
  const { sentinel } = parts;
  const witness = replica.isAwaited ? witnessed(parts.driver, replica) : undefined;
  let answered = storeCount;
  const store = storeOn({
    ...parts,
    driver: witness?.driver ?? parts.driver,
    sentinel: {
      found: sentinel?.found,
      record: async (count) => {
        await witness?.seen(count);
        await sentinel?.record(count);
        answered = count;
      },
      close: async () => sentinel?.close(),
    },
  });
  const readThere = replica.readOr(store.read, () => answered);
  let isClosing = false;
  return {
    ...store,
    read: (fn) => (isClosing ? store.read(fn) : readThere(fn)),
    close: async () => {
      isClosing = true;
      await store.close();
      replica.close();
    },
  };
}

/** The store on a driver whose schema is up to date. */
export function storeOn({ driver, clock, sentinel, later }: StoreParts): Store {
  const floor = sentinel?.found ?? 0n;
  /** Undefined as long as there is no sentinel to be behind. */
  let recorded = sentinel?.found;
  let doubtful: Doubtful | undefined;

  async function record(count: bigint): Promise<void> {
    recorded ??= 0n;
    await sentinel?.record(count);
    recorded = count;
  }

  /**
   * The sentinel is one commit behind at most, or a copy of meanwhile could take the store's place unnoticed. What counts is
   * what the store has: a replica that took its place may lack the commit that nobody was told of.
   */
  async function assertRecorded(stored: bigint): Promise<void> {
    if (recorded === undefined || stored === recorded) return;
    if (stored < recorded) {
      throw storeUnavailable('The store was set back while it was open: start the node again.');
    }
    await record(stored).catch((error: unknown) => {
      throw storeUnavailable('What was stored before could not be counted yet.', error);
    });
  }

  /** Where the store has the commit whose answer was lost, the memory learns late of what it did. Nobody else counts. */
  function endDoubt(stored: bigint): void {
    if (doubtful && stored >= doubtful.count) follow(doubtful.afterCommit);
    doubtful = undefined;
  }

  const queue = createWorkQueue({
    driver,
    clock,
    ...(later ? { later } : {}),
    count: async () => {
      const count = await countCommit(driver, floor);
      await assertRecorded(count - 1n);
      endDoubt(count - 1n);
      return count;
    },
    record,
    doubt: (lost) => {
      doubtful = lost;
    },
  });
  let closing: Promise<void> | undefined;
  let backup: Promise<string> | undefined;

  async function close(): Promise<void> {
    if (backup) await backup.catch(() => {});
    await queue.finish();
    await sentinel?.close();
    await driver.close();
  }

  return {
    read: queue.read,
    write: queue.write,
    backup: (path) => {
      backup = driver.backup(path, {
        between: queue.between,
        isClosing: () => closing !== undefined,
      });
      return backup;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
