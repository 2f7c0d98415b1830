import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Branch, openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { type Centre, openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import { createPasswords, type PasswordHash } from '../../shared/access/passwords.ts';
import { enrolWithCentre } from '../../shared/federation/enrolment.ts';
import { luhnDigit, type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import type { NodePorts } from '../../shared/node/node-ports.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { withKeptKeys } from './kept-keys.ts';
import { freePorts } from './ports.ts';
import { startServers, storeOn } from './sqld.ts';

/**
 * A whole federation in this process: real nodes, real stores in a temporary folder, real mTLS on loopback, spoken to
 * over HTTP like by anybody.
 */

/** A campaign at the lowest priority waits longer: others have the machine. */
const waitMaxMs = Number(process.env.WAIT_MAX_MS ?? 60_000);
/** What comes soon is seen at once; what takes long is not asked for all the time. */
const pollMinMs = 10;
const pollMaxMs = 250;
export const password = 'correct horse battery';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails if it is not there
  readonly body: any;
}

export interface TestClient {
  get(path: string): Promise<Answer>;
  post(path: string, body?: object, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body: object): Promise<Answer>;
}

export interface TestNode {
  readonly code: string;
  readonly url: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Signed in as somebody who may do everything. */
  manager: TestClient;
}

export interface TestFederation {
  readonly folder: string;
  readonly hq: TestNode;
  readonly deputy: TestClient;
  branch(code: string): TestNode;
  centre(): Centre;
  running(code: string): Branch;
  stopNode(code: string): Promise<void>;
  startNode(code: string): Promise<void>;
  /** A copy of a node's store as it is now. */
  backup(code: string): Promise<string>;
  /** Puts a copy in the place of a stopped node's store. */
  restore(code: string, backup: string): Promise<void>;
  /** The disk of a stopped node's store is gone. */
  loseStore(code: string): Promise<void>;
  /** What a stopped node's machine had in its memory is gone. */
  startMachineAnew(code: string): void;
  publish(): Promise<void>;
  /** Every stream of every running node has nothing left to say. */
  untilQuiet(): Promise<void>;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

export async function startFederation(
  codes: readonly string[] = ['MSK', 'SPB', 'NSK'],
  environment: Environment | ((code: string) => Environment) = {},
  branchPorts: Partial<NodePorts> = {},
  centrePorts: Partial<NodePorts> = {},
): Promise<TestFederation> {
  const folder = mkdtempSync(join(tmpdir(), 'sbms-'));
  const ports = await freePorts(2 * (codes.length + 1));
  const servers = await startServers(['HQ', ...codes], join(folder, 'servers'));
  const environmentOf = (code: string, index: number): Record<string, string> => ({
    NODE_CODE: code,
    DATA_DIR: join(folder, code),
    STORE_SENTINEL: join(folder, 'sentinels', code),
    STORE_MARK: join(folder, 'marks', code),
    FRONT_PORT: String(ports[2 * index]),
    FRONT_URL: `http://127.0.0.1:${ports[2 * index]}`,
    PEER_PORT: String(ports[2 * index + 1]),
    PEER_URL: `https://127.0.0.1:${ports[2 * index + 1]}`,
    CENTRE_URL: `https://127.0.0.1:${ports[1]}`,
    LOG_LEVEL: 'error',
    ...storeOn(servers.get(code)),
    ...(typeof environment === 'function' ? environment(code) : environment),
  });
  const environments = new Map(
    ['HQ', ...codes].map((code, index) => [code, environmentOf(code, index)]),
  );
  const running = new Map<string, Centre | Branch>();
  const nodes = new Map<string, TestNode>();

  const variablesOf = (code: string) => environments.get(code) ?? {};

  async function startNode(code: string): Promise<void> {
    const node =
      code === 'HQ'
        ? await openCentre(readCentreConfig(variablesOf(code)), centrePorts)
        : await openBranch(readBranchConfig(variablesOf(code)), branchPorts);
    await node.start();
    running.set(code, node);
  }

  async function stopNode(code: string): Promise<void> {
    const node = running.get(code);
    running.delete(code);
    await node?.stop();
  }

  async function describe(code: string): Promise<TestNode> {
    const variables = variablesOf(code);
    const url = String(variables.FRONT_URL);
    return {
      code,
      url,
      peerUrl: String(variables.PEER_URL),
      dataDir: String(variables.DATA_DIR),
      environment: variables,
      manager: await signIn(url, 'manager'),
    };
  }

  const startMachineAnew = (code: string) =>
    rmSync(String(variablesOf(code).STORE_MARK), { force: true });

  const centre = (): Centre => {
    const node = running.get('HQ');
    if (!node || !('drafts' in node)) throw new Error('head office is not running');
    return node;
  };
  const branch = (code: string): TestNode => {
    const node = nodes.get(code);
    if (!node) throw new Error(`no ${code}`);
    return node;
  };
  const runningBranch = (code: string): Branch => {
    const node = running.get(code);
    if (!node || !('payments' in node)) throw new Error(`${code} is not running`);
    return node;
  };

  async function publish(): Promise<void> {
    // What the manager changed, another person publishes.
    const deputy = await signIn(branch('HQ').url, 'deputy');
    const answer = await deputy.post('/api/v1/reference-releases', {});
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  }

  async function untilQuiet(): Promise<void> {
    await until('every stream is quiet', async () => {
      for (const node of running.values()) {
        const { outbound } = await node.federation.streams();
        if (outbound.some((stream) => stream.acknowledged < stream.position)) return false;
        if (node.federation.isRecovering()) return false;
      }
      return true;
    });
  }

  async function found(): Promise<void> {
    await startNode('HQ');
    const head = centre();
    await head.drafts.importDirectory(assetPath('reference-data'));
    await addOperator(head, { login: 'admin', role: 'centre-admin' });
    await Promise.all(codes.map((code) => enrol(head, code)));
    await head.drafts.publish({ actor: 'test' });
    await addOperator(head, { login: 'manager', role: 'centre-manager' });
    await addOperator(head, { login: 'deputy', role: 'centre-manager' });
    nodes.set('HQ', await describe('HQ'));
    await Promise.all(
      codes.map(async (code) => {
        await startNode(code);
        const node = runningBranch(code);
        await until(`${code} has a release`, () => node.references.current() !== undefined);
        await addOperator(node, { login: 'manager', role: 'branch-manager' });
        await addOperator(node, { login: 'cashier', role: 'cashier' });
        nodes.set(code, await describe(code));
      }),
    );
  }

  async function enrol(head: Centre, code: string): Promise<void> {
    const token = await head.enrolment.createToken({ code: code as NodeCode, actor: 'test' });
    const config = readBranchConfig(variablesOf(code));
    await enrolWithCentre({
      centreUrl: config.centreUrl,
      token,
      dir: config.identityDir,
      code: config.code,
      peerUrl: config.peer.url,
      frontUrl: config.front.url,
    });
  }

  const federation = {
    folder,
    branch,
    centre,
    running: runningBranch,
    stopNode,
    startNode,
    publish,
    untilQuiet,
    async backup(code: string): Promise<string> {
      const path = join(folder, `${code}-${randomUUID()}.backup`);
      await running.get(code)?.store.backup(path);
      return path;
    },
    async restore(code: string, backup: string): Promise<void> {
      if (running.has(code)) throw new Error(`${code} is still running`);
      startMachineAnew(code);
      const server = servers.get(code);
      if (server) return server.replace(backup);
      const store = join(folder, code, 'store.db');
      for (const suffix of ['-wal', '-shm']) rmSync(store + suffix, { force: true });
      copyFileSync(backup, store);
    },
    startMachineAnew,
    async loseStore(code: string): Promise<void> {
      startMachineAnew(code);
      const server = servers.get(code);
      if (server) await server.replace();
      for (const end of ['', '-wal', '-shm']) {
        rmSync(join(folder, code, `store.db${end}`), { force: true });
      }
    },
    async stop(): Promise<void> {
      await Promise.all([...running.keys()].map(stopNode));
      await Promise.all([...servers.values()].map((server) => server.kill()));
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await withKeptKeys(found);
  } catch (error) {
    await federation.stop();
    throw error;
  }
  return {
    ...federation,
    get hq() {
      return branch('HQ');
    },
    deputy: await signIn(branch('HQ').url, 'deputy'),
  };
}

/** A hash as people's passwords get takes a sixth of a second, on purpose, and so does each sign-in against it. */
const cheap = createPasswords({ ids: systemIds, cost: { N: 2, r: 1, p: 1 } });
let passwordHash: PasswordHash | undefined;

export async function addOperator(
  node: Pick<Branch, 'access' | 'store' | 'code'>,
  { login, role }: { login: string; role: string },
): Promise<void> {
  passwordHash ??= await cheap.hash(password);
  const hash = passwordHash;
  const by = { id: 'test', name: 'test', node: node.code };
  await node.store.write((tx) =>
    node.access.addOperator(tx, { login, name: login, role, passwordHash: hash, by }),
  );
}

export async function signIn(url: string, login: string): Promise<TestClient> {
  const session = await send(url, 'POST', '/api/v1/sessions', { body: { login, password } });
  if (session.status !== 201) throw new Error(`cannot sign in: ${JSON.stringify(session.body)}`);
  const authorization = `Bearer ${session.body.token}`;
  return {
    get: (path) => send(url, 'GET', path, { headers: { authorization } }),
    post: (path, body, headers) =>
      send(url, 'POST', path, {
        headers: { authorization, ...headers },
        ...(body ? { body } : {}),
      }),
    put: (path, body) => send(url, 'PUT', path, { headers: { authorization }, body }),
  };
}

export async function send(
  url: string,
  method: string,
  path: string,
  request: { headers?: Record<string, string>; body?: object | string } = {},
): Promise<Answer> {
  const { body } = request;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

/** Waits for a condition. @throws Error that names it when it takes too long. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  maxMs = waitMaxMs,
  pollMs?: number,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await condition())) {
    const waitedMs = performance.now() - startedMs;
    if (waitedMs > maxMs) throw new Error(`after ${maxMs} ms still not: ${what}`);
    await pause(pollMs ?? Math.min(pollMaxMs, pollMinMs + waitedMs / 10));
  }
}

const firstNumbers: Readonly<Record<string, number>> = {
  MSK: 79250000000,
  SPB: 79211000000,
  NSK: 79231000000,
};
let serial = 0;

/** A number of a branch's own ranges that no test used before. */
export function nextNumber(code: string): string {
  serial += 1;
  return String((firstNumbers[code] ?? 0) + serial);
}

/** A SIM card that is received into a branch's stock. */
export async function receiveSim(node: TestNode): Promise<string> {
  serial += 1;
  const digits = `897029900${String(serial).padStart(9, '0')}`;
  const iccid = digits + luhnDigit(digits);
  const imsi = `25002${String(serial).padStart(10, '0')}`;
  const answer = await node.manager.post('/api/v1/sim-cards', { cards: [{ iccid, imsi }] });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return iccid;
}

export const customer = {
  name: 'Тестов Тест',
  document: { type: 'passport-rf', number: '4501 123456' },
  address: 'Москва',
  contact: 'test@example.com',
};

/** Registers a subscriber at his home branch; answers his number. */
export async function registerSubscriber(
  node: TestNode,
  { ratePlan = 'BASIC' } = {},
): Promise<string> {
  const msisdn = nextNumber(node.code);
  await node.manager.post('/api/v1/numbers', { numbers: [msisdn] });
  const answer = await node.manager.post('/api/v1/subscribers', {
    msisdn,
    iccid: await receiveSim(node),
    ratePlan,
    customer,
  });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return msisdn;
}

export function cash(amount: string) {
  return { money: { amount, currency: 'RUB' }, tender: { kind: 'cash' } };
}
