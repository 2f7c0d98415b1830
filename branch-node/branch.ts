import type { NodeIdentity } from '../shared/federation/identity.ts';
import { headOffice } from '../shared/ids/ids.ts';
import { type Node, openNode, sharedMigrations } from '../shared/node/node.ts';
import { type NodePorts, systemPorts } from '../shared/node/node-ports.ts';
import { DomainError } from '../shared/problem/problem.ts';
import type { Reference } from '../shared/reference/reference.ts';
import { referencePeerRoutes } from '../shared/reference/reference-peer-routes.ts';
import { createReleaseCatchUp } from '../shared/reference/release-catch-up.ts';
import { createReleaseFetcher } from '../shared/reference/release-fetcher.ts';
import { createReleaseFollower } from '../shared/reference/release-follower.ts';
import { releasePolicy } from '../shared/reference/release-policy.ts';
import type { Reader } from '../shared/store/store.ts';
import { businessDayPeerRoutes } from './business-days/business-day-peer-routes.ts';
import { businessDayRoutes } from './business-days/business-day-routes.ts';
import { type BusinessDays, createBusinessDays } from './business-days/business-day-service.ts';
import type { BranchConfig } from './config.ts';
import { createBranchDirectory } from './directory.ts';
import { type FrontOfficeDeps, openFrontOffice } from './front-office.ts';
import { createKeyRotation } from './keys/key-rotation.ts';
import { keyRoutes } from './keys/key-routes.ts';
import { createOwnIdentity } from './keys/own-identity.ts';
import { operationRoutes } from './operations/operation-routes.ts';
import { createOperations } from './operations/operation-service.ts';
import { createCancellationOperation } from './payments/cancellation-operation.ts';
import { createPaymentOperation } from './payments/payment-operation.ts';
import { paymentRoutes } from './payments/payment-routes.ts';
import { createPayments } from './payments/payment-service.ts';
import { createPayouts } from './payments/payout-service.ts';
import { receiptRoutes } from './payments/receipt-routes.ts';
import { createReceipts } from './payments/receipt-service.ts';
import { referenceRoutes } from './reference/reference-routes.ts';
import { registerCases } from './settlement/case-service.ts';
import { settlementPeerRoutes } from './settlement/settlement-peer-routes.ts';
import { settlementRoutes } from './settlement/settlement-routes.ts';
import { createSettlements } from './settlement/settlement-service.ts';
import { createNumberService } from './sim/number-service.ts';
import { createSimReplacement } from './sim/sim-replacement-operation.ts';
import { simRoutes } from './sim/sim-routes.ts';
import { createSimService } from './sim/sim-service.ts';
import { createBlock } from './subscribers/block-operation.ts';
import { createCharges } from './subscribers/charges.ts';
import { contractRoutes } from './subscribers/contract-routes.ts';
import { createCustomerService } from './subscribers/customer-service.ts';
import { createHomeQuestions } from './subscribers/home-questions.ts';
import { arrivals, createNumberMove } from './subscribers/number-move-operation.ts';
import { createPeerVisits } from './subscribers/peer-visits.ts';
import { createRatePlanChange } from './subscribers/rate-plan-change-operation.ts';
import { createRegistration } from './subscribers/registration-operation.ts';
import { createServiceChange } from './subscribers/service-change-operation.ts';
import { createSubscriberDesk } from './subscribers/subscriber-desk.ts';
import { subscriberDeskRoutes } from './subscribers/subscriber-desk-routes.ts';
import { createSubscriberDirectory } from './subscribers/subscriber-directory.ts';
import {
  createSubscriberPeerApp,
  type SubscriberPeerDeps,
} from './subscribers/subscriber-peer-routes.ts';
import { subscriberRoutes } from './subscribers/subscriber-routes.ts';
import { createSubscriberService } from './subscribers/subscriber-service.ts';
import { createTermination } from './subscribers/termination-operation.ts';

const releasePauseMs = 15_000;
const renewalPauseMs = 60_000;
const keysPauseMs = 1_000;

const rooms = ['operations', 'payments', 'business-days', 'sim', 'subscribers', 'settlement'];

export const migrations = [
  ...sharedMigrations,
  ...rooms.map((room) => ({ room, directory: `branch-node/${room}/migrations` })),
];

export type Branch = Awaited<ReturnType<typeof openBranch>>;

