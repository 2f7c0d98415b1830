import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../../shared/problem/problem.ts';
import type { Driver } from '../../../shared/store/driver.ts';
import { openEmbeddedDriver } from '../../../shared/store/embedded-store.ts';
import { type OpenedStore, openStore, storeOn } from '../../../shared/store/open-store.ts';
import { commitCountSchema } from '../../../shared/store/sentinel.ts';
import { witnessed } from '../../../shared/store/witness.ts';
import { systemClock } from '../../../shared/time/clock.ts';

const recordBytes = 512;

describe('store sentinel', () => {
  let folder: string;
  let sentinel: string;
  let file: string;
  let opened: OpenedStore;

  const open = async () => {
    opened = await openStore({ url: `file:${file}`, sentinel, migrations: [] });
    return opened;
  };
  const reopen = async () => {
    await opened.store.close();
    return open();
  };
  const write = async (times: number) => {
    for (let time = 0; time < times; time += 1) await opened.store.write(async () => {});
  };
  const storeCount = async () =>
    opened.store.read((tx) => tx.get<{ count: bigint }>('SELECT count FROM store_commits'));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-sentinel-'));
    file = join(folder, 'node.db');
    sentinel = join(folder, 'other', 'volume', 'sentinel');
    await open();
  });

  afterEach(async () => {
    await opened.store.close();
    rmSync(folder, { recursive: true });
  });

  it('finds nothing wrong after an ordinary stop', async () => {
    await write(3);
    expect(await reopen()).to.include({ fresh: false, setBack: false });
  });

  it('tells a restored older copy until its first write, and then a second one', async () => {
    await write(2);
    await opened.store.backup(join(folder, 'old.db'));
    await write(5);
    for (let round = 0; round < 2; round += 1) {
      await opened.store.close();
      copyFileSync(join(folder, 'old.db'), file);
      rmSync(`${file}-wal`, { force: true });
      rmSync(`${file}-shm`, { force: true });
      expect(await open()).to.include({ fresh: false, setBack: true });
      expect(await reopen(), 'not written yet').to.include({ setBack: true });
      await write(1);
      expect(await storeCount()).to.deep.equal({ count: BigInt(8 + round) });
      expect(await reopen(), 'written').to.include({ setBack: false });
    }
  });

  it('takes a store that was made anew for one that was set back', async () => {
    await write(1);
    await opened.store.close();
    for (const name of ['', '-wal', '-shm']) rmSync(file + name, { force: true });
    expect(await open()).to.include({ fresh: false, setBack: true });
  });

  it('takes a missing or unreadable sentinel for a replaced one', async () => {
    await write(2);
    for (const damage of [() => rmSync(sentinel), () => writeFileSync(sentinel, 'rubbish')]) {
      await opened.store.close();
      damage();
      expect(await open()).to.include({ fresh: false, setBack: true });
      expect(await reopen()).to.include({ setBack: true });
      await write(1);
      expect(await reopen()).to.include({ setBack: false });
    }
  });

  it('survives a record torn by a power cut, whichever of the two it is', async () => {
    await write(4);
    for (const torn of [0, 1]) {
      await opened.store.close();
      const whole = readFileSync(sentinel);
      const damaged = Buffer.from(whole);
      damaged.fill(0, torn * recordBytes + 10, (torn + 1) * recordBytes);
      writeFileSync(sentinel, damaged);
      expect(await open()).to.include({ fresh: false, setBack: false });
      await write(2);
      expect(await reopen()).to.include({ setBack: false });
    }
  });

  it('takes a store that is ahead for an ordinary crash', async () => {
    await write(1);
    const before = readFileSync(sentinel);
    await write(1);
    await opened.store.close();
    writeFileSync(sentinel, before);
    expect(await open()).to.include({ fresh: false, setBack: false });
    await write(1);
    expect(await storeCount()).to.deep.equal({ count: 3n });
  });

  it('answers nobody whose commit it could not record', async () => {
    await write(1);
    await opened.store.close();
    rmSync(sentinel);
    await open();
    rmSync(join(folder, 'other'), { recursive: true });
    const error = await opened.store.write(async () => {}).catch((failure: unknown) => failure);
    expect(isDomainError(error, 'store-unavailable')).to.equal(true);
  });

  it('is written again once its disk is back, be it as another one', async () => {
    await write(1);
    const probe = await openFile(sentinel);
    const prototype = Object.getPrototypeOf(probe);
    await probe.close();
    const { write: whole } = prototype;
    const lost = new Set<unknown>();
    let isAway = true;
    prototype.write = function (...given: unknown[]) {
      if (isAway) lost.add(this);
      return lost.has(this) ? Promise.reject(new Error('EIO')) : whole.apply(this, given);
    };
    try {
      const error = await opened.store.write(async () => {}).catch((failure: unknown) => failure);
      expect(isDomainError(error, 'store-unavailable')).to.equal(true);
      isAway = false;
      await write(1);
    } finally {
      prototype.write = whole;
    }
    expect(await reopen()).to.include({ setBack: false });
  });

  it('is one commit behind at most, however long it takes none', async () => {
    await write(1);
    await opened.store.close();
    rmSync(sentinel);
    await open();
    rmSync(join(folder, 'other'), { recursive: true });
    for (let time = 0; time < 3; time += 1) {
      const error = await opened.store.write(async () => {}).catch((failure: unknown) => failure);
      expect(isDomainError(error, 'store-unavailable')).to.equal(true);
    }
    expect(await storeCount()).to.deep.equal({ count: 2n });
    mkdirSync(join(folder, 'other', 'volume'), { recursive: true });
    await write(1);
    expect(await storeCount()).to.deep.equal({ count: 3n });
    expect(await reopen()).to.include({ setBack: false });
  });
});

