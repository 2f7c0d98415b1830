import type { Branch } from '../../branch-node/branch.ts';
import type { Centre } from '../../central-node/centre.ts';
import { insertSession } from '../../shared/access/operator-store.ts';
import type { PasswordHash } from '../../shared/access/passwords.ts';
import { createRequest } from '../../shared/federation/certificates.ts';
import { publicKeyOf } from '../../shared/federation/identity.ts';
import { headOffice, luhnDigit, type NodeCode } from '../../shared/ids/ids.ts';
import { type DatasetName, isDatasetName } from '../../shared/reference/datasets.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { instantOf } from '../../shared/time/clock.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import { startMs } from './calendar.ts';
import { createChance } from './chance.ts';
import { slotNumber } from './disk.ts';
import { identityOf, makeKeys } from './keys.ts';
import { createMachine, type Machine, peerUrlOf, type Snapshot } from './machine.ts';
import { createNetwork } from './network.ts';
import { quickRequest } from './quick-http.ts';
import { keptTemplate } from './template-files.ts';
import { createTimeline } from './timeline.ts';
import { createTrace } from './trace.ts';

export const allBranches = ['MSK', 'SPB', 'NSK', 'EKB', 'KZN', 'ROV', 'SAM', 'KHB'] as NodeCode[];

const firstNumbers: Readonly<Record<string, number>> = {
  MSK: 79250000000,
  SPB: 79211000000,
  NSK: 79231000000,
  EKB: 79221000000,
  KZN: 79274000000,
  ROV: 79281000000,
  SAM: 79277000000,
  KHB: 79241000000,
};

const subscribersPerBranch = 3;
const subscribersInRoubles = 2;
const freeNumbersPerBranch = 6;
const cardsPerBranch = 12;

export interface Card {
  readonly iccid: string;
  readonly imsi: string;
}

/** A quiet federation with its first release, operators and subscribers: where every seed of this size begins. */
export interface Template {
  readonly codes: readonly NodeCode[];
  readonly endsAtMs: number;
  readonly snapshots: ReadonlyMap<NodeCode, Snapshot>;
  readonly numbers: ReadonlyMap<NodeCode, readonly string[]>;
  /** Those of them whose accounts are in tenge; all others are in roubles. */
  readonly inTenge: ReadonlySet<string>;
  readonly freeNumbers: ReadonlyMap<NodeCode, readonly string[]>;
  readonly cards: ReadonlyMap<NodeCode, readonly string[]>;
}

const templates = new Map<number, Promise<Template>>();

export function templateOf(branches: number): Promise<Template> {
  const known = templates.get(branches);
  if (known) return known;
  const made = keptTemplate(branches, () => build(allBranches.slice(0, branches)));
  templates.set(branches, made);
  return made;
}

export const operators = {
  branch: ['manager', 'deputy'],
  centre: ['manager', 'deputy'],
} as const;

/** Sessions are opened by name: a password takes a sixth of a second, on purpose. */
export function tokenOf(code: NodeCode, login: string): string {
  return sha256(`${code} ${login}`).slice(0, 43);
}

export async function signIn(node: Branch | Centre, login: string): Promise<void> {
  const tokenSha256 = sha256(tokenOf(node.code, login));
  await node.store.write(async (tx) => {
    const [operator] = (await node.access.operators(tx, { limit: 10 })).filter(
      (each) => each.login === login,
    );
    if (!operator) throw new Error(`no operator ${login} at ${node.code}`);
    await tx.run('DELETE FROM sessions WHERE token_sha256 = ?', tokenSha256);
    const at = instantOf(node.clock.nowMs());
    await insertSession(tx, { tokenSha256, operatorId: operator.id, source: '127.0.0.1', at });
  });
}

export interface PersonAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: who asks reads what he expects
  readonly body: any;
}

