import type { Principal } from '../../shared/access/operator.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import type { OperationKindName } from '../../shared/wire/operation-kinds.ts';
import type { JsonObject } from '../../shared/wire/peer-messages.ts';
import type { OperationRecord } from '../operations/operation.ts';
import type { Operations } from '../operations/operation-service.ts';
import type { NumberService } from '../sim/number-service.ts';
import type { SimService } from '../sim/sim-service.ts';
import type { CustomerData } from './customer.ts';
import type { CustomerService } from './customer-service.ts';
import type { SubscriberDirectory } from './subscriber-directory.ts';
import type { SubscriberService } from './subscriber-service.ts';

/** Whose subscription it is to be: personal data just entered, or a customer of this branch. */
export type CustomerOrNumber =
  | { readonly customer: CustomerData }
  | { readonly customerNumber: string };

export interface AskedBy {
  readonly principal: Principal;
  readonly traceId: string;
  /** Of the request, if it has one. */
  readonly key?: string | undefined;
}

export interface RegistrationWish {
  readonly msisdn?: string | undefined;
  readonly homeBranch?: string | undefined;
  readonly iccid: string;
  readonly ratePlan: string;
  readonly whose: CustomerOrNumber;
}

/** A customer that its home branch keeps, with the number that is kept for him. */
export interface EnteredElsewhere {
  readonly home: NodeCode;
  readonly customerId: string;
  readonly msisdn: string;
}

export type SubscriberDesk = ReturnType<typeof createSubscriberDesk>;

/**
 * What is done for subscribers at this branch, wherever they live. What can be known here to be
 * impossible is refused before anything is accepted.
 */
