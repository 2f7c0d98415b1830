import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import {
  cash,
  registerSubscriber,
  send,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { isLeftOut } from '../support/sqld.ts';

const hourMs = 3_600_000;
const codes = ['MSK', 'SPB', 'NSK'];

/** NSK's name resolves nowhere, all the time. */
describe('a node in bad surroundings', function () {
  this.timeout(180_000);
  let federation: TestFederation;
  let msisdn: string;
  let paid = 0;

  before(async function () {
    this.timeout(180_000);
    federation = await startFederation(codes, (code) =>
      code === 'NSK' ? { PEER_URL: 'https://nsk.invalid:7401' } : {},
    );
    msisdn = await registerSubscriber(federation.branch('MSK'));
  });
  after(() => federation.stop());

  const checks = async (code: string) =>
    (await send(federation.branch(code).url, 'GET', '/readyz')).body.checks;
  const pay = async (code: string) => {
    const { manager } = federation.branch(code);
    const answer = await manager.post('/api/v1/payments', { msisdn, ...cash('1.00') });
    if (answer.status === 201) paid += 1;
    return answer;
  };
  const credited = () =>
    until('all is credited', async () => {
      const { body } = await federation.branch('MSK').manager.get(`/api/v1/subscribers/${msisdn}`);
      return Number(body.balance?.amount) === paid;
    });

  it('says whose name does not resolve, and serves all others as ever', async () => {
    await until('it is said', async () => {
      const { peers } = await checks('MSK');
      return !peers.ok && /NSK did not answer: its name does not resolve/.test(peers.detail);
    });
    expect((await pay('SPB')).status).to.equal(201);
    await credited();
  });

  it('holds the closing of days by a wrong clock, takes money, and goes on when it is set right', async () => {
    let nowMs = () => systemClock.nowMs();
    const clock: Clock = { ...systemClock, nowMs: () => nowMs() };
    const stoppedAt = systemClock.nowMs();
    const wrongClocks = [
      { what: 'a clock that stands still', said: /behind/, at: () => stoppedAt },
      {
        what: 'two hours ahead',
        said: /ahead of (HQ|MSK)/,
        at: () => systemClock.nowMs() + 2 * hourMs,
      },
      { what: 'two hours behind', said: /behind/, at: () => systemClock.nowMs() - 2 * hourMs },
    ];
    await federation.stopNode('SPB');
    const spb = await openBranch(readBranchConfig(federation.branch('SPB').environment), { clock });
    await spb.start();
    try {
      const close = '/api/v1/business-days';
      for (const { what, said, at } of wrongClocks) {
        nowMs = at;
        await until(`${what} is seen`, async () => said.test((await checks('SPB')).clock.detail));
        const node = federation.branch('SPB');
        node.manager = await signIn(node.url, 'manager');
        const { current } = (await node.manager.get(close)).body;
        const held = await node.manager.post(`${close}/${current}/close`);
        expect([held.status, held.body.code]).to.deep.equal([503, 'clock-held']);
        expect(
          (await checks('MSK')).clock.ok,
          'one wrong clock does not spoil the others',
        ).to.equal(true);
        const [one, other] = [await pay('SPB'), await pay('SPB')];
        expect([one.status, other.status]).to.deep.equal([201, 201]);
        expect(one.body.operationId).not.to.equal(other.body.operationId);
      }
      nowMs = () => systemClock.nowMs();
      await until(
        'the alarms are over',
        async () => {
          const { clock: own, alarms } = await checks('SPB');
          return own.ok && !/clock-skew/.test(alarms.detail ?? '');
        },
        120_000,
      );
    } finally {
      await spb.stop();
      await federation.startNode('SPB');
    }
    const node = federation.branch('SPB');
    node.manager = await signIn(node.url, 'manager');
    await credited();
  });

  it('takes nothing with a full disk, says so, and goes on when there is room again', async function () {
    if (isLeftOut('full disk')) this.skip();
    const { dataDir, manager } = federation.branch('SPB');
    await federation.stopNode('SPB');
    if (!mountSmall(dataDir)) {
      await federation.startNode('SPB');
      this.skip();
    }
    const ballast = join(dataDir, 'ballast');
    try {
      await federation.startNode('SPB');
      fill(ballast);
      await until('a payment is refused', async () => {
        const refused = await pay('SPB');
        return refused.status === 503 && refused.body.code === 'store-unavailable';
      });
      const state = await send(federation.branch('SPB').url, 'GET', '/readyz');
      expect(state.status).to.equal(503);
      expect(state.body.checks.store.detail).to.match(/takes nothing: .*full/);
      expect(state.body.checks.disk.ok).to.equal(false);
      expect((await manager.get('/api/v1/streams')).status, 'it still shows what it has').to.equal(
        200,
      );
      rmSync(ballast);
      await until('it is ready again', async () => {
        const { status } = await send(federation.branch('SPB').url, 'GET', '/readyz');
        return status === 200;
      });
      expect((await pay('SPB')).status).to.equal(201);
      await credited();
    } finally {
      await federation.stopNode('SPB');
      execFileSync('umount', ['-l', dataDir]);
    }
  });

  it('takes nothing on a file system that turned read-only, and has all of it when that is mended', async function () {
    if (isLeftOut('read-only disk')) this.skip();
    const { dataDir } = federation.branch('SPB');
    await federation.stopNode('SPB');
    const device = mountDevice(dataDir);
    if (device === undefined) {
      await federation.startNode('SPB');
      this.skip();
    }
    try {
      await federation.startNode('SPB');
      expect((await pay('SPB')).status).to.equal(201);
      device.breakDown();
      const refused = await pay('SPB');
      expect([refused.status, refused.body.code]).to.deep.equal([503, 'store-unavailable']);
      const state = await send(federation.branch('SPB').url, 'GET', '/readyz');
      expect(state.status).to.equal(503);
      expect(state.body.checks.store.detail).to.match(/takes nothing/);
      await federation.stopNode('SPB');
      device.mend();
      await federation.startNode('SPB');
      expect((await pay('SPB')).status).to.equal(201);
      await credited();
    } finally {
      await federation.stopNode('SPB');
      device.remove();
    }
  });

  it('leaves books that balance', async () => {
    const nodes = codes
      .filter((code) => code === 'MSK')
      .map((code) => ({ code, store: federation.running(code).store }));
    const faults = await moneyFaults(nodes);
    expect(faults.filter((fault) => !/mirror/.test(fault))).to.deep.equal([]);
  });
});

const mountedBytes = 12 * 1024 * 1024;

/** Puts the folder on a file system of a few MiB; false where this is not allowed. */
function mountSmall(folder: string): boolean {
  const aside = `${folder}.aside`;
  cpSync(folder, aside, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mountedBytes}`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
  } catch {
    rmSync(aside, { recursive: true });
    return false;
  }
  cpSync(aside, folder, { recursive: true });
  rmSync(aside, { recursive: true });
  return true;
}

const deviceBytes = 64 * 1024 * 1024;

/** Puts the folder on a disk of its own, which can fail; undefined where this is not allowed. */
function mountDevice(folder: string) {
  const image = `${folder}.img`;
  const mended = `${folder}-mended.img`;
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const mount = (file: string) => run('mount', '-o', 'loop,errors=remount-ro', file, folder);
  const aside = `${folder}.aside`;
  try {
    writeFileSync(image, '');
    truncateSync(image, deviceBytes);
    run('mkfs.ext4', '-q', '-F', image);
    renameSync(folder, aside);
    mkdirSync(folder);
    mount(image);
  } catch {
    if (existsSync(aside)) {
      rmSync(folder, { recursive: true });
      renameSync(aside, folder);
    }
    return undefined;
  }
  cpSync(aside, folder, { recursive: true });
  const name = basename(run('findmnt', '-n', '-o', 'SOURCE', folder).trim());
  return {
    /** As after a bad sector: the kernel lets nobody write any more. */
    breakDown: () => writeFileSync(`/sys/fs/ext4/${name}/trigger_fs_error`, 'on purpose'),
    /** What is on the disk, looked through as after such a failure. */
    mend(): void {
      copyFileSync(image, mended);
      run('umount', '-l', folder);
      // Its exit code is 1 when it has mended something.
      spawnSync('e2fsck', ['-fy', mended]);
      mount(mended);
    },
    remove: () => run('umount', '-l', folder),
  };
}

/** Takes every byte that is left. */
function fill(path: string): void {
  for (const bytes of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full, at least for so large a piece.
    }
  }
}
