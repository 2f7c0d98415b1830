import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { assetPath } from '../shared/store/assets.ts';
import { type ApiClient, made, signIn } from './api-client.ts';
import {
  type DemoNode,
  describeNode,
  runCli,
  runningPid,
  startNode,
  stopNode,
  untilAnswers,
} from './node-process.ts';
import { portsOf, type StartOptions } from './options.ts';
import { seedBranch } from './seed.ts';
import { type DemoOperator, staffOf } from './staff.ts';

const subscribersPerBranch = 24;
const spareStock = 200;
const operatorInn = '7812014560';

/** What the state in a data folder was made with; another shape of federation needs `--fresh`. */
interface DemoState {
  readonly branches: readonly string[];
  readonly portBase: number;
}

export interface RunningFederation {
  readonly nodes: readonly DemoNode[];
  readonly file: string;
  stop(): Promise<void>;
}

/**
 * Brings the federation up: what it finds it starts again, what it does not find it makes, with the commands and calls
 * that an operator of real nodes has.
 */
export async function startFederation(
  options: StartOptions,
  say: (line: string) => void,
): Promise<RunningFederation> {
  const { dataDir } = options;
  const file = join(dataDir, 'federation.json');
  const nodes = describe(options);
  await Promise.all(nodes.map(assertFree));
  if (options.fresh) await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  await rm(file, { force: true });
  const isNew = await checkState(options);
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    await rm(file, { force: true });
    await Promise.all(nodes.map(stopNode));
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  };
  try {
    if (isNew) await found(nodes, { options, children, say });
    else await startAll(nodes, children);
    await writeFile(join(dataDir, stateFile), JSON.stringify(stateOf(options)));
    await writeFile(file, `${JSON.stringify(await describeAll(dataDir, nodes), null, 2)}\n`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, file, stop };
}

const stateFile = 'demo.json';
const stateOf = ({ branches, portBase }: StartOptions): DemoState => ({ branches, portBase });

function describe({ dataDir, branches, portBase }: StartOptions): DemoNode[] {
  const centrePeerUrl = `https://127.0.0.1:${portsOf(portBase, 0).peer}`;
  return ['HQ', ...branches].map((code, index) =>
    describeNode({
      code,
      role: index === 0 ? 'centre' : 'branch',
      dataDir,
      ports: portsOf(portBase, index),
      centrePeerUrl,
    }),
  );
}

/** @returns whether the data folder is empty. @throws Error if it holds another federation. */
async function checkState(options: StartOptions): Promise<boolean> {
  const path = join(options.dataDir, stateFile);
  if (!existsSync(path)) {
    if (!existsSync(join(options.dataDir, 'HQ'))) return true;
    throw new Error(`${options.dataDir} holds a federation that was never finished: use --fresh`);
  }
  const found = await readFile(path, 'utf8');
  if (found === JSON.stringify(stateOf(options))) return false;
  throw new Error(
    `${options.dataDir} holds a federation made with other options (${found}): give the same ones, or --fresh`,
  );
}

async function assertFree(node: DemoNode): Promise<void> {
  for (const url of [node.url, node.peerUrl]) {
    const port = Number(new URL(url).port);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) continue;
    const pid = runningPid(node);
    const hint = pid === undefined ? 'give another --port-base' : `process ${pid} is that node`;
    throw new Error(`port ${port} of ${node.code} is taken: ${hint}`);
  }
}

interface Founding {
  readonly options: StartOptions;
  readonly children: ChildProcess[];
  readonly say: (line: string) => void;
}

