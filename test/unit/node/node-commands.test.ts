import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { Command } from 'commander';
import { readCentreConfig } from '../../../central-node/config.ts';
import { runCommands } from '../../../shared/node/command-line.ts';
import { examine } from '../../../shared/node/doctor.ts';
import type { Node } from '../../../shared/node/node.ts';
import { addNodeCommands } from '../../../shared/node/node-commands.ts';
import { nodeEnvironment } from '../../../shared/node/node-config.ts';
import { assetPath } from '../../../shared/store/assets.ts';
import type { MigrationSet } from '../../../shared/store/migrations.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { readCopy } from '../../../shared/store/stored-copy.ts';
import { systemClock } from '../../../shared/time/clock.ts';

describe("a node's commands", () => {
  let folder: string;
  let rooms: readonly MigrationSet[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-commands-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const environmentOf = (more: Record<string, string> = {}) => ({
    DATA_DIR: join(folder, 'mistyped'),
    FRONT_PORT: '1',
    FRONT_URL: 'http://127.0.0.1:1',
    PEER_PORT: '2',
    PEER_URL: 'https://127.0.0.1:2',
    ...more,
  });
  const failureOf = (...args: string[]) => failureIn(environmentOf(), ...args);

  async function failureIn(
    environment: Readonly<Record<string, string>>,
    ...args: string[]
  ): Promise<string> {
    const program = new Command().exitOverride();
    addNodeCommands(program, {
      config: () => readCentreConfig(environment),
      migrations: async () => rooms,
      open: async () => {
        const { storeUrl: url } = readCentreConfig(environment);
        const { store } = await openStore({ url, migrations: rooms });
        return { store, stop: store.close } as Partial<Node> as Node;
      },
    });
    try {
      await program.parseAsync(args, { from: 'user' });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'nothing';
  }

  for (const args of [['verify'], ['backup', 'copy.db']]) {
    it(`${args[0]} finds no node where none is, and makes none`, async () => {
      expect(await failureOf(...args)).to.include(join('mistyped', 'store.db is not there'));
      expect(existsSync(join(folder, 'mistyped'))).to.equal(false);
    });
  }

  it('verify refutes no bundle that is not there', async () => {
    const missing = join(folder, 'bundle.jsonl');
    expect(await failureOf('verify', missing, '--trust', 'a'.repeat(64))).to.include('ENOENT');
  });

  it('verify a stopped store as it is, by whatever form its URL has, and change nothing', async () => {
    const file = join(folder, 'my store.db');
    const older = join(folder, 'older');
    await mkdir(older);
    const first = '0001-create-log-and-streams.sql';
    const federation = 'shared/federation/migrations';
    await copyFile(join(federation, first), join(older, first));
    const ledger = { room: 'ledger', directory: 'shared/ledger/migrations' };
    const before = [{ room: 'federation', directory: older }, ledger];
    const { store } = await openStore({ url: `file:${file}`, migrations: before });
    await store.close();
    const environment = environmentOf({ STORE_URL: pathToFileURL(file).href });
    rooms = [{ room: 'federation', directory: federation }, ledger];
    expect(await failureIn(environment, 'verify')).to.equal('nothing');
    const applied = await readCopy(file, (tx) => tx.all('SELECT * FROM migrations'));
    expect(applied, 'it was not brought up to date').to.have.length(2);
    rooms = [ledger];
    expect(await failureIn(environment, 'verify')).to.include('newer than this code');
  });

  it('name ports and addresses that cannot be, all at once', () => {
    const environment = environmentOf({ PEER_PORT: '70000', FRONT_URL: 'localhost:7400' });
    expect(() => readCentreConfig(environment)).to.throw(/FRONT_URL: .*\n.*PEER_PORT: must be/);
  });

  it('find one mark by whatever name the data folder has', async () => {
    await mkdir(join(folder, 'data'));
    await symlink(join(folder, 'data'), join(folder, 'alias'));
    const markOf = (name: string) =>
      readCentreConfig(environmentOf({ DATA_DIR: join(folder, name) })).mark;
    expect(markOf('alias')).to.equal(markOf('data'));
    expect(markOf('other')).not.to.equal(markOf('data'));
  });

  it('look at the disk of a store whose folder the first start will make', async () => {
    const storeUrl = `file:${join(folder, 'not', 'yet', 'store.db')}`;
    const config = readCentreConfig(environmentOf({ DATA_DIR: folder, STORE_URL: storeUrl }));
    const findings = await examine(config, { clock: systemClock, centreUrl: config.peer.url });
    expect(findings.find(({ what }) => what === 'disk')?.detail).to.match(/^\d+ MiB free$/);
  });

  it('look at peer addresses of IPv6', async () => {
    const server = createServer().listen(0, '::1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const config = readCentreConfig(environmentOf({ PEER_URL: `https://[::1]:${port}` }));
    const options = { clock: systemClock, centreUrl: config.peer.url };
    const findings = await examine(config, options);
    server.close();
    const looked = findings.filter(({ what }) => ['peer address', 'head office'].includes(what));
    expect(
      looked.map(({ ok }) => ok),
      JSON.stringify(looked),
    ).to.deep.equal([true, true]);
  });

  it('say what lies behind a failure', async () => {
    const cause = new Error('ENOSPC: no space left on device');
    const program = new Command().exitOverride();
    program.command('fail').action(() => {
      throw new Error('The copy could not be made.', { cause });
    });
    expect(await toldBy(program)).to.equal(
      'The copy could not be made. (ENOSPC: no space left on device)\n',
    );
  });

  async function toldBy(program: Command): Promise<string> {
    const { argv, stderr, exitCode } = process;
    const write = stderr.write;
    let told = '';
    process.argv = ['node', 'program', 'fail'];
    stderr.write = (text: string | Uint8Array) => {
      told += String(text);
      return true;
    };
    try {
      await runCommands(program);
    } finally {
      stderr.write = write;
      process.argv = argv;
      process.exitCode = exitCode;
    }
    return told;
  }

  it('read no variable that the README does not name', async () => {
    const readme = await readFile(assetPath('README.md'), 'utf8');
    const unnamed = Object.keys(nodeEnvironment.shape).filter(
      (name) => !readme.includes(`\`${name}\``),
    );
    expect(unnamed).to.deep.equal([]);
  });

  it('name what is not set in the environment', () => {
    expect(() => readCentreConfig({})).to.throw(/DATA_DIR: is not set\n/);
  });
});
