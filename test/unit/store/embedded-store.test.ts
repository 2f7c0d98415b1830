import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import Database from 'libsql';
import { systemIds } from '../../../shared/ids/ids.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { assetPath } from '../../../shared/store/assets.ts';
import type { BackupTurns } from '../../../shared/store/driver.ts';
import { connectionDriver, openEmbeddedDriver } from '../../../shared/store/embedded-store.ts';
import { openStore, storeOn } from '../../../shared/store/open-store.ts';
import { commitCountSchema } from '../../../shared/store/sentinel.ts';
import type { Store } from '../../../shared/store/store.ts';
import { fileFaults, readCopy } from '../../../shared/store/stored-copy.ts';
import type { Clock } from '../../../shared/time/clock.ts';

const schema = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
  CREATE TRIGGER no_bombs BEFORE INSERT ON items WHEN new.note = 'bomb'
  BEGIN SELECT raise(ROLLBACK, 'everything goes'); END;
  CREATE TABLE promises (item INTEGER NOT NULL REFERENCES items (id)) STRICT;
`;
const insert = 'INSERT INTO items (note) VALUES (?)';

describe('embedded store', () => {
  let folder: string;
  let nowMs: number;
  let stepMs: number;
  let store: Store;

  const clock: Clock = {
    nowMs: () => {
      nowMs += stepMs;
      return nowMs;
    },
    after: () => () => {},
  };
  const open = (file = 'node.db') =>
    openStore({
      url: `file:${join(folder, file)}`,
      migrations: [{ room: 'test', directory: folder }],
      clock,
    });
  const add = (note: string) => store.write((tx) => tx.run(insert, note));
  const notes = async () =>
    (await store.read((tx) => tx.all<{ note: string }>('SELECT note FROM items ORDER BY id'))).map(
      ({ note }) => note,
    );
  const commits = async () =>
    (await store.read((tx) => tx.get<{ count: bigint }>('SELECT count FROM store_commits')))?.count;

  async function failureOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => 'done',
      (error: unknown) => (isDomainError(error) ? error.code : String(error)),
    );
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-embedded-'));
    writeFileSync(join(folder, '0001-create-items.sql'), schema);
    nowMs = 0;
    stepMs = 0;
    ({ store } = await open());
  });

  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  describe('a function that waits for something else', () => {
    const waits: [string, () => Promise<unknown>][] = [
      ['a timer', () => new Promise((resolve) => setTimeout(resolve, 0))],
      ['an immediate', () => new Promise((resolve) => setImmediate(resolve))],
      ['a tick', () => new Promise<void>((resolve) => process.nextTick(resolve))],
      ['a file', () => readFile(assetPath('package.json'))],
      ['another write', () => add('inner')],
      ['nothing that will ever come', () => new Promise(() => {})],
    ];
    for (const [what, wait] of waits) {
      it(`is refused alone when it is ${what}`, async () => {
        let lateUse: Promise<string> | undefined;
        const waiting = store.write(async (tx) => {
          await tx.run(insert, 'waiting');
          try {
            await wait();
          } finally {
            lateUse = failureOf(tx.run(insert, 'late'));
          }
        });
        const reading = store.read(wait);
        const [before, failure, after, read] = await Promise.all([
          failureOf(add('before')),
          failureOf(waiting),
          failureOf(add('after')),
          failureOf(reading),
        ]);
        expect([before, after]).to.deep.equal(['done', 'done']);
        expect(failure).to.match(/awaits nothing but its transaction/);
        expect(read).to.match(/awaits nothing but its transaction/);
        if (lateUse) expect(await lateUse).to.match(/after its function ended/);
        expect((await notes()).filter((note) => note !== 'inner')).to.deep.equal([
          'before',
          'after',
        ]);
      });
    }

    it('may await what is there already, however often', async () => {
      await store.write(async (tx) => {
        for (let round = 0; round < 2_000; round += 1) await Promise.all([null, round]);
        await tx.run(insert, 'patient');
      });
      expect(await notes()).to.deep.equal(['patient']);
    });
  });

  describe('a group', () => {
    it('is one commit, and ends at 256 writes', async () => {
      await Promise.all(Array.from({ length: 600 }, (_, index) => add(`n${index}`)));
      expect(await commits()).to.equal(3n);
      expect(await notes()).to.have.length(600);
    });

    it('ends after 10 ms, and what is left keeps its order', async () => {
      stepMs = 4;
      await Promise.all(Array.from({ length: 9 }, (_, index) => add(`n${index}`)));
      expect(await commits()).to.equal(3n);
      expect(await notes()).to.deep.equal(Array.from({ length: 9 }, (_, index) => `n${index}`));
    });

    it('lets the event loop have its turn between groups', async () => {
      let turns = 0;
      let running = true;
      const tick = () => {
        turns += 1;
        if (running) setImmediate(tick);
      };
      setImmediate(tick);
      await Promise.all(Array.from({ length: 256 * 8 }, () => add('n')));
      running = false;
      expect(turns).to.be.at.least(8);
    });

    it('commits nothing when every write was refused', async () => {
      const refused = () => failureOf(store.write((tx) => tx.run(insert, null)));
      for (const failure of await Promise.all([refused(), refused()])) {
        expect(failure).to.match(/NOT NULL/);
      }
      expect(await commits()).to.equal(0n);
    });

    it('is refused as a whole when its transaction is lost, and the store goes on', async () => {
      let calls = 0;
      const first = store.write(async (tx) => {
        tx.afterCommit(() => {
          calls += 1;
        });
        await tx.run(insert, 'first');
      });
      const group = [first, add('bomb'), add('third')].map(failureOf);
      for (const failure of await Promise.all(group)) expect(failure).to.equal('store-unavailable');
      expect(calls).to.equal(0);
      expect(await failureOf(add('bomb'))).to.equal('store-unavailable');
      await add('after');
      expect(await notes()).to.deep.equal(['after']);
    });
  });

  describe('a commit', () => {
    it('leaves the event loop to others while the disk is waited for', async () => {
      const driver = openEmbeddedDriver(join(folder, 'other.db'));
      driver.script(schema);
      driver.begin();
      driver.run(insert, ['one']);
      const order: string[] = [];
      await null;
      process.nextTick(() => order.push('another'));
      await driver.commit();
      order.push('committed');
      await driver.close();
      expect(order).to.deep.equal(['another', 'committed']);
    });

    it('that fails is told to everyone of its group, keeps nothing, and the store goes on', async () => {
      const broken = store.write(async (tx) => {
        await tx.all('PRAGMA defer_foreign_keys = ON');
        await tx.run('INSERT INTO promises (item) VALUES (7)');
      });
      const answers = await Promise.all([failureOf(add('one')), failureOf(broken)]);
      expect(answers).to.deep.equal(['store-unavailable', 'store-unavailable']);
      await add('two');
      expect(await notes()).to.deep.equal(['two']);
    });
  });

  describe('while a commit is recorded', () => {
    /** A sentinel on a disk that takes its time: each record waits to be let through. */
    function slowStore() {
      const records: (() => void)[] = [];
      const driver = openEmbeddedDriver(join(folder, 'node.db'));
      const record = () => new Promise<void>((resolve) => records.push(resolve));
      const sentinel = { found: 0n, record, close: async () => {} };
      return { slow: storeOn({ driver, clock, sentinel }), records };
    }
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    /** A commit takes its time on another thread. */
    const come = async (isThere: () => boolean) => {
      while (!isThere()) await turns(1);
      await turns(3);
    };
    const noted = (told: string[], what: string, promise: Promise<unknown>) =>
      promise.then(() => told.push(what));

    it('tells nobody of it, neither its caller nor who reads it', async () => {
      await store.close();
      const { slow, records } = slowStore();
      const told: string[] = [];
      let isRead = false;
      const writing = noted(
        told,
        'written',
        slow.write((tx) => tx.run(insert, 'one')),
      );
      await come(() => records.length === 1);
      const reading = noted(
        told,
        'read',
        slow.read(async (tx) => {
          isRead = (await tx.all('SELECT note FROM items')).length === 1;
        }),
      );
      await come(() => isRead);
      expect([told, records.length]).to.deep.equal([[], 1]);
      records[0]?.();
      await Promise.all([writing, reading]);
      expect(told).to.deep.equal(['written', 'read']);
      await slow.close();
    });

    it('works on the next group, and commits it afterwards', async () => {
      await store.close();
      const { slow, records } = slowStore();
      const told: string[] = [];
      let isRun = false;
      const first = noted(
        told,
        'first',
        slow.write((tx) => tx.run(insert, 'one')),
      );
      await come(() => records.length === 1);
      const next = slow.write(async (tx) => {
        isRun = true;
        await tx.run(insert, 'two');
      });
      const second = noted(told, 'second', next);
      await come(() => isRun);
      expect({ isRun, told, records: records.length }).to.deep.equal({
        ...{ isRun: true, told: [], records: 1 },
      });
      records[0]?.();
      await first;
      await come(() => records.length === 2);
      expect([told, records.length]).to.deep.equal([['first'], 2]);
      const closing = slow.close();
      records[1]?.();
      await Promise.all([second, closing]);
      expect(told).to.deep.equal(['first', 'second']);
    });
  });

  it('works longer between two commits that take long', async () => {
    let commitMs = 0;
    const driver = openEmbeddedDriver(join(folder, 'slow.db'));
    driver.script(schema + commitCountSchema);
    const slow = storeOn({
      driver: {
        ...driver,
        commit: () => {
          nowMs += commitMs;
          return driver.commit();
        },
      },
      clock,
      sentinel: undefined,
    });
    const commitsOf = async (writes: number) => {
      const counted = async () =>
        (await slow.read((tx) => tx.get<{ count: bigint }>('SELECT count FROM store_commits')))
          ?.count ?? 0n;
      const before = await counted();
      await Promise.all(
        Array.from({ length: writes }, () => slow.write((tx) => tx.run(insert, 'n'))),
      );
      return (await counted()) - before;
    };
    stepMs = 1;
    const quick = await commitsOf(80);
    commitMs = 8;
    await commitsOf(1);
    const patient = await commitsOf(80);
    expect([quick, patient]).to.deep.equal([8n, 3n]);
    await slow.close();
  });

  it('refuses more than 10,000 waiting callers, and serves the others', async () => {
    const waiting = Array.from({ length: 10_001 }, () => failureOf(store.read(async () => 1)));
    const answers = await Promise.all(waiting);
    expect(answers.filter((answer) => answer === 'done')).to.have.length(10_000);
    expect(answers.at(-1)).to.equal('overloaded');
  });

  it('refuses everyone on a full disk, and works when there is room again', async () => {
    await add('before');
    const limit = (pages: number) =>
      store.write((tx) => tx.all(`PRAGMA max_page_count = ${pages}`));
    await limit(1);
    const big = store.write(async (tx) => {
      for (let row = 0; row < 100; row += 1) await tx.run(insert, 'x'.repeat(4_000));
    });
    const group = [big, add('neighbour')].map(failureOf);
    for (const failure of await Promise.all(group)) expect(failure).to.equal('store-unavailable');
    expect(await notes()).to.deep.equal(['before']);
    await limit(1_000_000);
    await add('after');
    expect(await notes()).to.deep.equal(['before', 'after']);
  });

  describe('one process per file', () => {
    it('refuses a second opener, in this process and in another', async () => {
      expect(await failureOf(open())).to.match(/another process has the store open/);
      const module = pathToFileURL(assetPath('dist/shared/store/open-store.js')).href;
      const script = `
        import { openStore } from ${JSON.stringify(module)};
        const url = ${JSON.stringify(`file:${join(folder, 'node.db')}`)};
        await openStore({ url, migrations: [] }).then(
          () => console.log('opened'), (error) => console.log(error.message));`;
      const run = promisify(execFile);
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
      expect(stdout).to.match(/another process has the store open/);
      await add('still here');
      expect(await notes()).to.deep.equal(['still here']);
    });

    it('lets the next one in after close', async () => {
      await add('kept');
      await store.close();
      expect(existsSync(join(folder, 'node.db-wal')), 'one whole file').to.equal(false);
      ({ store } = await open());
      expect(await notes()).to.deep.equal(['kept']);
    });

    it('outlives a kill, with everything that was answered', async () => {
      const module = pathToFileURL(assetPath('dist/shared/store/open-store.js')).href;
      const url = `file:${join(folder, 'killed.db')}`;
      const script = `
        import { openStore } from ${JSON.stringify(module)};
        const migrations = [{ room: 'test', directory: ${JSON.stringify(folder)} }];
        const { store } = await openStore({ url: ${JSON.stringify(url)}, migrations });
        await Promise.all(Array.from({ length: 300 }, (_, index) =>
          store.write((tx) => tx.run('INSERT INTO items (note) VALUES (?)', String(index)))));
        process.kill(process.pid, 'SIGKILL');`;
      const run = promisify(execFile);
      const killed = await run(process.execPath, ['--input-type=module', '-e', script]).catch(
        (error: { signal?: string }) => error,
      );
      expect(killed).to.include({ signal: 'SIGKILL' });
      await store.close();
      ({ store } = await open('killed.db'));
      expect(await notes()).to.have.length(300);
    });
  });

  describe('backup', () => {
    it('copies a running store whole, between two groups', async () => {
      const pairs = Array.from({ length: 700 }, (_, index) =>
        store.write(async (tx) => {
          await tx.run(insert, `left ${index}`);
          await tx.run(insert, `right ${index}`);
        }),
      );
      const copy = join(folder, "co'py.db");
      await store.backup(copy);
      await Promise.all(pairs);
      await store.close();
      ({ store } = await open("co'py.db"));
      const copied = await notes();
      expect(copied.length % 2).to.equal(0);
      expect(await commits()).to.equal(BigInt(Math.ceil(copied.length / 512)));
      const check = await store.read((tx) => tx.all('SELECT * FROM pragma_integrity_check'));
      expect(check).to.deep.equal([{ integrity_check: 'ok' }]);
    });

    it('does not overwrite, and takes back what failed', async () => {
      const taken = join(folder, 'taken');
      writeFileSync(taken, 'precious');
      expect(await failureOf(store.backup(taken))).to.match(/exists already/);
      expect(await readFile(taken, 'utf8')).to.equal('precious');
      const nowhere = join(folder, 'no', 'folder');
      expect(await failureOf(store.backup(nowhere))).to.equal('store-unavailable');
      expect(existsSync(nowhere)).to.equal(false);
      await add('after');
    });

    it('is refused as what the store cannot do now when a full disk takes no checkpoint', async () => {
      const db = new Database(join(folder, 'full.db'));
      const full = Object.assign(new Error('database or disk is full'), { rawCode: 13 });
      const prepare = db.prepare.bind(db);
      db.prepare = (sql) => {
        if (sql.includes('wal_checkpoint')) throw full;
        return prepare(sql);
      };
      const { backup } = connectionDriver(db);
      const turns = { between: async <T>(fn: () => T) => fn(), isClosing: () => false };
      const failure = await backup(join(folder, 'copy.db'), turns as BackupTurns).catch(
        (error: unknown) => error,
      );
      expect(isDomainError(failure, 'store-unavailable')).to.equal(true);
      expect(failure).to.have.property('cause', full);
      db.close();
    });

    it('is refused with a text that would end the process that reads it', async () => {
      await add('Ёжик');
      const copy = join(folder, 'copy.db');
      await store.backup(copy);
      expect(await readCopy(copy, fileFaults)).to.deep.equal([]);
      const damaged = new Database(copy);
      damaged.exec("UPDATE items SET note = CAST(x'd081c328' AS TEXT)");
      damaged.close();
      expect(await failureOf(readCopy(copy, fileFaults))).to.include(
        'a text of items is not UTF-8',
      );
    });

    it('is refused with what makes SQLite run more than reading', async () => {
      for (const sql of [
        'CREATE VIEW seen AS SELECT note FROM items',
        'CREATE VIRTUAL TABLE seen USING fts5(note)',
      ]) {
        const copy = join(folder, `${systemIds.uuid()}.db`);
        await store.backup(copy);
        const made = new Database(copy);
        made.exec(sql);
        made.close();
        expect(await failureOf(readCopy(copy, fileFaults))).to.include(
          'is no store of ours: it has seen',
        );
      }
    });

    it('can be taken after reads that found more than they asked for', async () => {
      await add('a');
      await add('b');
      await store.read((tx) => tx.get('SELECT note FROM items'));
      await store.backup(join(folder, 'copy.db'));
      expect(existsSync(join(folder, 'copy.db'))).to.equal(true);
    });
  });
});
