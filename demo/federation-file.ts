import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type ApiClient, signIn } from './api-client.ts';

const node = z.object({
  code: z.string(),
  role: z.enum(['centre', 'branch']),
  url: z.string(),
  peerUrl: z.string(),
  pid: z.number(),
  store: z.string(),
  start: z.object({
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
  }),
  operators: z.array(z.object({ login: z.string(), password: z.string(), role: z.string() })),
});
const file = z.object({ ready: z.literal(true), ca: z.string(), nodes: z.array(node) });

export type ListedNode = z.infer<typeof node>;

/** What a running federation says of itself. @throws Error that says how to start one. */
export async function readFederation(dataDir: string): Promise<readonly ListedNode[]> {
  const path = join(dataDir, 'federation.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new Error(`${path} is not there. Start a federation first: npm start -- --branches 8`);
  }
  return file.parse(JSON.parse(text)).nodes;
}

export function signInAt({ code, url, operators }: ListedNode, login: string): Promise<ApiClient> {
  const operator = operators.find((each) => each.login === login);
  if (!operator) throw new Error(`${code} has no ${login}`);
  return signIn(url, operator);
}

/** Starts a node again after it was killed, as its entry in the file says. */
export function startAgain({ start, store }: ListedNode): ChildProcess {
  const log = openSync(join(dirname(store), 'node.log'), 'a');
  const child = spawn(start.command, start.args, {
    env: { ...process.env, ...start.env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  child.unref();
  return child;
}
