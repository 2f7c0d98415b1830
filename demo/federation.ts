import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { assetPath } from '../shared/store/assets.ts';
import { replaceFile } from '../shared/store/durable-file.ts';
import { type ApiClient, made, signIn } from './api-client.ts';
import { type Crew, createCrew } from './crew.ts';
import {
  type DemoNode,
  describeNode,
  type Place,
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

export interface DemoFederation {
  readonly nodes: readonly DemoNode[];
  readonly file: string;
  /**
   * Brings the federation up: what it finds it starts again, what it does not find it makes, with the commands and calls
   * that an operator of real nodes has. @throws Error when it did not come up; nothing runs then.
   */
  start(): Promise<void>;
  /** At any time, of a start that is under way too. */
  stop(): Promise<void>;
}

/** @param placeOf on this machine, at its loopback address, unless it says where else. */
export function createFederation(
  options: StartOptions,
  say: (line: string) => void,
  placeOf: (code: string) => Place | undefined = () => undefined,
): DemoFederation {
  const { dataDir } = options;
  const file = join(dataDir, 'federation.json');
  const nodes = describe(options, placeOf);
  const crew = createCrew();
  // Until then everything in the folder may be another demo's.
  let isOurs = false;
  let stopped: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    crew.close();
    if (!isOurs) return;
    await rm(file, { force: true });
    await Promise.all(nodes.map(stopNode));
    await crew.dismiss();
  }

  function stop(): Promise<void> {
    stopped ??= stopAll();
    return stopped;
  }

  async function start(): Promise<void> {
    await Promise.all(nodes.map(assertFree));
    isOurs = true;
    if (options.fresh) await rm(dataDir, { recursive: true, force: true });
    await mkdir(dataDir, { recursive: true });
    await rm(file, { force: true });
    if (await checkState(options)) await found(nodes, { options, crew, say });
    else await startAll(nodes, crew);
    await writeFile(join(dataDir, stateFile), JSON.stringify(stateOf(options)));
    // Programs wait for this file: it appears whole.
    const description = `${JSON.stringify(describeAll(dataDir, nodes), null, 2)}\n`;
    replaceFile(file, Buffer.from(description));
  }

  return {
    nodes,
    file,
    stop,
    start: () =>
      start().catch(async (error) => {
        await stop();
        throw error;
      }),
  };
}

const stateFile = 'demo.json';
const stateOf = ({ branches, portBase }: StartOptions): DemoState => ({ branches, portBase });

function describe(
  { dataDir, branches, portBase }: StartOptions,
  placeOf: (code: string) => Place | undefined,
): DemoNode[] {
  const centreHost = placeOf('HQ')?.host ?? '127.0.0.1';
  const centrePeerUrl = `https://${centreHost}:${portsOf(portBase, 0).peer}`;
  return ['HQ', ...branches].map((code, index) =>
    describeNode({
      code,
      role: index === 0 ? 'centre' : 'branch',
      dataDir,
      ports: portsOf(portBase, index),
      centrePeerUrl,
      place: placeOf(code),
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

/** @throws Error when the node runs, at whatever address, or another program has one of its ports. */
async function assertFree(node: DemoNode): Promise<void> {
  const pid = runningPid(node);
  if (pid !== undefined) throw new Error(`${node.code} runs: process ${pid} is that node`);
  for (const url of [node.url, node.peerUrl]) {
    const port = Number(new URL(url).port);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (!isFree) throw new Error(`port ${port} of ${node.code} is taken: give another --port-base`);
  }
}

interface Founding {
  readonly options: StartOptions;
  readonly crew: Crew;
  readonly say: (line: string) => void;
}

async function found(nodes: readonly DemoNode[], founding: Founding): Promise<void> {
  const { options, crew, say } = founding;
  const [centre, ...branches] = nodes;
  if (!centre) throw new Error('no head office');
  say('Head office: certificate authority, reference data, first administrator');
  await runCli(centre, { args: ['import', assetPath('reference-data')], crew });
  if (options.numbering) await importNumbering(centre, options.numbering, crew);
  await addAdministrator(centre, crew);
  await untilAnswers(centre, '/livez', await startNode(centre, crew));
  const head = await signIn(centre.url, administratorOf(centre));

  say(`Branches: ${branches.map(({ code }) => code).join(', ')} enrol`);
  await Promise.all(branches.map((branch) => enrol(branch, head, crew)));
  const plan = await firstNumbers(head);
  say('Reference data: the first release is published');
  made(await head.post('/api/v1/reference-releases'), 'publishing the first release');

  say('Branches start, and get their staff, stock and first subscribers');
  await Promise.all([
    addStaff(centre, head),
    ...branches.map(async (branch, branchIndex) => {
      await addAdministrator(branch, crew);
      await untilAnswers(branch, '/readyz', await startNode(branch, crew));
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

async function startAll(nodes: readonly DemoNode[], crew: Crew): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => untilAnswers(node, '/readyz', await startNode(node, crew))),
  );
}

async function importNumbering(centre: DemoNode, file: string, crew: Crew): Promise<void> {
  const regions = assetPath('reference-data/numbering-regions.csv');
  const args = ['import-numbering', file, '--inn', operatorInn, '--regions', regions];
  await runCli(centre, { args, crew });
}

/** Enters before there is a release, when only this role means anything. */
async function addAdministrator(node: DemoNode, crew: Crew): Promise<void> {
  const { login, name, role, password } = administratorOf(node);
  const args = ['add-operator', '--login', login, '--name', name, '--role', role];
  await runCli(node, { args, input: password, crew });
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
    const answer = await administrator.post('/api/v1/operators', {
      ...{ login, name, role, password },
      temporary: false,
    });
    made(answer, `adding ${login}`);
  };
  await Promise.all(staff.map(add));
}

async function enrol(branch: DemoNode, head: ApiClient, crew: Crew): Promise<void> {
  const { code } = branch;
  const { token } = made(await head.post('/api/v1/enrolment-tokens', { code }), `inviting ${code}`);
  await runCli(branch, { args: ['enrol', '--token', '-'], input: String(token), crew });
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

function describeAll(dataDir: string, nodes: readonly DemoNode[]): object {
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