/** A person's request to the real API of a node. */
export async function askApi(
  node: Branch | Centre,
  asked: { login: string; method: string; path: string; body?: object; key?: string },
): Promise<PersonAnswer> {
  const { login, method, path, body, key } = asked;
  const response = await node.api.fetch(
    quickRequest(`http://127.0.0.1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(node.code, login)}`,
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function build(codes: readonly NodeCode[]): Promise<Template> {
  await makeKeys(allBranches);
  const timeline = createTimeline(startMs);
  const chance = createChance(`template ${codes.length}`);
  const trace = createTrace({ nowMs: timeline.nowMs, startMs, isKept: false });
  const network = createNetwork({ timeline, chance, trace });
  const machines = [headOffice, ...codes].map((code, index) => {
    const slot = slotNumber(index);
    const died = (_: NodeCode, why: string) => {
      throw new Error(`the template of ${code} failed: ${why}`);
    };
    const forked = chance.fork(code);
    const machine = createMachine({
      ...{ code, slot, timeline, network, chance: forked, trace, died },
      fault: (text) => {
        throw new Error(text);
      },
      caseGraceMs: 20_000,
    });
    machine.mount({ image: Buffer.alloc(0), sentinel: 0n });
    return machine;
  });
  const [centre, ...branches] = machines;
  if (!centre) throw new Error('no head office');
  await up(centre);
  await found(timeline, centre, codes);
  for (const branch of branches) await up(branch);
  await timeline.run(timeline.nowMs() + 40_000);
  const numbers = new Map<NodeCode, string[]>();
  const inTenge = new Set<string>();
  const freeNumbers = new Map<NodeCode, string[]>();
  const cards = new Map<NodeCode, string[]>();
  for (const branch of branches) {
    const stock = await furnish(timeline, branch);
    numbers.set(branch.code, stock.numbers);
    for (const msisdn of stock.numbers.slice(subscribersInRoubles)) inTenge.add(msisdn);
    freeNumbers.set(branch.code, stock.freeNumbers);
    cards.set(branch.code, stock.cards);
  }
  await timeline.run(timeline.nowMs() + 30_000);
  const snapshots = new Map<NodeCode, Snapshot>();
  for (const machine of machines) {
    machine.abandon();
    const { image, sentinel } = machine.snapshot();
    snapshots.set(machine.code, { image: Buffer.from(image), sentinel });
  }
  const endsAtMs = timeline.nowMs();
  return { codes, endsAtMs, snapshots, numbers, inTenge, freeNumbers, cards };

  async function up(machine: Machine): Promise<void> {
    machine.start();
    await timeline.run(timeline.nowMs() + 60_000, machine.isStarted);
    if (!machine.isStarted()) throw new Error(`${machine.code} does not start`);
  }
}

/** Cut down to what operations look at: every start of a node reads all of it. */
const firstRows: Readonly<Partial<Record<DatasetName, number>>> = {
  regions: 8,
  'foreign-numbering': 1,
};
/** A second currency beside the roubles of the reference data. */
const tengeRows: Readonly<Partial<Record<DatasetName, object>>> = {
  currencies: { code: 'KZT', decimals: 2, name: 'Тенге' },
  tenders: {
    ...{ code: 'tenge', name: 'Тенге', currency: 'KZT' },
    ...{ minAmount: '1.00', maxAmount: '100000.00', unverifiedMax: '5000.00' },
  },
  'rate-plans': {
    ...{ code: 'STEPPE', name: 'Степной', currency: 'KZT', validFrom: '2025-01-01' },
    ...{ monthlyFee: '0.00', switchFee: '0.00', services: [] },
  },
  commissions: {
    ...{ operation: 'payment', tender: 'tenge', basisPoints: 100, validFrom: '2025-01-01' },
  },
};
const keptRoles: ReadonlySet<unknown> = new Set(['branch-manager', 'centre-manager']);

async function found(
  timeline: ReturnType<typeof createTimeline>,
  machine: Machine,
  codes: readonly NodeCode[],
): Promise<void> {
  const centre = machine.centre();
  if (!centre) throw new Error('no head office');
  // It reads files: in real time.
  await importAll(timeline, centre);
  for (const code of codes) {
    const token = await timeline.until(centre.enrolment.createToken({ code, actor: 'template' }));
    const { tlsKeyPem, signingKey } = identityOf(code);
    await timeline.until(
      centre.enrolment.enrol(
        {
          code,
          token,
          csrPem: createRequest({ code, keyPem: tlsKeyPem }),
          signingJwk: publicKeyOf(signingKey),
          peerUrl: peerUrlOf(code),
          frontUrl: `https://front.${code.toLowerCase()}.example`,
        },
        'template',
      ),
    );
  }
  await timeline.until(centre.drafts.publish({ actor: 'template' }));
  await hire(timeline, centre, 'centre-manager');
}

async function importAll(
  timeline: ReturnType<typeof createTimeline>,
  centre: Centre,
): Promise<void> {
  let isDone = false;
  const work = centre.drafts.importDirectory(assetPath('reference-data')).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await timeline.settle();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await work;
  for (const [name, count] of Object.entries(firstRows)) {
    if (!isDatasetName(name)) continue;
    const rows = (await timeline.until(centre.drafts.rows(name))).slice(0, count);
    await timeline.until(centre.drafts.replaceDataset(name, rows));
  }
  for (const [name, row] of Object.entries(tengeRows)) {
    if (!isDatasetName(name)) continue;
    const rows = await timeline.until(centre.drafts.rows(name));
    await timeline.until(centre.drafts.replaceDataset(name, [...rows, row]));
  }
  const roles = await timeline.until(centre.drafts.rows('roles'));
  const kept = roles.filter(({ role }) => keptRoles.has(role));
  await timeline.until(centre.drafts.replaceDataset('roles', kept));
}

async function hire(
  timeline: ReturnType<typeof createTimeline>,
  node: Branch | Centre,
  role: string,
): Promise<void> {
  const passwordHash = 'nobody signs in with a password' as PasswordHash;
  const by = { id: 'template', name: 'template', node: node.code };
  for (const login of operators.branch) {
    await timeline.until(
      node.store.write((tx) =>
        node.access.addOperator(tx, { login, name: login, role, passwordHash, by }),
      ),
    );
    await timeline.until(signIn(node, login));
  }
}

async function furnish(timeline: ReturnType<typeof createTimeline>, machine: Machine) {
  const branch = machine.branch();
  if (!branch) throw new Error(`${machine.code} does not run`);
  await hire(timeline, branch, 'branch-manager');
  const post = async (path: string, body: object) => {
    const asked = { login: 'manager', method: 'POST', path: `/api/v1/${path}`, body };
    const answer = await timeline.until(askApi(branch, asked));
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const first = firstNumbers[machine.code] ?? 0;
  const numbers = Array.from({ length: subscribersPerBranch }, (_, index) => String(first + index));
  const freeNumbers = Array.from({ length: freeNumbersPerBranch }, (_, index) =>
    String(first + 100 + index),
  );
  await post('numbers', { numbers: [...numbers, ...freeNumbers] });
  const cards = Array.from({ length: cardsPerBranch + subscribersPerBranch }, (_, index) =>
    cardOf(machine.code, index),
  );
  await post('sim-cards', { cards });
  for (const [index, msisdn] of numbers.entries()) {
    const isInTenge = index >= subscribersInRoubles;
    await post('subscribers', {
      ...{ msisdn, iccid: cards[index]?.iccid, ratePlan: isInTenge ? 'STEPPE' : 'BASIC' },
      customer: {
        name: `Абонент ${index}`,
        document: { type: 'passport-rf', number: `${first + index}` },
      },
    });
    const money = { amount: '300.00', currency: isInTenge ? 'KZT' : 'RUB' };
    const tender = { kind: isInTenge ? 'tenge' : 'cash' };
    if (index > 0) await post('payments', { msisdn, money, tender });
  }
  return {
    numbers,
    freeNumbers,
    cards: cards.slice(subscribersPerBranch).map(({ iccid }) => iccid),
  };
}

function cardOf(code: NodeCode, index: number): Card {
  const serial = String(allBranches.indexOf(code) * 1000 + index);
  const digits = `897029900${serial.padStart(9, '0')}`;
  return { iccid: digits + luhnDigit(digits), imsi: `25002${serial.padStart(10, '0')}` };
}
