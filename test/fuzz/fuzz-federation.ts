import { randomUUID } from 'node:crypto';
import type { Branch } from '../../branch-node/branch.ts';
import type { Centre } from '../../central-node/centre.ts';
import { luhnDigit } from '../../shared/ids/ids.ts';
import {
  addOperator,
  cash,
  customer,
  nextNumber,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { type AnswerBench, createAnswerBench } from './answer-bench.ts';
import { canaries } from './judge.ts';
import { createVocabulary, type Vocabulary } from './vocabulary.ts';
import { createStoreWatch, type StoreWatch } from './watched-store.ts';

const password = 'correct horse battery';
/** Guessing is nobody's aim here: what is slow on purpose would only make inputs fewer. */
const passwordCost = { N: 2, r: 1, p: 1 };
const codes = ['MSK', 'SPB', 'NSK'];
const spares = Array.from({ length: 40 }, (_, index) => index);
export type FuzzedCode = 'MSK' | 'HQ';

/** A federation in the middle of its business, with one branch away, whose stores are watched. */
export interface FuzzFederation {
  readonly federation: TestFederation;
  readonly watch: StoreWatch;
  readonly bench: AnswerBench;
  readonly vocabulary: Vocabulary;
  node(code: FuzzedCode): Branch | Centre;
  /** A session that may do this; made again when the last one ended. */
  tokenFor(code: FuzzedCode, role: string): Promise<string>;
  forget(token: string): void;
}

export async function startFuzzFederation(): Promise<FuzzFederation> {
  const watch = createStoreWatch();
  const bench = createAnswerBench();
  const environment = { CASE_GRACE_MS: '500' };
  const ports = { ...watch.ports, ...bench.ports, passwordCost };
  const federation = await startFederation(codes, environment, ports, ports);
  const vocabulary = createVocabulary();
  const node = (code: FuzzedCode) =>
    code === 'HQ' ? federation.centre() : federation.running(code);
  const tokens = new Map<string, string>();
  const pending = new Map<string, Promise<string>>();

  async function signIn(code: FuzzedCode, role: string): Promise<string> {
    const login = `fuzz-${randomUUID().slice(0, 8)}`;
    vocabulary.refuse(login);
    await addOperator(node(code), { login, role });
    const { token } = await node(code).access.signIn({ login, password, source: login });
    return token;
  }

  await doBusiness(federation, vocabulary);
  return {
    federation,
    watch,
    bench,
    vocabulary,
    node,
    async tokenFor(code, role) {
      const key = `${code} ${role}`;
      const known = tokens.get(key);
      if (known !== undefined) return known;
      const made = pending.get(key) ?? signIn(code, role);
      pending.set(key, made);
      const token = await made;
      pending.delete(key);
      tokens.set(key, token);
      return token;
    },
    forget(token) {
      for (const [key, known] of tokens) if (known === token) tokens.delete(key);
    },
  };
}

/** Subscribers, payments, money in suspense, a settlement, a case: something to be named for every list. */
async function doBusiness(federation: TestFederation, vocabulary: Vocabulary): Promise<void> {
  const { manager } = federation.branch('MSK');
  const post = async (path: string, body: object = {}, client = manager) => {
    const answer = await client.post(path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  for (const word of ['manager', 'deputy', 'admin', 'cashier']) vocabulary.refuse(word);
  for (const code of ['MSK', 'HQ'] as const) {
    const node = code === 'HQ' ? federation.centre() : federation.running(code);
    await addOperator(node, {
      login: 'victim',
      role: code === 'HQ' ? 'centre-manager' : 'cashier',
    });
  }
  const own: string[] = [];
  for (const code of ['MSK', 'MSK', 'MSK', 'SPB', 'NSK']) {
    own.push(await registerSubscriber(federation.branch(code)));
  }
  vocabulary.add(numberOf('SPB'), own[3] ?? '');
  for (const msisdn of own) await post('/api/v1/payments', { msisdn, ...cash('300.00') });
  const { operationId } = await post('/api/v1/payments', { msisdn: own[0], ...cash('20.00') });
  const { body: receipt } = await manager.get(`/api/v1/payments/${operationId}/receipt`);
  vocabulary.add('code', String(receipt.code));
  await post('/api/v1/numbers', { numbers: spares.map(() => nextNumber('MSK')) });
  await post('/api/v1/sim-cards', { cards: spares.map(spareCard) });
  await federation.untilQuiet();
  await settle(federation);

  await federation.stopNode('NSK');
  await post('/api/v1/payments', { msisdn: nextNumber('NSK'), ...cash('40.00') });
  await federation.startNode('NSK');
  await until('money waits in suspense', async () => {
    return (await manager.get('/api/v1/suspense')).body.items.length > 0;
  });
  await federation.untilQuiet();
  await federation.stopNode('NSK');
  await post('/api/v1/payments', { msisdn: own[4], ...cash('50.00') });
  await until('a case is open', async () => {
    return (await federation.hq.manager.get('/api/v1/cases')).body.items.length > 0;
  });
  const [name = '', number = '', address = '', contact = ''] = canaries;
  const { type } = customer.document;
  for (const [key, word] of Object.entries({ name, number, address, contact, type })) {
    vocabulary.add(key, word);
  }
  for (const kind of ['cash', 'card']) vocabulary.add('tender.kind', kind);
  for (const reason of ['customer-request', 'fraud']) vocabulary.add('reason', reason);
  const { body: card } = await manager.get(`/api/v1/subscribers/${own[0]}`);
  vocabulary.add('customers.number', card.customer.number);
  const release = await federation.centre().references.highest();
  for (const { sha256 } of Object.values(release?.manifest.datasets ?? {})) {
    vocabulary.add('sha256', sha256);
  }
  vocabulary.add('password', password);
  vocabulary.add('login', 'victim');
}

/** Under which name a subscriber's number of a branch is kept. */
export const numberOf = (code: string): string => `a number of ${code}`;

function spareCard(index: number): { iccid: string; imsi: string } {
  const digits = `897029955${String(index).padStart(9, '0')}`;
  return { iccid: digits + luhnDigit(digits), imsi: `25009${String(index).padStart(10, '0')}` };
}

/** One settlement that is made and approved, and one that waits for its checker. */
async function settle(federation: TestFederation): Promise<void> {
  const hq = federation.hq.manager;
  for (const isApproved of [true, false]) {
    const { body: windows } = await hq.get('/api/v1/settlement-windows');
    const open = windows.items.find(({ state }: { state: string }) => state === 'OPEN');
    if (!open) return;
    await hq.post(`/api/v1/settlement-windows/${open.id}/close`);
    const { body: made } = await hq.post('/api/v1/settlements', { windowIds: [open.id] });
    if (isApproved) await federation.deputy.post(`/api/v1/settlements/${made.id}/approval`);
  }
}