export function createSubscriberDesk(deps: {
  node: NodeCode;
  store: Store;
  operations: Pick<Operations, 'accept' | 'assertAccepts'>;
  subscribers: SubscriberService;
  customers: CustomerService;
  sims: SimService;
  numbers: NumberService;
  directory: SubscriberDirectory;
  /** @throws DomainError `no-release` */
  reference(): Reference;
  businessDate(tx: Reader): Promise<BusinessDate>;
}) {
  const { node, subscribers, customers, sims, numbers } = deps;

  function accept(
    tx: Transaction,
    { principal, key }: AskedBy,
    draft: { kind: OperationKindName; msisdn: string; request: JsonObject; home?: NodeCode },
  ): Promise<OperationRecord> {
    const actor = { id: principal.operatorId, name: principal.name };
    return deps.operations.accept(tx, { ...draft, actor, key });
  }

  async function assertRatePlan(tx: Reader, code: string): Promise<void> {
    const plan = deps.reference().ratePlan(code, await deps.businessDate(tx));
    if (!plan) throw new DomainError('unknown-rate-plan');
  }

  async function assertService(tx: Reader, code: string): Promise<void> {
    const service = deps.reference().service(code, await deps.businessDate(tx));
    if (!service) throw new DomainError('unknown-service');
  }

  function assertReason(kind: 'block' | 'termination', code: string): void {
    const reasons = deps.reference().rows('reasons');
    if (reasons.some((reason) => reason.kind === kind && reason.code === code)) return;
    const message = 'is not in the dictionary of reasons';
    throw new DomainError('invalid-input', `reason ${message}.`, {
      errors: [{ field: 'reason', message }],
    });
  }

  /** The customer, entered here in the same transaction if he is new. */
  async function customerHere(
    tx: Transaction,
    whose: CustomerOrNumber,
    { principal, traceId }: AskedBy,
  ): Promise<string> {
    if ('customerNumber' in whose) return (await customers.byNumber(tx, whose.customerNumber)).id;
    const by = { id: principal.operatorId, name: principal.name, node };
    return customers.add(tx, whose.customer, { by, traceId });
  }

  /**
   * Where the subscriber is to live.
   * @throws DomainError `unknown-number`, `foreign-number`, `branch-not-found`, `invalid-input`.
   */
  async function homeOfWish(
    tx: Reader,
    { msisdn, homeBranch }: Pick<RegistrationWish, 'msisdn' | 'homeBranch'>,
  ): Promise<NodeCode> {
    const home = msisdn && (await subscribers.homeOf(tx, msisdn));
    const branch = deps.reference().branch((homeBranch ?? home ?? node) as NodeCode);
    if (!branch) throw new DomainError('branch-not-found');
    if (home && home !== branch.code) {
      const message = `is not where the number lives: that is ${home}`;
      throw new DomainError('invalid-input', `homeBranch ${message}.`, {
        errors: [{ field: 'homeBranch', message }],
      });
    }
    return branch.code;
  }

  /**
   * The live part of a registration at another branch, which gets the personal data now and keeps a
   * number for it. `requestId` makes asking again harmless.
   * @throws DomainError `home-unreachable`, `number-taken`, `unknown-rate-plan`, `sim-not-found`,
   * `sim-not-available`, `invalid-input`.
   */
  async function enterElsewhere(
    home: NodeCode,
    wish: RegistrationWish,
    { by: { principal }, requestId }: { by: AskedBy; requestId: string },
  ): Promise<EnteredElsewhere> {
    const { whose, msisdn } = wish;
    if ('customerNumber' in whose) {
      const message = 'names a customer of this branch, and the number lives elsewhere';
      throw new DomainError('invalid-input', `customerNumber ${message}.`, {
        errors: [{ field: 'customerNumber', message }],
      });
    }
    // Before personal data leaves the desk for nothing.
    deps.operations.assertAccepts('registration');
    await deps.store.read(async (tx) => {
      await assertRatePlan(tx, wish.ratePlan);
      await sims.inStock(tx, wish.iccid);
    });
    const { customer } = whose;
    const entry = { requestId, customer, msisdn };
    return { home, ...(await deps.directory.enterCustomer(home, principal, entry)) };
  }

  /**
   * @throws DomainError `sim-not-found`, `sim-not-available`, `number-taken`, `unknown-rate-plan`.
   */
  async function register(
    tx: Transaction,
    wish: RegistrationWish,
    { by, elsewhere }: { by: AskedBy; elsewhere?: EnteredElsewhere | undefined },
  ): Promise<OperationRecord> {
    await assertRatePlan(tx, wish.ratePlan);
    const card = await sims.inStock(tx, wish.iccid);
    const customerId = elsewhere?.customerId ?? (await customerHere(tx, wish.whose, by));
    const { msisdn: chosen, ratePlan } = wish;
    const msisdn = elsewhere?.msisdn ?? (await numbers.reserve(tx, { customerId, msisdn: chosen }));
    const request = { ...card, customerId, ratePlan };
    // Not to another branch that a release may have given the number since: the person is known there alone.
    const home = elsewhere ? { home: elsewhere.home } : {};
    return accept(tx, by, { kind: 'registration', msisdn, request, ...home });
  }

  /** The new home takes a number over. @throws DomainError `already-at-home`. */
  async function moveNumber(
    tx: Transaction,
    wish: { msisdn: string; iccid: string; ratePlan?: string | undefined; whose: CustomerOrNumber },
    by: AskedBy,
  ): Promise<OperationRecord> {
    const { msisdn, ratePlan } = wish;
    if ((await subscribers.homeOf(tx, msisdn)) === node) throw new DomainError('already-at-home');
    if (ratePlan !== undefined) await assertRatePlan(tx, ratePlan);
    const card = await sims.inStock(tx, wish.iccid);
    const customerId = await customerHere(tx, wish.whose, by);
    const request = { ...card, customerId, ...(ratePlan === undefined ? {} : { ratePlan }) };
    return accept(tx, by, { kind: 'number-move', msisdn, request });
  }

  return {
    homeOfWish,
    enterElsewhere,
    register,
    moveNumber,

    async replaceSim(
      tx: Transaction,
      wish: { msisdn: string; iccid: string; reason?: string | undefined },
      by: AskedBy,
    ): Promise<OperationRecord> {
      const { msisdn, iccid, reason } = wish;
      const card = await sims.inStock(tx, iccid);
      const request = { ...card, ...(reason === undefined ? {} : { reason }) };
      return accept(tx, by, { kind: 'sim-replacement', msisdn, request });
    },

    async changeRatePlan(
      tx: Transaction,
      { msisdn, ratePlan }: { msisdn: string; ratePlan: string },
      by: AskedBy,
    ): Promise<OperationRecord> {
      await assertRatePlan(tx, ratePlan);
      return accept(tx, by, { kind: 'rate-plan-change', msisdn, request: { ratePlan } });
    },

    async changeService(
      tx: Transaction,
      wish: { msisdn: string; service: string; action: 'on' | 'off' },
      by: AskedBy,
    ): Promise<OperationRecord> {
      const { msisdn, service, action } = wish;
      if (action === 'on') await assertService(tx, service);
      return accept(tx, by, { kind: 'service-change', msisdn, request: { service, action } });
    },

    async block(
      tx: Transaction,
      wish: { msisdn: string; action: 'block' | 'unblock'; reason: string },
      by: AskedBy,
    ): Promise<OperationRecord> {
      const { msisdn, action, reason } = wish;
      assertReason('block', reason);
      return accept(tx, by, { kind: 'block', msisdn, request: { action, reason } });
    },

    async terminate(
      tx: Transaction,
      { msisdn, reason }: { msisdn: string; reason: string },
      by: AskedBy,
    ): Promise<OperationRecord> {
      assertReason('termination', reason);
      return accept(tx, by, { kind: 'termination', msisdn, request: { reason } });
    },
  };
}
