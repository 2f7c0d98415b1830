import fileSystem, {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { createLog } from '../../../shared/federation/log.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { createBackups } from '../../../shared/node/backups.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { Clock } from '../../../shared/time/clock.ts';

const hourMs = 3_600_000;
const rooms = ['federation', 'ledger'];

describe('backups of a running node', () => {
  let folder: string;
  let kept: string;
  let nowMs: number;
  let store: Store;
  const clock: Clock = { nowMs: () => nowMs, after: () => () => {} };
  const make = () => createBackups({ node: 'MSK', folder: kept, kept: 2, store, clock });
  const files = () => readdirSync(kept).filter((name) => name.endsWith('.db'));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-backups-'));
    kept = join(folder, 'backups');
    nowMs = Date.parse('2026-11-30T12:00:00.000Z');
    const migrations = rooms.map((room) => ({ room, directory: `shared/${room}/migrations` }));
    ({ store } = await openStore({ url: `file:${join(folder, 'store.db')}`, migrations }));
    const log = createLog({ node: 'MSK' as NodeCode, clock, ids: systemIds });
    await store.write((tx) =>
      log.start(tx, { to: [], businessDate: '2026-11-30', codeVersion: '0.1.0' }),
    );
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('are there when they were taken by a clock that was set back', async () => {
    const backups = make();
    await backups.take();
    nowMs += hourMs;
    await backups.take();
    nowMs -= 24 * hourMs;
    const { file } = await backups.take();
    expect(existsSync(file)).to.equal(true);
    expect(files()).to.have.length(2);
  });

  it('stand beside what a person keeps there by a name of his own', async () => {
    const { file } = await make().take();
    for (const name of ['MSK-before-upgrade.db', 'MSK-before-move.db']) {
      for (const end of ['', '.json']) copyFileSync(file + end, join(kept, name) + end);
    }
    nowMs += 30 * hourMs;
    const newest = await make().take();
    expect(existsSync(newest.file)).to.equal(true);
    const afterRestart = make();
    await afterRestart.load();
    expect(afterRestart.state().ok, afterRestart.state().detail).to.equal(true);
    for (let time = 0; time < 3; time += 1) {
      nowMs += hourMs;
      await afterRestart.take();
    }
    expect(files()).to.include.members(['MSK-before-upgrade.db', 'MSK-before-move.db']);
    expect(files()).to.have.length(4);
  });

  it('leave nothing behind of a copy that could not be read', async () => {
    const backups = createBackups({
      ...{ node: 'MSK', folder: kept, kept: 2, clock },
      store: {
        ...store,
        backup: async (path) => {
          writeFileSync(path, 'no store');
          return '';
        },
      },
    });
    const failure = await backups.take().catch((error: Error) => error);
    expect(failure).to.have.property('code', 'backup-faulty');
    expect(readdirSync(kept)).to.deep.equal([]);
  });

  it('leave nothing behind of one whose record found no room', async () => {
    mkdirSync(join(kept, 'MSK-2026-11-30T12-00-00-000Z.db.json.draft'), { recursive: true });
    const failure = await make()
      .take()
      .catch((error: Error) => error);
    expect(failure).to.have.property('code', 'store-unavailable');
    expect(files()).to.deep.equal([]);
  });

  it('are none when the copy is gone and its record is left, or dated by a clock far ahead', async () => {
    const { file } = await make().take();
    rmSync(file);
    const afterwards = make();
    await afterwards.load();
    expect(afterwards.ageSeconds()).to.equal(undefined);
    expect(afterwards.state().ok).to.equal(false);
    nowMs += 365 * 24 * hourMs;
    await afterwards.take();
    nowMs -= 364 * 24 * hourMs;
    expect(afterwards.state().ok, afterwards.state().detail).to.equal(false);
  });

  it('are as many as are kept, whatever records lie there without their copy', async () => {
    const backups = make();
    await backups.take();
    nowMs += hourMs;
    const { file } = await backups.take();
    rmSync(file);
    nowMs += hourMs;
    await backups.take();
    expect(files()).to.have.length(2);
  });

  it('are there with their record, or cleared away, at whatever moment the process dies', async () => {
    const { rename } = fs;
    const never = new Promise<void>(() => {});
    let dies = () => {};
    const dead = new Promise<void>((resolve) => {
      dies = resolve;
    });
    fs.rename = async (from, to) => {
      await rename(from, to);
      if (!String(to).endsWith('.db')) return;
      dies();
      return never;
    };
    syncBuiltinESMExports();
    try {
      void make().take();
      await dead;
    } finally {
      fs.rename = rename;
      syncBuiltinESMExports();
    }
    const afterwards = make();
    await afterwards.load();
    expect(files()).to.have.length(1);
    expect(afterwards.state().ok, afterwards.state().detail).to.equal(true);
  });

  it('have their names on the disk before anybody is told of them', async () => {
    const { fsyncSync } = fileSystem;
    let atLast: string[] = [];
    fileSystem.fsyncSync = (descriptor) => {
      fsyncSync(descriptor);
      if (fileSystem.fstatSync(descriptor).isDirectory()) atLast = files();
    };
    syncBuiltinESMExports();
    try {
      const { file } = await make().take();
      expect(atLast).to.deep.equal([basename(file)]);
    } finally {
      fileSystem.fsyncSync = fsyncSync;
      syncBuiltinESMExports();
    }
  });

  it('clear away what a crash left of one', async () => {
    const { file } = await make().take();
    const unread = 'MSK-2026-11-30T11-00-00-000Z.db.unchecked';
    const halves = [unread, `${unread}.draft`, `${unread}.collected`];
    for (const half of halves) writeFileSync(join(kept, half), 'half');
    writeFileSync(join(kept, 'MSK-notes.db.draft'), 'of somebody');
    await make().load();
    expect(readdirSync(kept).sort()).to.deep.equal(
      [basename(file), `${basename(file)}.json`, 'MSK-notes.db.draft'].sort(),
    );
  });
});