/** A branch, wired and not yet started: the one place where its rooms meet. */
export async function openBranch(config: BranchConfig, ports: Partial<NodePorts> = {}) {
  const { loadIdentity } = { ...systemPorts, ...ports };
  let identity = await loadIdentity(config.identityDir);
  const node = await openNode({
    kind: 'branch',
    title: `SBMS branch ${config.code}`,
    config,
    identity,
    migrations,
    directory: (parts) =>
      createBranchDirectory({
        node: config.code,
        centreUrl: config.centreUrl,
        identity: () => identity,
        reference: () => parts().references.current(),
      }),
    businessDate: (tx) => days().current(tx),
    ports,
  });
  const { references, federation, clock, client } = node;
  const businessDays = createBusinessDays({
    node: node.code,
    store: node.store,
    clock,
    federation,
    timeZone: () => references.current()?.branch(node.code)?.timeZone ?? config.timeZone,
  });
  // The log dates its entries by the business days, which are told in the log: one of the two comes first.
  function days(): BusinessDays {
    return businessDays;
  }

  const { pages, ...rooms } = wireRooms(node, businessDays);
  references.onChange(() => {
    // Whoever had two histories may be no member any more.
    rooms.payouts.releaseWaiting().catch((error: unknown) => {
      node.alarms.raise('payouts-wait', String(error));
    });
  });
  const follower = createReleaseFollower({
    federation,
    references,
    fetcher: createReleaseFetcher({ peerClient: client, from: headOffice }),
    clock,
    businessDate: businessDays.current,
  });
  const catchUp = createReleaseCatchUp({
    clock,
    held: () => references.freshness()?.version ?? 0,
    follow: follower.follow,
  });
  federation.onBatch(catchUp);

  const keys = wireKeys(node, {
    dir: config.identityDir,
    identity: () => identity,
    changed(next, action) {
      identity = next;
      node.renewed(next);
      void noteKeys(node, action);
    },
  });
  openFrontOffice({ ...pages, keys: keys.endpoints });

  return {
    ...node,
    ...rooms,
    businessDays,
    keys,
    follower,
    async start(): Promise<void> {
      await node.start();
      rooms.settlements.start();
      node.repeat('release', releasePauseMs, () => keys.own.withPresentKeys(follower.follow));
      node.repeat('renewal', renewalPauseMs, () => keys.own.renew());
      node.repeat('keys', keysPauseMs, keys.rotation.advance);
    },
    async stop(): Promise<void> {
      await rooms.settlements.stop();
      await node.stop();
    },
  };
}

/** Who this branch is to the others, and how that changes while it runs. */
function wireKeys(
  node: Node,
  deps: {
    dir: string;
    identity: () => NodeIdentity;
    changed(identity: NodeIdentity, action: string): void;
  },
) {
  const { alarms, api, audit, clock, client, code, federation } = node;
  const { references, signer, store } = node;
  const wired = {
    ...deps,
    alarms,
    clock,
    client,
    signer,
    federation,
    reference: references.current,
    // How far it is behind its own log says nothing of whether it is right now.
    clockDoubt: () => federation.liveness.clockDoubt(0),
  };
  const own = createOwnIdentity(wired);
  const rotation = createKeyRotation(wired);
  function follow(reference: Reference | undefined): void {
    try {
      if (reference) own.follow(reference);
    } catch (error) {
      alarms.raise('identity-not-written', String(error));
    }
  }
  follow(references.current());
  references.onChange((reference) => {
    follow(reference);
    // Another authority may issue certificates now.
    own.renew().catch(() => undefined);
  });
  const { identity } = deps;
  const endpoints = keyRoutes(api, { node: code, store, audit, identity, rotation, own });
  return { own, rotation, endpoints };
}

/** What the node did to its own identity, by itself. */
async function noteKeys({ audit, code, logger, store }: Node, action: string): Promise<void> {
  try {
    await store.write((tx) =>
      audit.record(tx, {
        actor: { id: code, name: code, node: code },
        ...{ action, subject: code, outcome: 'done' },
      }),
    );
  } catch (err) {
    logger.error({ err, action }, 'not in the audit trail');
  }
}

