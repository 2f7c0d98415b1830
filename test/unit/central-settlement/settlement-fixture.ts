import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOperations } from '../../../branch-node/operations/operation-service.ts';
import { createCancellationOperation } from '../../../branch-node/payments/cancellation-operation.ts';
import { createPaymentOperation } from '../../../branch-node/payments/payment-operation.ts';
import { createPayouts } from '../../../branch-node/payments/payout-service.ts';
import { registerCases } from '../../../branch-node/settlement/case-service.ts';
import { createSettlements as createOwnSettlements } from '../../../branch-node/settlement/settlement-service.ts';
import { registerCollection } from '../../../central-node/collection/collection-service.ts';
import { proposalIdOf } from '../../../central-node/reconciliation/case.ts';
import { createCases } from '../../../central-node/reconciliation/case-service.ts';
import { createReconciliation } from '../../../central-node/reconciliation/reconciliation-service.ts';
import { createMovedNumbers } from '../../../central-node/reference/moved-number-service.ts';
import { createLostDecisions } from '../../../central-node/settlement/lost-decisions.ts';
import type { LostPricingDeps } from '../../../central-node/settlement/lost-pricing.ts';
import { createLostSettlements } from '../../../central-node/settlement/lost-settlements.ts';
import { createObligations } from '../../../central-node/settlement/obligation-service.ts';
import type { Person } from '../../../central-node/settlement/settlement.ts';
import { settlementPeerRoutes } from '../../../central-node/settlement/settlement-peer-routes.ts';
import { createSettlements } from '../../../central-node/settlement/settlement-service.ts';
import { createAudit } from '../../../shared/access/audit.ts';
import { createAlarms } from '../../../shared/federation/alarms.ts';
import { createFederation, type Federation } from '../../../shared/federation/federation.ts';
import type { EntryHandler } from '../../../shared/federation/inbox.ts';
import { createPeerApp } from '../../../shared/federation/peer-routes.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { headOffice, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { ledgerFaults, trialBalance } from '../../../shared/ledger/ledger-store.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { buildReference, type Reference } from '../../../shared/reference/reference.ts';
import { releasePolicy } from '../../../shared/reference/release-policy.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Transaction } from '../../../shared/store/store.ts';
import { type LogEntry, logEntry } from '../../../shared/wire/peer-messages.ts';
import {
  changeableDirectory,
  type FederationKeys,
  shiftableClock,
} from '../../support/federation-keys.ts';
import { headOfficeSumFaults } from '../../support/head-office-sums.ts';
import type { Network } from '../branch-subscribers/branches-fixture.ts';

export const today = '2025-06-30';
export const msk = 'MSK' as NodeCode;
export const spb = 'SPB' as NodeCode;
export const nsk = 'NSK' as NodeCode;
export const graceMs = 60_000;
export const maker = { id: 'person-1', name: 'Николай Фёдоров' };
export const checker = { id: 'person-2', name: 'Юлия Белова' };

/** The first digits of a branch's numbers. */
const ranges: Record<string, NodeCode> = { '7925': msk, '7921': spb, '7923': nsk };

const pricedIn = (currency = 'RUB') => ({ currency, validFrom: '2025-01-01' });

/** A card in a SIM replacement costs 45.00, a service 30.00; each branch may owe 1,000.00. */
export const referenceWith = (terms: {
  version: number;
  cashBasisPoints: number;
  feeCurrency?: string;
  cardPrice?: string;
  servicePrice?: string;
}) =>
  buildReference({
    version: terms.version,
    effectiveFrom: '2025-01-01T00:00:00.000Z',
    datasets: {
      branches: [msk, spb, nsk].map((code) => ({
        ...{ code, name: `Филиал ${code}`, region: code, timeZone: 'Europe/Moscow' },
        ...{ revokedSerials: [], active: false },
        netDebitCap: { amount: '1000.00', currency: 'RUB' },
      })),
      tariffs: [
        {
          action: 'sim-card',
          amount: terms.cardPrice ?? '45.00',
          payer: 'home-branch',
          ...pricedIn(terms.feeCurrency),
        },
        {
          action: 'cross-branch-service',
          amount: terms.servicePrice ?? '30.00',
          payer: 'home-branch',
          ...pricedIn(terms.feeCurrency),
        },
      ],
      commissions: [
        {
          operation: 'payment',
          tender: 'cash',
          basisPoints: terms.cashBasisPoints,
          validFrom: '2025-01-01',
        },
      ],
      currencies: [{ code: 'RUB', decimals: 2, name: 'Рубль' }],
      ...{ 'numbering-plan': [], 'foreign-numbering': [], 'ported-numbers': [] },
      ...{ 'rate-plans': [], services: [], tenders: [], roles: [], reasons: [] },
      ...{ 'document-types': [], regions: [], 'node-keys': [], authorities: [] },
    },
  });

/** Cash earns 1.5 %. */
export const reference = referenceWith({ version: 3, cashBasisPoints: 150 });

