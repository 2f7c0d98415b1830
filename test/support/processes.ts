import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { projectRoot } from '../../shared/store/assets.ts';
import { cash, send, until } from './federation.ts';
import { moneyFaults } from './invariants.ts';
import { freePortBase } from './ports.ts';

/** The demo as its users have it: real processes, found through federation.json alone. */

const readyMaxMs = 300_000;
const restartMaxMs = 300_000;
const exitMaxMs = 30_000;
const tryPauseMs = 50;
const triesMax = 6_000;
/** As far apart as the demo puts its nodes. */
const portsPerNode = 10;

export interface DescribedNode {
  readonly code: string;
  readonly role: string;
  readonly url: string;
  readonly peerUrl: string;
  readonly pid: number;
  readonly store: string;
  readonly start: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
  readonly operators: readonly { login: string; password: string; role: string }[];
}

export interface Description {
  readonly ready: boolean;
  readonly ca: string;
  readonly nodes: readonly DescribedNode[];
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A folder and a stretch of ports of its own, in which demos are run. */
export interface DemoPlace {
  readonly dataDir: string;
  readonly portBase: number;
  readonly file: string;
  /** Starts `npm start`'s program and waits until it says that it is ready. */
  up(...args: string[]): Promise<RunningDemo>;
  /** Starts it and presses Ctrl+C as soon as the condition holds. */
  interrupted(condition: () => boolean, ...args: string[]): Promise<Ended>;
  /** Runs it to an end that is expected. */
  run(...args: string[]): Promise<Ended>;
  remove(): void;
}

export interface RunningDemo {
  readonly description: Description;
  node(code: string): DescribedNode;
  /** Ctrl+C. */
  interrupt(): Promise<Ended>;
  /** Whatever state a failed test left behind. */
  killAll(): Promise<void>;
  /** As in a power cut of one machine. */
  kill(code: string): Promise<void>;
  /** The process that runs it now. */
  pid(code: string): number;
  signal(code: string, signal: NodeJS.Signals): void;
  /** By hand: by what `start` says. */
  start(code: string, args?: readonly string[]): ChildProcess;
  /** The same, and waits until it answers. */
  restart(code: string): Promise<void>;
  /** Stops it in order and starts this project's code on its data. @returns after how many ms it took work. */
  upgrade(code: string): Promise<number>;
  untilReady(code: string, started: ChildProcess): Promise<void>;
}

export interface DemoOptions {
  /** Another copy of the built project. */
  readonly root?: string;
  /** What every process gets beside its own variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function demoPlace(nodes: number, options: DemoOptions = {}): Promise<DemoPlace> {
  const { root = projectRoot(), env = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'sbms-demo-'));
  const dataDir = join(folder, 'data');
  const portBase = await freePortBase(portsPerNode * nodes);
  const file = join(dataDir, 'federation.json');
  const begin = (args: string[]) => {
    const main = join(root, 'dist/demo/main.js');
    const given = ['--data', dataDir, '--port-base', String(portBase), ...args];
    const child = spawn(process.execPath, [main, ...given], {
      stdio: 'pipe',
      env: { ...process.env, ...env },
    });
    return watched(child);
  };
  return {
    dataDir,
    portBase,
    file,
    run: (...args) => begin(args).ended,
    async interrupted(condition, ...args) {
      const demo = begin(args);
      await until('it is time for Ctrl+C', condition, readyMaxMs);
      demo.child.kill('SIGINT');
      return demo.ended;
    },
    async up(...args) {
      const demo = begin(args);
      let end: Ended | undefined;
      void demo.ended.then((ended) => {
        end = ended;
      });
      const isUp = () => {
        if (end) throw new Error(`the demo ended with ${end.code}:\n${end.output}`);
        return existsSync(file);
      };
      try {
        await until('federation.json is written', isUp, readyMaxMs);
      } catch (error) {
        demo.child.kill('SIGTERM');
        await demo.ended;
        throw error;
      }
      return running(demo, { env, description: JSON.parse(readFileSync(file, 'utf8')) });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

interface Watched {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function watched(child: ChildProcess): Watched {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  // `exit`, for `close` would wait for whoever inherited the pipes.
  const ended = once(child, 'exit').then(([code]): Ended => ({ code, output }));
  return { child, ended };
}

function running(
  { child, ended }: Watched,
  { description, env }: { description: Description; env: Readonly<Record<string, string>> },
): RunningDemo {
  const pids = new Map(description.nodes.map(({ code, pid }) => [code, pid]));
  const node = (code: string): DescribedNode => {
    const found = description.nodes.find((each) => each.code === code);
    if (!found) throw new Error(`no ${code}`);
    return found;
  };
  async function kill(code: string): Promise<void> {
    const pid = pids.get(code) ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(`${code} is gone`, () => !isAlive(pid));
  }
  function start(code: string, args = node(code).start.args): ChildProcess {
    const { start: how, store } = node(code);
    const log = openSync(join(dirname(store), 'node.log'), 'a');
    const started = spawn(how.command, args, {
      env: { ...how.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    pids.set(code, started.pid ?? 0);
    return started;
  }
  async function untilReady(code: string, started: ChildProcess): Promise<void> {
    const { url } = node(code);
    let said = 'nobody answers';
    const isReady = async () => {
      if (started.exitCode !== null || started.signalCode !== null) {
        throw new Error(`${code} ended with ${started.exitCode ?? started.signalCode}`);
      }
      const answer = await send(url, 'GET', '/readyz').catch(() => undefined);
      if (answer?.status === 200) return true;
      if (answer) said = JSON.stringify(answer.body);
      await pause(tryPauseMs);
      return false;
    };
    try {
      await until(`${code} is ready`, isReady, restartMaxMs);
    } catch (cause) {
      throw new Error(`${code} is not ready: ${said}`, { cause });
    }
  }
  return {
    description,
    node,
    kill,
    pid: (code) => pids.get(code) ?? 0,
    signal: (code, signal) => void process.kill(pids.get(code) ?? 0, signal),
    start,
    untilReady,
    async interrupt() {
      child.kill('SIGINT');
      const late = pause(exitMaxMs, undefined, { ref: false });
      const end = await Promise.race([ended, late]);
      if (!end) throw new Error('the demo does not stop');
      return end;
    },
    async killAll() {
      if (child.exitCode === null) child.kill('SIGKILL');
      for (const pid of pids.values()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await until('all are gone', () => [...pids.values()].every((pid) => !isAlive(pid)));
    },
    restart: (code) => untilReady(code, start(code)),
    async upgrade(code) {
      const pid = pids.get(code) ?? 0;
      process.kill(pid, 'SIGTERM');
      await until(`${code} has stopped`, () => !isAlive(pid), exitMaxMs);
      const args = node(code).start.args.map((arg) =>
        arg.replace(/^.*(?=\/dist\/)/, projectRoot()),
      );
      if (!args.some((arg) => arg.startsWith(join(projectRoot(), 'dist')))) {
        throw new Error(`${code} was not started by a program of a project: ${args.join(' ')}`);
      }
      const startedMs = performance.now();
      await untilReady(code, start(code, args));
      return performance.now() - startedMs;
    },
  };
}

/** A zombie is gone too: its parent has only not looked yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Somebody at a desk whose program does what it was told: it repeats a request until it is answered. */
export interface Desk {
  readonly code: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails if it is not there
  get(path: string): Promise<any>;
  post(path: string, body: object): Promise<string>;
  /** A payment, repeated under its key until it is answered. @returns the operation's id. */
  pay(msisdn: string, amount: string): Promise<string>;
}

export async function authorizationAt(node: DescribedNode, login: string): Promise<string> {
  const { code, url } = node;
  const operator = node.operators.find((each) => each.login === login);
  if (!operator) throw new Error(`${code} has no ${login}`);
  const { password } = operator;
  const session = await send(url, 'POST', '/api/v1/sessions', { body: { login, password } });
  if (session.status !== 201) throw new Error(`${code}: ${JSON.stringify(session.body)}`);
  return `Bearer ${session.body.token}`;
}

export async function deskAt(node: DescribedNode, login = 'manager'): Promise<Desk> {
  const { code, url } = node;
  const authorization = await authorizationAt(node, login);

  async function post(path: string, body: object): Promise<string> {
    const headers = { authorization, 'idempotency-key': randomUUID() };
    let last: unknown;
    for (let turn = 0; turn < triesMax; turn += 1) {
      try {
        const answer = await send(url, 'POST', path, { headers, body });
        if (answer.status === 201) return answer.body.operationId;
        last = answer.body;
        if (answer.status < 500 && answer.status !== 429) break;
      } catch (error) {
        last = error;
      }
      await pause(tryPauseMs);
    }
    throw new Error(`${code}: POST ${path} never answered: ${JSON.stringify(last)}`);
  }

  return {
    code,
    get: async (path) => (await send(url, 'GET', path, { headers: { authorization } })).body,
    post,
    pay: (msisdn, amount) => post('/api/v1/payments', { msisdn, ...cash(amount) }),
  };
}

/** Nothing is left to be told, and nobody recovers. */
export async function untilCalm(desks: readonly Desk[], maxMs = restartMaxMs): Promise<void> {
  await until(
    'every stream is quiet',
    async () => {
      for (const desk of desks) {
        const streams = await desk.get('/api/v1/streams').catch(() => undefined);
        if (!streams?.items?.every(({ behind }: { behind: number }) => behind === 0)) return false;
        if ((await desk.get('/api/v1/recovery')).recovering !== false) return false;
      }
      return true;
    },
    maxMs,
  );
}

/** The files of a stopped node as they lie there, and how they are put back. */
export function copyOfFiles(node: DescribedNode) {
  const sentinel = String(node.start.env.STORE_SENTINEL);
  const store = [node.store, `${node.store}-wal`];
  const copies = [...store, sentinel].filter(existsSync);
  for (const path of copies) copyFileSync(path, `${path}.old`);
  return {
    putBack({ withSentinel }: { withSentinel: boolean }): void {
      for (const path of [...store, `${node.store}-shm`]) rmSync(path, { force: true });
      for (const path of copies) {
        if (path !== sentinel || withSentinel) copyFileSync(`${path}.old`, path);
      }
    },
  };
}

/** The money invariants, over the stores of branches that have all stopped. */
export async function storedFaults(nodes: readonly DescribedNode[]): Promise<string[]> {
  const branches = await Promise.all(
    nodes
      .filter(({ role }) => role === 'branch')
      .map(({ start }) => openBranch(readBranchConfig({ ...start.env, LOG_LEVEL: 'error' }))),
  );
  try {
    return await moneyFaults(branches);
  } finally {
    await Promise.all(branches.map((branch) => branch.stop()));
  }
}
