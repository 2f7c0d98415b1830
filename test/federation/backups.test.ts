import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { programPath } from '../../shared/store/assets.ts';
import { send, until } from '../support/federation.ts';
import {
  type DemoPlace,
  type Desk,
  demoPlace,
  deskAt,
  type RunningDemo,
  storedFaults,
  untilCalm,
} from '../support/processes.ts';

/** A disk is lost, restored and recovered meanwhile. */
const outageMaxMs = 240_000;
const folders = { centre: 'central-node', branch: 'branch-node' } as const;

describe('backups of a federation that takes payments', function () {
  this.timeout(300_000);
  let place: DemoPlace;
  let demo: RunningDemo;
  let desks: Map<string, Desk>;
  let numbers: string[];
  const paidIn = new Map<string, number>();
  let stopPaying: () => Promise<void>;

  before(async () => {
    place = await demoPlace(4);
    demo = await place.up();
    desks = new Map(
      await Promise.all(
        demo.description.nodes.map(async (node) => [node.code, await deskAt(node)] as const),
      ),
    );
    const { items } = await desk('MSK').get('/api/v1/subscribers?limit=6');
    numbers = items.map(({ msisdn }: { msisdn: string }) => msisdn);
    stopPaying = paying();
  });
  after(async () => {
    await demo?.killAll();
    place?.remove();
  });

  function desk(code: string): Desk {
    const found = desks.get(code);
    if (!found) throw new Error(`no desk at ${code}`);
    return found;
  }

  /** People at all three branches pay for Moscow's numbers, one after the other, until it is over. */
  function paying(): () => Promise<void> {
    let over = false;
    const people = ['MSK', 'SPB', 'NSK'].map(async (code, index) => {
      for (let turn = index; !over; turn += 1) {
        const msisdn = String(numbers[turn % numbers.length]);
        const id = await desk(code).pay(msisdn, '1.00');
        if (await isKept(code, id)) paidIn.set(msisdn, (paidIn.get(msisdn) ?? 0) + 1);
        await pause(20);
      }
    });
    return async () => {
      over = true;
      await Promise.all(people);
    };
  }
  /**
   * A payment that only one node holds goes with that node's disk: a provisional one, and one for an own number, which
   * is credited at once. So a payment counts once another node holds it, or once it is found again; a node that still
   * recovers has not said its last word.
   */
  async function isKept(code: string, id: string): Promise<boolean> {
    let isFound: boolean | undefined;
    let told = Number.POSITIVE_INFINITY;
    const look = async () => {
      const { recovering } = await ask(code, '/api/v1/recovery');
      const { receipt, code: refusal } = await ask(code, `/api/v1/payments/${id}`);
      const { items = [] } = await ask(code, '/api/v1/streams');
      const toCentre = items.find(({ peer }: { peer: string }) => peer === 'HQ')?.outbound.at(-1);
      if (receipt && toCentre) {
        told = Math.min(told, toCentre.position);
        const isOwn = code === 'MSK';
        const isHeld = isOwn ? toCentre.acknowledged >= told : receipt.kind !== 'provisional';
        if (isHeld && recovering === false) isFound = true;
      }
      if (refusal === 'operation-not-found' && recovering === false) isFound = false;
      return isFound !== undefined;
    };
    await until(`${code} knows what became of ${id}`, look, outageMaxMs);
    return isFound === true;
  }
  const ask = (code: string, path: string) =>
    desk(code)
      .get(path)
      .catch(() => ({}));
  const answered = () => [...paidIn.values()].reduce((sum, each) => sum + each, 0);
  async function morePayments(): Promise<void> {
    const before = answered();
    await until('others go on paying', () => answered() > before + 5);
  }

  async function command(code: string, ...args: string[]): Promise<{ code: number; said: string }> {
    const { role, start, dataDir } = {
      ...demo.node(code),
      dataDir: dirname(demo.node(code).store),
    };
    mkdirSync(dataDir, { recursive: true });
    const folder = folders[role === 'centre' ? 'centre' : 'branch'];
    const cli = programPath(`${folder}/cli.js`);
    const child = spawn(process.execPath, [cli, ...args], {
      env: { ...process.env, ...start.env, LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number>((resolve) => {
      child.once('close', (status) => resolve(status ?? -1));
    });
    const [said, failed] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, said: said + failed };
  }

  async function backUp(code: string): Promise<string> {
    const file = join(place.dataDir, `${code}.backup`);
    const { login, password } = demo.node(code).operators[0] ?? { login: '', password: '' };
    const passwordFile = join(place.dataDir, `${code}.password`);
    writeFileSync(passwordFile, password, { mode: 0o600 });
    const caller = ['--login', login, '--password-file', passwordFile];
    const taken = await command(code, 'backup', file, ...caller);
    expect(taken.code, taken.said).to.equal(0);
    const record = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
    const { size } = statSync(file);
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(record).to.include({ node: code, bytes: size, sha256 });
    expect(record.log.seq).to.be.greaterThan(0);
    return file;
  }

  /** The disk with the store is gone, and the sentinel's; what is kept apart is put back. */
  async function loseDisk(code: string, ...keptApart: string[]): Promise<void> {
    const { store, start } = demo.node(code);
    const dataDir = dirname(store);
    const safe = join(place.dataDir, `${code}.safe`);
    for (const name of keptApart) {
      cpSync(join(dataDir, name), join(safe, name), { recursive: true });
    }
    await demo.kill(code);
    rmSync(dataDir, { recursive: true });
    rmSync(String(start.env.STORE_SENTINEL), { force: true });
    cpSync(safe, dataDir, { recursive: true });
  }

  async function balancesHold(): Promise<void> {
    for (const [msisdn, amount] of paidIn) {
      const { balance } = await desk('MSK').get(`/api/v1/subscribers/${msisdn}`);
      expect(Number(balance.amount), msisdn).to.equal(amount);
    }
  }

  it('bring a branch back whose disk was lost: nothing that was answered is gone', async () => {
    const file = await backUp('MSK');
    const { checks } = (await send(demo.node('MSK').url, 'GET', '/readyz')).body;
    expect(checks.backup).to.deep.equal({ ok: true, detail: 'the newest backup is 0 h old' });
    const metrics = (await send(demo.node('MSK').url, 'GET', '/metrics')).body;
    expect(metrics).to.match(/^sbms_backup_age_seconds \d/m);
    expect(metrics).to.match(/^sbms_check_ok\{check="backup"\} 1$/m);
    await morePayments();
    const changed = `${file}-changed`;
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(changed, bytes);
    cpSync(`${file}.json`, `${changed}.json`);
    const refused = await command('MSK', 'restore', changed);
    expect([refused.code, refused.said.includes('changed or damaged')]).to.deep.equal([1, true]);
    const running = await command('MSK', 'restore', file);
    expect(running.code, 'over a running node').to.equal(1);
    expect(running.said).to.match(/another process has the store open/);
    await loseDisk('MSK', 'identity');
    await morePayments();
    const foreign = await command('MSK', 'restore', await backUp('SPB'));
    expect(foreign.said).to.match(/the backup is of SPB, not MSK/);
    const restored = await command('MSK', 'restore', file);
    expect(restored.code, restored.said).to.equal(0);
    await demo.restart('MSK');
    desks.set('MSK', await deskAt(demo.node('MSK')));
    await morePayments();
  });

  it('bring head office back, while the branches go on', async () => {
    const file = await backUp('HQ');
    await morePayments();
    await loseDisk('HQ', 'identity', 'authority');
    await morePayments();
    const restored = await command('HQ', 'restore', file);
    expect(restored.code, restored.said).to.equal(0);
    await demo.restart('HQ');
    desks.set('HQ', await deskAt(demo.node('HQ')));
    await morePayments();
  });

  it('leave books that balance, and every payment credited once', async () => {
    await stopPaying();
    await untilCalm([...desks.values()]);
    await balancesHold();
    const { code, output } = await demo.interrupt();
    expect(code, output).to.equal(0);
    expect(await storedFaults(demo.description.nodes)).to.deep.equal([]);
  });
});
