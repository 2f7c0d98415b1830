import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationRecord } from '../../../branch-node/operations/operation.ts';
import { createOperations } from '../../../branch-node/operations/operation-service.ts';
import { createNumberService } from '../../../branch-node/sim/number-service.ts';
import { createSimReplacement } from '../../../branch-node/sim/sim-replacement-operation.ts';
import { createSimService } from '../../../branch-node/sim/sim-service.ts';
import { createBlock } from '../../../branch-node/subscribers/block-operation.ts';
import { createCharges } from '../../../branch-node/subscribers/charges.ts';
import type { CustomerData } from '../../../branch-node/subscribers/customer.ts';
import { createCustomerService } from '../../../branch-node/subscribers/customer-service.ts';
import { createHomeQuestions } from '../../../branch-node/subscribers/home-questions.ts';
import {
  arrivals,
  createNumberMove,
} from '../../../branch-node/subscribers/number-move-operation.ts';
import { createPeerVisits } from '../../../branch-node/subscribers/peer-visits.ts';
import { createRatePlanChange } from '../../../branch-node/subscribers/rate-plan-change-operation.ts';
import { createRegistration } from '../../../branch-node/subscribers/registration-operation.ts';
import { createServiceChange } from '../../../branch-node/subscribers/service-change-operation.ts';
import { createSubscriberDesk } from '../../../branch-node/subscribers/subscriber-desk.ts';
import { createSubscriberDirectory } from '../../../branch-node/subscribers/subscriber-directory.ts';
import { createSubscriberPeerApp } from '../../../branch-node/subscribers/subscriber-peer-routes.ts';
import { createSubscriberService } from '../../../branch-node/subscribers/subscriber-service.ts';
import { createAudit } from '../../../shared/access/audit.ts';
import type { Principal } from '../../../shared/access/operator.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { createAlarms } from '../../../shared/federation/alarms.ts';
import { createFederation } from '../../../shared/federation/federation.ts';
import type { EntryHandler } from '../../../shared/federation/inbox.ts';
import { createPeerApp } from '../../../shared/federation/peer-routes.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { luhnDigit, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { accounts, transfer } from '../../../shared/ledger/ledger.ts';
import { post, trialBalance } from '../../../shared/ledger/ledger-store.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { releasePolicy } from '../../../shared/reference/release-policy.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Transaction } from '../../../shared/store/store.ts';
import { now, systemClock } from '../../../shared/time/clock.ts';
import { logEntry } from '../../../shared/wire/peer-messages.ts';
import {
  changeableDirectory,
  type FederationKeys,
  federationKeys,
} from '../../support/federation-keys.ts';
import { createNetwork, type Network } from './network-fixture.ts';
import { reference } from './reference-fixture.ts';

export { createNetwork, type Network } from './network-fixture.ts';

export const today = '2025-06-30';
export const msk = 'MSK' as NodeCode;
export const spb = 'SPB' as NodeCode;
export const nsk = 'NSK' as NodeCode;

const waitMaxMs = 60_000;
const waitPollMs = 2;

const migrations = {
  federation: 'shared/federation',
  ledger: 'shared/ledger',
  reconciliation: 'shared/reconciliation',
  access: 'shared/access',
  web: 'shared/web',
  operations: 'branch-node/operations',
  sim: 'branch-node/sim',
  subscribers: 'branch-node/subscribers',
};

export const ivanov: CustomerData = {
  name: 'Иванов Иван Петрович',
  document: { type: 'passport', number: '4509 123456' },
  address: 'Москва, Тверская, 1',
  contact: 'ivanov@example.org',
};

export function principal(...permissions: Permission[]): Principal {
  const set = new Set(permissions);
  const person = { operatorId: 'op-1', login: 'olga', name: 'Ольга', role: 'test' };
  const owed = { mustChangePassword: false, mustSetUpSecondFactor: false };
  const alone = { hasSecondFactor: false, needsSecondPerson: false };
  return { ...person, permissions: set, ...alone, ...owed };
}

