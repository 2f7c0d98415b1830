import fs, {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog } from '../../../shared/federation/log.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { restoreStore } from '../../../shared/node/maintenance.ts';
import type { MigrationSet } from '../../../shared/store/migrations.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { systemClock } from '../../../shared/time/clock.ts';

const known = ['federation', 'ledger'].map((room) => ({
  room,
  directory: `shared/${room}/migrations`,
}));

describe('a restore', () => {
  let folder: string;
  let storeUrl: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-restore-'));
    storeUrl = urlOf('store.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const at = (name: string) => join(folder, name);
  const urlOf = (name: string) => `file:${at(name)}`;
  const restore = (backup: string, code = 'MSK', migrations: readonly MigrationSet[] = known) =>
    restoreStore({ code: code as NodeCode, storeUrl, migrations }, backup);
  const failureOf = (work: Promise<void>) =>
    work.then(
      () => 'nothing',
      (error: Error) => error.message,
    );

  /** A store in which so many starts of MSK stand. */
  async function written<T>(
    url: string,
    starts: number,
    { migrations = known, work }: { migrations?: MigrationSet[]; work: (store: Store) => T },
  ): Promise<Awaited<T>> {
    const { store } = await openStore({ url, migrations });
    const log = createLog({ node: 'MSK' as NodeCode, clock: systemClock, ids: systemIds });
    for (let start = 0; start < starts; start += 1) {
      await store.write((tx) =>
        log.start(tx, { to: [], businessDate: '2026-11-30', codeVersion: '0.1.0' }),
      );
    }
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  const backedUp = async (name: string, starts: number, migrations = known): Promise<string> => {
    await written(urlOf(`${name}.source`), starts, {
      migrations,
      work: (store) => store.backup(at(name)),
    });
    return at(name);
  };
  const startsIn = (url: string) =>
    written(url, 0, {
      work: async (store) => {
        const sql = 'SELECT count(*) AS count FROM node_starts';
        return (await store.read((tx) => tx.get<{ count: bigint }>(sql)))?.count;
      },
    });

  /** As a killed process leaves one: what it wrote last stands in the WAL. */
  async function killed(name: string, starts: number): Promise<void> {
    await written(urlOf('living.db'), starts, {
      work: () => {
        for (const end of ['', '-wal']) copyFileSync(at('living.db') + end, at(name) + end);
      },
    });
  }

  async function instead<Name extends 'copyFileSync' | 'renameSync'>(
    name: Name,
    broken: (typeof fs)[Name],
    work: () => Promise<void>,
  ): Promise<void> {
    const whole = fs[name];
    fs[name] = broken;
    syncBuiltinESMExports();
    try {
      await work();
    } finally {
      fs[name] = whole;
      syncBuiltinESMExports();
    }
  }

  it('takes the backup of an older version', async () => {
    const [federation, ledger] = known;
    const older = { room: 'federation', directory: at('older') };
    mkdirSync(older.directory);
    const first = '0001-create-log-and-streams.sql';
    copyFileSync(join(federation?.directory ?? '', first), join(older.directory, first));
    const backup = await backedUp('older.db', 1, [older, ...(ledger ? [ledger] : [])]);
    chmodSync(backup, 0o644);
    await restore(backup);
    expect(statSync(at('store.db')).mode & 0o777, 'for this user alone').to.equal(0o600);
    expect(await startsIn(storeUrl)).to.equal(1n);
  });

  it('refuses the backup of a newer version, and leaves the store as it is', async () => {
    mkdirSync(at('room'));
    writeFileSync(at('room/0001-create-news.sql'), 'CREATE TABLE news (id INTEGER) STRICT;');
    const room = { room: 'news', directory: at('room') };
    await written(storeUrl, 2, { work: () => undefined });
    const backup = await backedUp('newer.db', 1, [...known, room]);
    expect(await failureOf(restore(backup))).to.match(/newer than this code: .*unknown news/);
    writeFileSync(at('room/0002-drop-news.sql'), 'DROP TABLE news;');
    const later = await backedUp('later.db', 1, [...known, room]);
    rmSync(at('room/0002-drop-news.sql'));
    const told = await failureOf(restore(later, 'MSK', [...known, room]));
    expect(told).to.include('0002-drop-news.sql was applied').and.include('nothing was replaced');
    expect(await failureOf(restore(backup, 'SPB')), "another node's").to.include('is of MSK');
    expect(await startsIn(storeUrl)).to.equal(2n);
  });

  it('refuses a store whose last commits stand in a WAL beside it', async () => {
    await killed('stray.db', 3);
    expect(await failureOf(restore(at('stray.db')))).to.include('stray.db-wal');
    expect(existsSync(at('store.db'))).to.equal(false);
  });

  it('that is interrupted leaves the old store with all that its WAL had', async () => {
    await killed('store.db', 3);
    const backup = await backedUp('backup.db', 1);
    const cutOff = () => {
      throw new Error('the power went');
    };
    await instead('renameSync', cutOff, async () => {
      expect(await failureOf(restore(backup))).to.equal('the power went');
    });
    expect(await startsIn(storeUrl)).to.equal(3n);
    await restore(backup);
    expect(await startsIn(storeUrl)).to.equal(1n);
  });

  it('for which the disk is too small takes no room of it', async () => {
    await written(storeUrl, 2, { work: () => undefined });
    const backup = await backedUp('backup.db', 1);
    const half = (_: unknown, target: unknown) => {
      writeFileSync(String(target), 'half');
      throw new Error('ENOSPC');
    };
    await instead('copyFileSync', half, async () => {
      expect(await failureOf(restore(backup))).to.equal('ENOSPC');
    });
    expect(readdirSync(folder)).to.not.include('store.db.draft');
    expect(await startsIn(storeUrl)).to.equal(2n);
  });
});