async function found(nodes: readonly DemoNode[], founding: Founding): Promise<void> {
  const { options, children, say } = founding;
  const [centre, ...branches] = nodes;
  if (!centre) throw new Error('no head office');
  say('Head office: certificate authority, reference data, first administrator');
  await runCli(centre, ['import', assetPath('reference-data')]);
  if (options.numbering) await importNumbering(centre, options.numbering);
  await addAdministrator(centre);
  await untilAnswers(centre, '/livez', await launch(centre, children));
  const head = await signIn(centre.url, administratorOf(centre));

  say(`Branches: ${branches.map(({ code }) => code).join(', ')} enrol`);
  await Promise.all(branches.map((branch) => enrol(branch, head)));
  const plan = await firstNumbers(head);
  say('Reference data: the first release is published');
  made(await head.post('/api/v1/reference-releases'), 'publishing the first release');

  say('Branches start, and get their staff, stock and first subscribers');
  await Promise.all([
    addStaff(centre, head),
    ...branches.map(async (branch, branchIndex) => {
      await addAdministrator(branch);
      await untilAnswers(branch, '/readyz', await launch(branch, children));
      await addStaff(branch, await signIn(branch.url, administratorOf(branch)));
      await seedBranch(await signIn(branch.url, credentialsOf(branch, 'manager')), {
        branchIndex,
        firstNumber: plan.get(branch.code) ?? 0,
        firstSerial: 1,
        subscribers: subscribersPerBranch,
        spare: spareStock,
      });
    }),
  ]);
}

async function startAll(nodes: readonly DemoNode[], children: ChildProcess[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => untilAnswers(node, '/readyz', await launch(node, children))),
  );
}

async function launch(node: DemoNode, children: ChildProcess[]): Promise<ChildProcess> {
  const child = await startNode(node);
  children.push(child);
  return child;
}

async function importNumbering(centre: DemoNode, file: string): Promise<void> {
  const regions = assetPath('reference-data/numbering-regions.csv');
  await runCli(centre, ['import-numbering', file, '--inn', operatorInn, '--regions', regions]);
}

/** Enters before there is a release, when only this role means anything. */
async function addAdministrator(node: DemoNode): Promise<void> {
  const { login, name, role, password } = administratorOf(node);
  const args = ['add-operator', '--login', login, '--name', name, '--role', role];
  await runCli(node, args, password);
}

function administratorOf(node: DemoNode) {
  return credentialsOf(node, 'admin');
}

function credentialsOf(node: DemoNode, login: string) {
  const operator = staffOf(node).find((each) => each.login === login);
  if (!operator) throw new Error(`the demo has no ${login}`);
  return operator;
}

async function addStaff(node: DemoNode, administrator: ApiClient): Promise<void> {
  const staff = staffOf(node).filter(({ login }) => login !== 'admin');
  const add = async ({ login, name, role, password }: DemoOperator): Promise<void> => {
    const answer = await administrator.post('/api/v1/operators', { login, name, role, password });
    made(answer, `adding ${login}`);
  };
  await Promise.all(staff.map(add));
}

async function enrol(branch: DemoNode, head: ApiClient): Promise<void> {
  const { code } = branch;
  const { token } = made(await head.post('/api/v1/enrolment-tokens', { code }), `inviting ${code}`);
  await runCli(branch, ['enrol', '--token', '-'], String(token));
}

/** The first number of each branch's first range. */
async function firstNumbers(head: ApiClient): Promise<Map<string, number>> {
  const path = '/api/v1/reference-draft/datasets/numbering-plan';
  const { rows } = made(await head.get(path), 'reading the numbering plan');
  const first = new Map<string, number>();
  for (const row of rows as { from: string; branch: string }[]) {
    if (!first.has(row.branch)) first.set(row.branch, Number(row.from));
  }
  return first;
}

async function describeAll(dataDir: string, nodes: readonly DemoNode[]): Promise<object> {
  return {
    ready: true,
    ca: join(dataDir, 'HQ', 'identity', 'ca.pem'),
    nodes: nodes.map((node) => {
      const { code, role, url, peerUrl, store, start } = node;
      const operators = staffOf(node).map(({ login, password, role: operatorRole }) => ({
        login,
        password,
        role: operatorRole,
      }));
      return { code, role, url, peerUrl, pid: runningPid(node), store, start, operators };
    }),
  };
}