function wireRooms(node: Node, businessDays: BusinessDays) {
  const { code, store, clock, ids, audit, api, federation, references, client, signer } = node;
  const reference = (): Reference => {
    const current = references.current();
    if (!current) throw new DomainError('no-release');
    return current;
  };
  const businessDate = (tx: Reader) => businessDays.current(tx);
  const policy = () => releasePolicy(references.freshness()?.ageMs ?? 0);

  const customers = createCustomerService({ node: code, clock, ids, audit, reference });
  const numbers = createNumberService({ node: code, clock, reference });
  const sims = createSimService({ node: code, clock, federation });
  const known = { node: code, customers, numbers, reference };
  const subscribers = createSubscriberService({ ...known, arrivals: arrivals(() => operations) });
  const charges = createCharges({ clock });
  const questions = createHomeQuestions({ client, signer, clock, ids, federation });
  const directory = createSubscriberDirectory({ node: code, store, subscribers, questions });

  const operations = createOperations({
    node: code,
    store,
    clock,
    ids,
    federation,
    release: () => reference().version,
    releasePolicy: policy,
    businessDate,
    homeOf: subscribers.homeOf,
  });
  const payouts = createPayouts({
    node: code,
    store,
    clock,
    federation,
    operations,
    businessDate,
    witness: () => witnessOf(node),
  });

  // A new kind of operation is its own file and one line here.
  const wired = { clock, operations: operations.store, payouts };
  operations.register(
    createPaymentOperation({
      ...wired,
      node: code,
      start: federation.log.epoch,
      isCertain: federation.isCertain,
      requireHere: subscribers.requireHere,
    }),
  );
  operations.register(createCancellationOperation(wired));
  const giving = { sims, numbers, subscribers, clock, reference, federation };
  operations.register(createRegistration(giving));
  operations.register(createSimReplacement({ sims, subscribers, charges, reference }));
  operations.register(createRatePlanChange({ subscribers, charges, reference }));
  operations.register(createServiceChange({ subscribers, charges, reference }));
  operations.register(createBlock({ subscribers }));
  operations.register(createTermination({ sims, subscribers }));
  operations.register(createNumberMove({ node: code, ...giving }));

  const payments = createPayments({
    ...{ node: code, federation, operations, payouts, reference },
    releasePolicy: policy,
  });
  const desk = createSubscriberDesk({
    ...{ ...known, store, operations, subscribers, sims, directory, businessDate },
  });

  const settlements = createSettlements({
    ...{ node: code, store, clock, client, federation, businessDate },
    operations: operations.store,
    isMember: (peer) => references.current()?.branch(peer)?.active !== false,
  });
  registerCases({ federation });

  const told = settlementRoutes(api, { node: code, store, audit, settlements });
  settlementPeerRoutes(node.peerApp, { settlements });
  businessDayPeerRoutes(node.peerApp, { store, node: code });
  referenceRoutes(api, { references });
  const operationEndpoints = operationRoutes(api, { store, operations: operations.store });
  const paymentEndpoints = paymentRoutes(api, {
    ...{ node: code, store, audit, payments, recall: operations.recall },
    payability: directory.payability,
  });
  const receipts = createReceipts({
    ...{ node: code, clock, signer },
    historicVerifier: node.historicVerifier,
  });
  const receiptEndpoints = receiptRoutes(api, { node: code, store, audit, payments, receipts });
  const days = businessDayRoutes(api, { node: code, store, audit, businessDays });
  const subscriberEndpoints = subscriberRoutes(api, {
    businessDate,
    node: code,
    store,
    subscribers,
    directory,
    reference,
  });
  const deskEndpoints = subscriberDeskRoutes(api, {
    ...{ node: code, ids, desk, customers },
    recall: operations.recall,
  });
  const simEndpoints = simRoutes(api, {
    node: code,
    store,
    audit,
    sims,
    numbers,
  });
  const contracts = contractRoutes(api, {
    ...{ node: code, store, audit, operations: operations.store, directory, reference },
  });

  openToPeers(node, { operations, subscribers, customers, numbers });
  const pages: Omit<FrontOfficeDeps, 'keys'> = {
    ...{ node, businessDate, timeZone: businessDays.timeZone, today: businessDays.today },
    payments: paymentEndpoints,
    subscribers: subscriberEndpoints,
    operations: operationEndpoints,
    receipts: receiptEndpoints,
    desk: deskEndpoints,
    contracts,
    settlements: told,
    sims: simEndpoints,
    days,
  };
  return { operations, payments, payouts, subscribers, settlements, pages };
}

/** What other branches ask of this one. */
function openToPeers(
  node: Node,
  rooms: Pick<SubscriberPeerDeps, 'operations' | 'subscribers' | 'customers' | 'numbers'>,
): void {
  const { code, store, audit, clock, references, federation } = node;
  const visits = createPeerVisits({ node: code, store, audit, verifier: node.verifier, clock });
  node.peerApp.route('/', referencePeerRoutes({ references }));
  node.peerApp.route(
    '/',
    createSubscriberPeerApp({
      node: code,
      visits,
      ...rooms,
      federation,
    }),
  );
}

/** Who holds a fact that concerns no other branch: a reachable one if any is. */
function witnessOf({ federation }: Node) {
  const branches = federation.peers().filter((peer) => peer !== headOffice);
  return branches.find((peer) => federation.liveness.isReachable(peer)) ?? branches[0];
}