describe('a commit that the sentinel did not count', () => {
  let folder: string;
  let driver: Driver;
  let isAway = false;
  /** What stands in the store, and with that at its replica. */
  let standing = 0n;
  const away = async (count: bigint) => {
    if (isAway || count > standing) throw new Error('it is not there');
  };
  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: Error) => error.message,
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-uncounted-'));
    const embedded = openEmbeddedDriver(join(folder, 'node.db'));
    embedded.script(commitCountSchema);
    isAway = false;
    standing = 0n;
    const commit = async () => {
      await embedded.commit();
      standing += 1n;
    };
    driver = { ...embedded, commit };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is counted before the next one also after a restart', async () => {
    const sentinel = { found: 0n, record: away, close: async () => {} };
    isAway = true;
    for (let start = 0; start < 3; start += 1) {
      // As after a restart: nothing is known but what the sentinel says.
      const store = storeOn({ driver, clock: systemClock, sentinel });
      expect(await failureOf(store.write(async () => {}))).to.include('could not');
    }
    expect(standing).to.equal(1n);
    isAway = false;
    const store = storeOn({ driver, clock: systemClock, sentinel });
    expect(await failureOf(store.write(async () => {}))).to.equal('done');
    await store.close();
  });

  it('keeps nobody waiting when a replica that lacks it took the place of the store', async () => {
    const witness = witnessed(driver, { reach: away });
    const sentinel = { found: undefined, record: witness.seen, close: async () => {} };
    const store = storeOn({ driver: witness.driver, clock: systemClock, sentinel });
    const write = () => failureOf(store.write(async () => {}));
    expect(await write()).to.equal('done');
    isAway = true;
    expect(await write()).to.include('could not be kept');
    await driver.begin();
    await driver.run('UPDATE store_commits SET count = 1', []);
    await driver.commit();
    standing = 1n;
    isAway = false;
    expect([await write(), await write()]).to.deep.equal(['done', 'done']);
    await store.close();
  });
});

describe('store mark', () => {
  let folder: string;
  let mark: string;
  const sentinelBefore = 'sentinel.before';
  const at = (name: string) => join(folder, name);
  const open = () =>
    openStore({ url: `file:${at('node.db')}`, sentinel: at('sentinel'), mark, migrations: [] });

  /** A start that becomes certain of its past and writes so often. */
  async function certainStart(writes: number): Promise<void> {
    const { store, keepMark } = await open();
    await keepMark();
    for (let write = 0; write < writes; write += 1) await store.write(async () => {});
    await store.close();
  }

  async function continues(): Promise<boolean> {
    const opened = await open();
    await opened.store.close();
    return opened.continues;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-mark-'));
    mark = at('memory/mark');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('tells the next start that nothing was forgotten, and the one after it', async () => {
    await certainStart(3);
    expect(await continues()).to.equal(true);
    const { store } = await open();
    await store.write(async () => {});
    await store.close();
    expect(await continues()).to.equal(true);
  });

  it('is not kept by a start that is not certain of its past', async () => {
    const { store } = await open();
    await store.write(async () => {});
    await store.close();
    expect(await continues()).to.equal(false);
  });

  it('tells nothing of a machine that was started anew', async () => {
    await certainStart(1);
    rmSync(mark);
    expect(await continues()).to.equal(false);
    expect(await continues(), 'the start after').to.equal(false);
  });

  it('is removed where the store and its sentinel were put back beside it', async () => {
    await certainStart(1);
    copyFileSync(at('node.db'), at('before'));
    copyFileSync(at('sentinel'), at(sentinelBefore));
    await certainStart(1);
    copyFileSync(at('before'), at('node.db'));
    copyFileSync(at(sentinelBefore), at('sentinel'));
    const { store, setBack, continues: isContinued } = await open();
    expect({ setBack, isContinued }).to.deep.equal({ setBack: false, isContinued: false });
    for (let write = 0; write < 9; write += 1) await store.write(async () => {});
    await store.close();
    expect(await continues()).to.equal(false);
  });

  it("is done without where another user's file stands in its place and stays", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    mkdirSync(mark, { recursive: true });
    chownSync(mark, 65_534, 65_534);
    await certainStart(1);
    expect(await continues()).to.equal(false);
    expect(existsSync(mark)).to.equal(true);
  });

  it('is not kept where it cannot be written, and the store goes on', async () => {
    const { store, keepMark } = await open();
    rmSync(at('memory'), { recursive: true });
    await keepMark();
    await store.write(async () => {});
    await store.close();
    expect(await continues()).to.equal(false);
  });
});