interface NodeOptions {
  readonly node: NodeCode;
  readonly network: Network;
  readonly keys: FederationKeys;
  readonly branches: readonly NodeCode[];
  /** Members no more. */
  readonly cutOff?: ReadonlySet<NodeCode>;
  /** Where a number is, if not where its range is. */
  readonly movedTo?: (msisdn: string) => NodeCode | undefined;
  /** An old copy of its store. */
  readonly backup?: string;
  /** A libSQL server for its store instead of a file. */
  readonly server?: { readonly url: string; readonly adminUrl: string };
}

/** What every node is made of here: all of it real but the wire between them, which is not TLS. */
async function openParts(
  { node, network, keys, branches, backup, server }: NodeOptions,
  rooms: Readonly<Record<string, string>>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'sbms-settlement-'));
  if (backup !== undefined) await copyFile(backup, join(folder, 'store.db'));
  const { store } = await openStore({
    ...(server ?? { url: `file:${join(folder, 'store.db')}` }),
    migrations: Object.entries(rooms).map(([room, path]) => ({
      room,
      directory: `${path}/migrations`,
    })),
  });
  const clock = shiftableClock();
  const ids = systemIds;
  const others = [headOffice, ...branches].filter((code) => code !== node);
  const directory = changeableDirectory(others.map((code) => keys.peer(code)));
  const signer = createSigner(keys.identity(node));
  const { headOfficeKey } = keys.identity(node);
  // What a node itself once signed it knows as its own.
  const own = { ...directory, peer: (code: NodeCode) => directory.peer(code) ?? keys.peer(code) };
  const verifier = createVerifier({ directory: own, headOfficeKey });
  const client = network.clientOf(node);
  const alarms = createAlarms({ clock, report: () => {} });
  const businessDate = async () => today;
  const federation = createFederation({
    ...{ node, codeVersion: 'test', store, clock, ids, signer, verifier, client, directory },
    ...{ alarms, release: () => reference.version, businessDate },
  });
  const app = createPeerApp({ federation, refused: () => {} });
  network.join(node, (request, env) => app.fetch(request, env));
  return {
    ...{ node, folder, store, clock, ids, client, alarms, federation, app, businessDate },
    write: <T>(fn: (tx: Transaction) => Promise<T>): Promise<T> => store.write(fn),
    /** Balances by account, those of zero left out. */
    async balances(): Promise<Record<string, bigint>> {
      const rows = await store.read(trialBalance);
      const standing = rows.filter(({ balance }) => balance !== 0n);
      return Object.fromEntries(standing.map(({ account, balance }) => [account, balance]));
    },
    ledgerFaults: () => store.read(ledgerFaults),
    /** What this node has logged of a kind, oldest first. */
    async logged(kind: string): Promise<LogEntry[]> {
      const rows = await store.read((tx) =>
        tx.all<{ entry: string }>('SELECT entry FROM log_entries WHERE kind = ? ORDER BY id', kind),
      );
      return rows.map(({ entry }) => logEntry.parse(JSON.parse(entry)));
    },
    async close(): Promise<void> {
      network.leave(node);
      await federation.stop();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

const sharedRooms = {
  federation: 'shared/federation',
  ledger: 'shared/ledger',
  'leg-totals': 'shared/reconciliation',
  access: 'shared/access',
  web: 'shared/web',
};

interface HeadOfficeOptions extends Omit<NodeOptions, 'node'> {
  readonly away?: ReadonlySet<NodeCode>;
  /** Nobody says what an earlier start of it may have done. Else it is certain, though nobody is there. */
  readonly isUncertain?: boolean;
  /** Have not said yet what they hold of head office. */
  readonly silent?: ReadonlySet<NodeCode>;
  /** The release in force. */
  readonly release?: Reference;
  /** What was in force then; else the release that is `reference`. */
  readonly termsBetween?: LostPricingDeps['termsBetween'];
}

export async function openHeadOffice(options: HeadOfficeOptions) {
  const parts = await openParts(
    { ...options, node: headOffice },
    {
      ...sharedRooms,
      reconciliation: 'central-node/reconciliation',
      settlement: 'central-node/settlement',
    },
  );
  const { clock, ids, alarms, client, store, app } = parts;
  const businessDate = () => today;
  const replayers = new Map<string, EntryHandler>();
  const federation: Federation = {
    ...parts.federation,
    assertCertain: async (tx) => {
      if (options.isUncertain) return parts.federation.assertCertain(tx);
      if (parts.federation.isRecovering()) throw new DomainError('recovering');
    },
    // Nobody says here what he holds.
    recovery: {
      ...parts.federation.recovery,
      hasTold: (peer) => options.silent?.has(peer) !== true,
    },
    onReplay(kind, handler) {
      replayers.set(kind, handler);
    },
  };
  const obligations = createObligations({
    ...{ clock, ids, alarms, businessDate },
    reference: () => options.release ?? reference,
    assertCertain: federation.assertCertain,
  });
  const settlements = createSettlements({
    ...{ store, clock, ids, federation, obligations, businessDate },
  });
  const isMember = (code: NodeCode) => !options.cutOff?.has(code);
  const isReachable = (code: NodeCode) => !options.away?.has(code);
  const cases = createCases({ clock, ids, federation, obligations, businessDate });
  const reconciliation = createReconciliation({ clock, federation, cases, obligations, graceMs });
  const lostSettlements = createLostSettlements({
    ...{ store, client, federation, obligations, settlements, isMember, isReachable },
    settleAdjusted: reconciliation.settleAdjusted,
    wasAdjusted: reconciliation.wasAdjusted,
    agreed: reconciliation.agreed,
    executed: reconciliation.executed,
    termsBetween: options.termsBetween ?? (async () => [{ until: undefined, terms: reference }]),
  });
  const lostDecisions = createLostDecisions({
    ...{ clock, ids, lostSettlements, isMember, isReachable },
    isRecovering: federation.isRecovering,
  });
  // No number moves here.
  const movedNumbers = createMovedNumbers({ reference: () => undefined });
  const compareRelease = async () => {};
  registerCollection({ federation, reconciliation, settlements, movedNumbers, compareRelease });
  settlementPeerRoutes(app, { store, settlements });
  const audit = createAudit({ clock, ids });
  await federation.begin({ setBack: false, continues: false });
  await federation.start();
  return {
    ...{ ...parts, obligations, settlements, lostSettlements, lostDecisions },
    ...{ cases, reconciliation, audit },
    /** Of its book, and of the sums that it keeps beside it. */
    faults: async () => [...(await parts.ledgerFaults()), ...(await headOfficeSumFaults(store))],
    /** Approves what is proposed, as it stands. */
    approveCase: ({ id, actor }: { id: string; actor: Person }) =>
      parts.write(async (tx) => {
        const proposal = proposalIdOf(await cases.find(tx, id)) ?? '';
        return cases.approve(tx, { id, proposal, actor });
      }),
    /** Does again what it forgot, as its recovery does. */
    async replay(...entries: LogEntry[]): Promise<void> {
      for (const entry of entries) {
        await parts.write(async (tx) => replayers.get(entry.kind)?.(tx, entry));
      }
    },
    /** Takes a branch's entries as its stream would bring them. */
    async tell(...entries: LogEntry[]): Promise<void> {
      for (const entry of entries) await parts.write((tx) => reconciliation.take(tx, entry));
    },
  };
}
export type HeadOffice = Awaited<ReturnType<typeof openHeadOffice>>;

/** A branch that takes payments, whose subscribers are whoever has a number of its range. */
export async function openBranch(options: NodeOptions) {
  const parts = await openParts(options, {
    ...sharedRooms,
    operations: 'branch-node/operations',
    payments: 'branch-node/payments',
    'business-days': 'branch-node/business-days',
    settlement: 'branch-node/settlement',
  });
  const { node, store, clock, ids, federation, client, businessDate } = parts;
  const operations = createOperations({
    ...{ node, store, clock, ids, federation, businessDate },
    release: () => reference.version,
    releasePolicy: () => releasePolicy(0),
    homeOf: async (_tx, msisdn) => homeOf(msisdn),
  });
  const payouts = createPayouts({
    ...{ node, store, clock, federation, operations, businessDate },
    witness: () => headOffice,
  });
  const wired = { clock, operations: operations.store, payouts };
  operations.register(
    createPaymentOperation({
      ...{ ...wired, node, start: federation.log.epoch, isCertain: federation.isCertain },
      requireHere: async (_tx, msisdn) => {
        const movedTo = options.movedTo?.(msisdn);
        if ((movedTo ?? homeOf(msisdn)) === node)
          return { billingAccountId: msisdn, currency: 'RUB' };
        if (movedTo) throw new DomainError('subscriber-moved', undefined, { members: { movedTo } });
        throw new DomainError('unknown-number');
      },
    }),
  );
  operations.register(createCancellationOperation(wired));
  registerCases({ federation });
  const settlements = createOwnSettlements({
    ...{ node, store, clock, client, federation, businessDate },
    operations: operations.store,
    isMember: (code) => !options.cutOff?.has(code),
  });
  await federation.begin({ setBack: false, continues: false });
  await federation.start();
  const actor = { id: 'op-1', name: 'Ольга' };
  return {
    ...{ ...parts, operations, payouts, settlements },
    pay: (msisdn: string, amount: string) =>
      parts.write((tx) =>
        operations.accept(tx, {
          ...{ kind: 'payment', msisdn, actor },
          request: { money: { amount, currency: 'RUB' }, tender: { kind: 'cash' } },
        }),
      ),
    cancel: (payment: string, msisdn: string, amount: string) =>
      parts.write((tx) =>
        operations.accept(tx, {
          ...{ kind: 'payment-cancellation', msisdn, actor },
          request: { payment, money: { amount, currency: 'RUB' }, reason: 'wrong number' },
        }),
      ),
    isConcluded: async (id: string) =>
      (await store.read((tx) => operations.store.find(tx, id)))?.state === 'concluded',
  };
}
export type SettlingBranch = Awaited<ReturnType<typeof openBranch>>;

function homeOf(msisdn: string): NodeCode {
  const branch = ranges[msisdn.slice(0, 4)];
  if (!branch) throw new DomainError('unknown-number');
  return branch;
}
