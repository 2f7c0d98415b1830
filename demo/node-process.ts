import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { programPath } from '../shared/store/assets.ts';
import type { Crew } from './crew.ts';

const pollMs = 100;
const readyMaxMs = 180_000;
const stopMaxMs = 15_000;
const exitPollMs = 50;

/** One node of the demo: where it lives, and how it is started, by the demo or by hand. */
export interface DemoNode {
  readonly code: string;
  readonly role: 'centre' | 'branch';
  readonly url: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  readonly store: string;
  readonly start: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
}

/** Another place than this machine's own address. */
export interface Place {
  readonly host: string;
  /** What a command stands behind to run there. */
  readonly enter: readonly string[];
  readonly nodeOptions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const loopback = '127.0.0.1';

const folderOf = { centre: 'central-node', branch: 'branch-node' } as const;

export function describeNode(options: {
  code: string;
  role: DemoNode['role'];
  dataDir: string;
  ports: { front: number; peer: number };
  centrePeerUrl: string;
  place: Place | undefined;
}): DemoNode {
  const { code, role, ports, place } = options;
  const dataDir = join(options.dataDir, code);
  const host = place?.host ?? loopback;
  const url = `http://${host}:${ports.front}`;
  const peerUrl = `https://${host}:${ports.peer}`;
  const [command = process.execPath, ...args] = [
    ...(place?.enter ?? []),
    process.execPath,
    '--enable-source-maps',
    ...(place?.nodeOptions ?? []),
    programPath(`${folderOf[role]}/main.js`),
  ];
  return {
    code,
    role,
    url,
    peerUrl,
    dataDir,
    store: join(dataDir, 'store.db'),
    start: {
      command,
      args,
      env: {
        NODE_CODE: code,
        DATA_DIR: dataDir,
        // Another place than the store's, as it should be: a store put back does not put this back.
        STORE_SENTINEL: join(options.dataDir, 'sentinels', code),
        ...placeOfStore(code),
        FRONT_PORT: String(ports.front),
        FRONT_URL: url,
        PEER_PORT: String(ports.peer),
        PEER_URL: peerUrl,
        ...(role === 'branch' ? { CENTRE_URL: options.centrePeerUrl } : {}),
        ...(place
          ? { FRONT_HOST: host, PEER_HOST: host, FRONT_ALLOW_PLAIN: 'true', ...place.env }
          : {}),
      },
    },
  };
}

/** `MSK_STORE_URL` and the like put one node's store on a libSQL server. */
function placeOfStore(code: string): Record<string, string> {
  const names = ['STORE_URL', 'STORE_ADMIN_URL', 'STORE_REPLICA_URL', 'STORE_DURABLE'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[`${code}_${name}`];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Starts a node; its log goes to `node.log` in its folder. */
export async function startNode(node: DemoNode, crew: Crew): Promise<ChildProcess> {
  await mkdir(node.dataDir, { recursive: true });
  const log = openSync(join(node.dataDir, 'node.log'), 'a');
  const child = spawn(node.start.command, node.start.args, {
    env: { ...process.env, ...node.start.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return crew.add(child);
}

/** Runs one of the nodes' own commands to its end. @throws Error with what it printed. */
export async function runCli(
  node: DemoNode,
  { args, input, crew }: { args: readonly string[]; input?: string; crew: Crew },
): Promise<string> {
  const cli = programPath(`${folderOf[node.role]}/cli.js`);
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...process.env, ...node.start.env, LOG_LEVEL: 'error' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  crew.add(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${node.code}: ${args[0] ?? ''} failed:\n${output}`);
  return output;
}

/** Waits until the node answers `path` with 200. @throws Error when it died or takes too long. */
export async function untilAnswers(
  node: DemoNode,
  path: '/livez' | '/readyz',
  child: ChildProcess,
): Promise<void> {
  const deadline = performance.now() + readyMaxMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${node.code} stopped while starting; the end of its log:\n${logTail(node)}`);
    }
    const answer = await fetch(node.url + path).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await pause(pollMs);
  }
  throw new Error(`${node.code} is not ready after ${readyMaxMs / 1000} s; see its node.log`);
}

function logTail({ dataDir }: DemoNode): string {
  return readFileSync(join(dataDir, 'node.log'), 'utf8').split('\n').slice(-12).join('\n');
}

/** The process that runs the node now, whoever started it. */
export function runningPid({ dataDir }: DemoNode): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataDir, 'node.pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 0 && isAlive(pid) && isNode(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Stops a node, even one that was started again by hand: asked first, killed if it does not answer. */
export async function stopNode(node: DemoNode): Promise<void> {
  const pid = runningPid(node);
  if (pid === undefined) return;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + stopMaxMs;
  while (isAlive(pid) && performance.now() < deadline) await pause(exitPollMs);
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

/** A number in an old file may by now belong to something else; where the system tells, it is asked. */
function isNode(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  return !existsSync(file) || readFileSync(file, 'utf8').includes('-node/main.js');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
