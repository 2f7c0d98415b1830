import { type Clock, systemClock } from '../time/clock.ts';
import type { Driver } from './driver.ts';
import { openEmbeddedDriver, storePath } from './embedded-store.ts';
import { type MigrationSet, migrate, migrationSchema } from './migrations.ts';
import {
  commitCountSchema,
  countCommit,
  openSentinel,
  readCommitCount,
  type Sentinel,
} from './sentinel.ts';
import type { Store } from './store.ts';
import { createWorkQueue, type WorkQueueDeps } from './work-queue.ts';

export interface StoreOptions {
  /** `file:/path` for the embedded store, `http(s)://host:port` for a libSQL server. */
  readonly url: string;
  readonly authToken?: string;
  /** A libSQL server's own administration. */
  readonly adminUrl?: string;
  /** Path of the commit counter's second place, on another volume if there is one. */
  readonly sentinel?: string;
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
  const driver = await openDriver(options, clock);
  try {
    await prepare(driver, options.migrations);
    const storeCount = await readCount(driver);
    const sentinel =
      options.sentinel === undefined ? undefined : await openSentinel(options.sentinel, storeCount);
    const found = sentinel ? sentinel.found : storeCount;
    const setBack = found === undefined || storeCount < found;
    return {
      store: storeOn({ driver, clock, sentinel }),
      setBack,
      fresh: storeCount === 0n && !setBack,
    };
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function openDriver(
  { url, authToken, adminUrl }: StoreOptions,
  clock: Clock,
): Promise<Driver> {
  if (url.startsWith('file:')) {
    return openEmbeddedDriver(storePath(url));
  }
  if (/^https?:\/\//.test(url)) {
    // Its client takes a seventh of a second to load, at every start of a node that has no use for it.
    const { openServerDriver } = await import('./server-store.ts');
    return openServerDriver({ url, authToken, adminUrl, clock });
  }
  throw new Error('a store is at file:/path or at http(s)://host:port');
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

async function readCount(driver: Driver): Promise<bigint> {
  await driver.beginReads();
  try {
    return await readCommitCount(driver);
  } finally {
    await driver.endReads();
  }
}

/** The store on a driver whose schema is up to date. */
export function storeOn({
  driver,
  clock,
  sentinel,
  later,
}: Pick<WorkQueueDeps, 'driver' | 'clock' | 'later'> & { sentinel: Sentinel | undefined }): Store {
  const floor = sentinel?.found ?? 0n;
  const queue = createWorkQueue({
    driver,
    clock,
    ...(later ? { later } : {}),
    count: () => countCommit(driver, floor),
    record: async (count) => sentinel?.record(count),
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