export const clerk = principal('subscriber.read', 'subscriber.register', 'subscriber.personal');
export const by = { principal: clerk, traceId: 'trace' };

/** The `index`th SIM card of a branch's delivery. */
export function simCard(branch: number, index: number) {
  const digits = `8970199${branch}${String(index).padStart(10, '0')}`;
  return {
    iccid: digits + luhnDigit(digits),
    imsi: `25099${branch}${String(index).padStart(9, '0')}`,
  };
}

export type Branch = Awaited<ReturnType<typeof openBranch>>;

/**
 * A branch of real parts: its store, its federation, its rooms; only the wire between the nodes is
 * not TLS.
 */
export async function openBranch(node: NodeCode, network: Network, keys: FederationKeys) {
  const parts = await openNode(node, network, keys);
  const rooms = wireRooms(parts);
  const { app, federation } = parts;
  network.join(node, (request, env) => app.fetch(request, env));
  await federation.begin({ setBack: false, continues: false });
  await federation.start();
  return {
    ...parts,
    ...rooms,
    ...actionsOf({ ...parts, ...rooms }),
    async close() {
      network.leave(node);
      await federation.stop();
      await parts.removeStore();
    },
  };
}

async function openNode(node: NodeCode, network: Network, keys: FederationKeys) {
  const folder = await mkdtemp(join(tmpdir(), 'sbms-branch-'));
  const { store } = await openStore({
    url: `file:${join(folder, 'store.db')}`,
    migrations: Object.entries(migrations).map(([room, path]) => ({
      room,
      directory: `${path}/migrations`,
    })),
  });
  const clock = systemClock;
  const ids = systemIds;
  const directory = changeableDirectory(
    [msk, spb, nsk].filter((code) => code !== node).map((code) => keys.peer(code)),
  );
  const signer = createSigner(keys.identity(node));
  const headOfficeKey = keys.identity(node).headOfficeKey;
  const verifier = createVerifier({ directory, headOfficeKey });
  const client = network.clientOf(node);
  const alarms = createAlarms({ clock, report: () => {} });
  const federation = createFederation({
    ...{
      node,
      codeVersion: 'test',
      store,
      clock,
      ids,
      signer,
      verifier,
      client,
      directory,
      alarms,
    },
    ...{ release: () => reference.version, businessDate: async () => today },
  });
  const app = createPeerApp({ federation, refused: () => {} });
  const audit = createAudit({ clock, ids });
  const write = <T>(fn: (tx: Transaction) => Promise<T>): Promise<T> => store.write(fn);
  return {
    ...{ node, store, write, clock, ids, signer, verifier, client, federation, app, audit },
    async removeStore() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

function wireRooms(parts: Awaited<ReturnType<typeof openNode>>) {
  const { node, store, clock, ids, audit, federation, client, signer, verifier, app } = parts;
  const replayers = new Map<string, EntryHandler>();
  const listened = {
    ...federation,
    onReplay(kind: string, handler: EntryHandler) {
      replayers.set(kind, handler);
      federation.onReplay(kind, handler);
    },
  };
  let inForce = reference;
  let releaseAgeMs = 0;
  const base = { node, store, clock, ids, audit, reference: () => inForce };
  const customers = createCustomerService(base);
  const numbers = createNumberService(base);
  // Nobody starts here: what a start is certain of is what a test says.
  let isCertain = true;
  const certain = {
    async assertCertain() {
      if (!isCertain) throw new DomainError('past-uncertain');
    },
  };
  const sims = createSimService({ ...base, federation: certain });
  const subscribers = createSubscriberService({
    ...{ ...base, customers, numbers },
    arrivals: arrivals(() => operations),
  });
  const businessDate = async () => today;
  const operations = createOperations({
    ...{ ...base, businessDate, federation: listened, release: () => reference.version },
    homeOf: subscribers.homeOf,
    releasePolicy: () => releasePolicy(releaseAgeMs),
  });
  const charges = createCharges(base);
  const wired = { ...base, sims, numbers, subscribers, charges };
  for (const create of [
    ...[createRegistration, createSimReplacement, createRatePlanChange, createServiceChange],
    ...[createBlock, createNumberMove],
  ]) {
    operations.register(create({ ...wired, federation: certain }));
  }
  const questions = createHomeQuestions({ client, signer, clock, ids, federation });
  const subscriberDirectory = createSubscriberDirectory({ node, store, subscribers, questions });
  const desk = createSubscriberDesk({
    ...{ ...wired, operations, customers, businessDate, directory: subscriberDirectory },
  });
  const visits = createPeerVisits({ node, store, audit, verifier, clock });
  const asked = { visits, node, operations, subscribers, customers, numbers };
  app.route('/', createSubscriberPeerApp({ ...asked, federation: certain }));
  return {
    ...{ base, customers, numbers, sims, subscribers, operations, desk, questions, replayers },
    directory: subscriberDirectory,
    /** Head office has not confirmed the release since. */
    age(ms: number) {
      releaseAgeMs = ms;
    },
    /** The node starts, and has not heard from everybody. */
    doubt() {
      isCertain = false;
    },
    /** Another release comes into force here. */
    follow(release: typeof reference) {
      inForce = release;
    },
  };
}

/** What tests do at a branch. */
function actionsOf(branch: Awaited<ReturnType<typeof openNode>> & ReturnType<typeof wireRooms>) {
  const { store, write, clock, ids, numbers, sims, subscribers, operations, desk } = branch;
  return {
    /** A delivery of cards and numbers. */
    stock: (cards: { iccid: string; imsi: string }[], pool: string[] = []) =>
      write(async (tx) => {
        await sims.receive(tx, cards);
        await numbers.receive(tx, pool);
      }),
    /** As a payment would. */
    async topUp(msisdn: string, amount: bigint) {
      await write(async (tx) => {
        const { billingAccountId } = await subscribers.requireHere(tx, msisdn);
        await post(tx, {
          ...{ kind: 'payment.credited', operationId: ids.uuid(), businessDate: today },
          recordedAt: now(clock),
          postings: transfer(
            { amount, currency: 'RUB' },
            { debit: accounts.tender('cash'), credit: accounts.subscriber(billingAccountId) },
          ),
        });
      });
    },
    /** Registers at home. */
    register: (msisdn: string, iccid: string, customer = ivanov) =>
      write((tx) =>
        desk.register(
          tx,
          { msisdn, iccid, ratePlan: 'BASIC', whose: { customer } },
          { by, elsewhere: undefined },
        ),
      ),
    card: (msisdn: string) => store.read((tx) => subscribers.cardOf(tx, msisdn, clerk.permissions)),
    simState: async (iccid: string) => (await store.read((tx) => sims.find(tx, iccid)))?.state,
    balances: async () =>
      Object.fromEntries(
        (await store.read(trialBalance)).map(({ account, balance }) => [account, balance]),
      ),
    /** Waits until the operation is concluded here. */
    concluded: (id: string): Promise<OperationRecord> =>
      until(async () => {
        const record = await store.read((tx) => operations.store.find(tx, id));
        return record?.state === 'concluded' ? record : undefined;
      }),
    ownEntries: async () => {
      const rows = await store.read((tx) =>
        tx.all<{ entry: string }>('SELECT entry FROM log_entries ORDER BY id'),
      );
      return rows.map(({ entry }) => logEntry.parse(JSON.parse(entry)));
    },
  };
}

/** MSK and SPB, connected. */
export async function openBranches() {
  const keys = await federationKeys([msk, spb, nsk]);
  const network = createNetwork();
  const at = {
    msk: await openBranch(msk, network, keys),
    spb: await openBranch(spb, network, keys),
  };
  return {
    ...at,
    ...{ network, keys },
    close: () => Promise.all([at.msk.close(), at.spb.close()]),
  };
}

export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + waitMaxMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error('the condition did not come true');
    await pause(waitPollMs);
  }
}
