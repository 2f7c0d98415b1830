import type { Permission } from '../../shared/access/permissions.ts';
import type { Msisdn, NodeCode, OperationId } from '../../shared/ids/ids.ts';
import { accounts } from '../../shared/ledger/ledger.ts';
import { balanceOf } from '../../shared/ledger/ledger-store.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import type { HomeOf, Reference } from '../../shared/reference/reference.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import type { Operation } from '../operations/operation.ts';
import type { NumberService } from '../sim/number-service.ts';
import type { SimIdentity } from '../sim/sim-card.ts';
import {
  type AwaitedChange,
  deleteAwaited,
  insertAwaited,
  listAwaited,
} from './awaited-change-store.ts';
import { incompleteName, maskName } from './customer.ts';
import type { CustomerService } from './customer-service.ts';
import { type Subscriber, type SubscriberStatus, servicesBroughtBy } from './subscriber.ts';
import {
  cardFrom,
  historyFrom,
  type Payability,
  type SubscriberCard,
  type SubscriberHistory,
} from './subscriber-card.ts';
import { searchSubscribers } from './subscriber-search-store.ts';
import {
  cameToPlan,
  findSubscriber,
  insertBillingAccount,
  insertChange,
  listChanges,
  numberOfCustomer,
  saveSubscriber,
  servicesOnSince,
  servicesText,
} from './subscriber-store.ts';

const shownChanges = 50;

/** A subscriber who can be served here. */
export type ServedSubscriber = Subscriber & { readonly status: 'active' | 'blocked' };

const isHere = (subscriber: Subscriber | undefined): subscriber is Subscriber =>
  subscriber !== undefined && subscriber.movedTo === undefined;

/** The beginning of a subscriber says all of him, a change of him never which account is his. */
const isBeginning = (changed: Partial<Subscriber>): changed is Subscriber =>
  changed.billingAccountId !== undefined;

/** What is known of numbers that come to this branch. */
export interface Arrivals {
  /** The moves of a number to this branch that are not concluded yet, in the order of their acceptance. */
  underway(tx: Reader, msisdn: string): Promise<readonly OperationId[]>;
  /** May it have been concluded before this was decided here? It was not accepted in a later start. */
  mayPrecede(tx: Reader, move: OperationId, operation: Operation): Promise<boolean>;
}

export type SubscriberService = ReturnType<typeof createSubscriberService>;

/** The subscribers whose home this branch is, and where the others' home is. */
export function createSubscriberService(deps: {
  node: NodeCode;
  customers: CustomerService;
  numbers: NumberService;
  /** @throws DomainError `no-release` */
  reference(): Reference;
  arrivals: Arrivals;
}) {
  const { node, customers, numbers } = deps;

  /** Numbers were parsed at the border, where they became what they are here. */
  function plannedHome(msisdn: string): HomeOf {
    return deps.reference().homeOf(msisdn as Msisdn);
  }

  /**
   * The branch where the number lives: what is known here goes before the numbering plan.
   * @throws DomainError `unknown-number`, `foreign-number`.
   */
  async function homeOf(tx: Reader, msisdn: string): Promise<NodeCode> {
    const subscriber = await findSubscriber(tx, msisdn);
    if (subscriber) return subscriber.movedTo ? presentHome(msisdn, subscriber.movedTo) : node;
    const home = plannedHome(msisdn);
    if (home.kind === 'foreign') throw new DomainError('foreign-number');
    const isHome = home.kind === 'own' && home.branch === node;
    const isKnown = home.kind === 'own' && (!isHome || (await numbers.isInPool(tx, msisdn)));
    if (!isKnown) throw new DomainError('unknown-number');
    return home.branch;
  }

  /** Where a number that went to another branch is. One that was cut off since tells nobody where it went on to. */
  function presentHome(msisdn: string, movedTo: NodeCode): NodeCode {
    if (deps.reference().branch(movedTo)?.active !== false) return movedTo;
    const home = plannedHome(msisdn);
    return home.kind === 'own' && home.branch !== node ? home.branch : movedTo;
  }

  function missing(msisdn: string): DomainError {
    const home = plannedHome(msisdn);
    const isElsewhere = home.kind === 'own' && home.branch !== node;
    return isElsewhere ? moved(home.branch) : new DomainError('unknown-number');
  }

  function moved(movedTo: NodeCode): DomainError {
    const detail = `The number is served by ${movedTo}.`;
    return new DomainError('subscriber-moved', detail, { members: { movedTo } });
  }

  /**
   * The record kept here, terminated or not.
   * @throws DomainError `unknown-number`, `subscriber-moved`.
   */
  async function recordHere(tx: Reader, msisdn: string): Promise<Subscriber> {
    const subscriber = await findSubscriber(tx, msisdn);
    if (!subscriber) throw missing(msisdn);
    if (subscriber.movedTo) throw moved(presentHome(msisdn, subscriber.movedTo));
    return subscriber;
  }

  /**
   * @throws DomainError `unknown-number`, `subscriber-terminated`, `subscriber-moved` with
   * `movedTo`.
   */
  async function requireHere(tx: Reader, msisdn: string): Promise<ServedSubscriber> {
    const { status, ...subscriber } = await recordHere(tx, msisdn);
    if (status === 'terminated') throw new DomainError('subscriber-terminated');
    assert(status !== 'moved', 'a subscriber who moved says where to');
    return { ...subscriber, status };
  }

  async function customerOf(tx: Reader, { customerId }: Subscriber) {
    const customer = await customers.find(tx, customerId);
    assert(customer, 'a subscriber has a customer');
    return customer;
  }

  /**
   * Those of a subscriber's services that his plan brings, or brought on the day on which he got them, as far as this branch
   * knows. The others he has bought.
   */
  async function servicesOfPlan(
    tx: Reader,
    { msisdn, ratePlan, services }: Pick<Subscriber, 'msisdn' | 'ratePlan' | 'services'>,
    date: BusinessDate,
  ): Promise<readonly string[]> {
    const came = await cameToPlan(tx, { msisdn, ratePlan });
    const operationId = came?.operationId ?? '';
    const onSince = await servicesOnSince(tx, { msisdn, operationId });
    const brings = (service: string, day: BusinessDate) =>
      servicesBroughtBy(deps.reference(), { ratePlan, date: day }).includes(service);
    return services.filter(
      (service) =>
        brings(service, date) || brings(service, onSince.get(service) ?? came?.date ?? date),
    );
  }

  /** What the customer has left, in minor units: the ledger's liability with its sign turned. */
  async function balanceHere(
    tx: Reader,
    { billingAccountId, currency }: Pick<Subscriber, 'billingAccountId' | 'currency'>,
  ): Promise<bigint> {
    return -(await balanceOf(tx, accounts.subscriber(billingAccountId), currency));
  }

  /** @throws DomainError `unknown-number`, `subscriber-moved`. */
  async function cardOf(
    tx: Reader,
    msisdn: string,
    permissions: ReadonlySet<Permission>,
  ): Promise<SubscriberCard> {
    const subscriber = await recordHere(tx, msisdn);
    const customer = await customerOf(tx, subscriber);
    const balance = await balanceHere(tx, subscriber);
    return cardFrom(node, { subscriber, customer, balance }, permissions);
  }

  /** @throws DomainError `unknown-number`, `subscriber-moved`. */
  async function historyOf(
    tx: Reader,
    msisdn: string,
    permissions: ReadonlySet<Permission>,
  ): Promise<SubscriberHistory> {
    await recordHere(tx, msisdn);
    return historyFrom(await listChanges(tx, msisdn, shownChanges), permissions);
  }

  /** @throws DomainError `unknown-number`, `subscriber-moved`. */
  async function payabilityOf(tx: Reader, msisdn: string): Promise<Payability> {
    const subscriber = await requireHere(tx, msisdn);
    const { data } = await customerOf(tx, subscriber);
    const name = data ? maskName(data.name) : incompleteName;
    const { status, currency } = subscriber;
    return { verified: true, homeBranch: node, status, name, currency };
  }

  /** @throws DomainError `number-taken` for a number that is in service. */
  async function assertUnused(tx: Reader, msisdn: string): Promise<void> {
    const status = (await findSubscriber(tx, msisdn))?.status;
    if (status === 'active' || status === 'blocked') throw new DomainError('number-taken');
  }

  /**
   * The number has its home here from now on; after a set-back, once those arrivals are known that came before.
   * @returns the cards that have come out of use by what had waited for it.
   */
  async function start(
    tx: Transaction,
    operation: Operation,
    fresh: Omit<Subscriber, 'msisdn' | 'status' | 'movedTo'>,
  ): Promise<readonly string[]> {
    const { customerId, billingAccountId: id, currency, activatedAt: at } = fresh;
    const { msisdn } = operation;
    await customers.ensure(tx, customerId);
    await insertBillingAccount(tx, { id, customerId, currency, at });
    const begun = { ...fresh, msisdn, status: 'active' } as const;
    const awaited = await listAwaited(tx, msisdn);
    // Nothing waits but what came back after a set-back.
    const isLater = awaited.some(({ changed }) => changed.movedTo !== undefined);
    if (isLater && (await deps.arrivals.underway(tx, msisdn)).indexOf(operation.id) > 0) {
      await insertAwaited(tx, operation, begun);
      return [];
    }
    await begin(tx, operation, begun);
    return applyAwaited(tx, { msisdn, awaited, cards: [begun.iccid] });
  }

  /**
   * A move of the number to this branch was refused.
   * @returns the cards that have come out of use by what had waited for it.
   */
  async function stayAway(tx: Transaction, { id, msisdn }: Operation): Promise<readonly string[]> {
    const awaited = await listAwaited(tx, msisdn);
    if (awaited.length === 0) return [];
    const others = (await deps.arrivals.underway(tx, msisdn)).filter((move) => move !== id);
    if (others.length > 0) return [];
    const unused = await applyAwaited(tx, { msisdn, awaited, cards: [] });
    for (const { number } of await listAwaited(tx, msisdn)) await deleteAwaited(tx, number);
    return unused;
  }

  async function begin(tx: Transaction, operation: Operation, begun: Subscriber): Promise<void> {
    await saveSubscriber(tx, begun);
    await insertChange(tx, operation, { what: 'start', before: null, after: begun.ratePlan });
  }

  /**
   * After a set-back, what was decided about a number may be known before its arrival, and its second arrival before its
   * first: each waits for its turn.
   * @returns the cards among these and those of what had waited that nobody has in the end.
   */
  async function applyAwaited(
    tx: Transaction,
    of: { msisdn: string; awaited: readonly AwaitedChange[]; cards: readonly string[] },
  ): Promise<readonly string[]> {
    const [left, cards] = [[...of.awaited], [...of.cards]];
    let subscriber = await findSubscriber(tx, of.msisdn);
    while (left.length > 0) {
      const isBegun = isHere(subscriber);
      const at = left.findIndex(({ changed }) => isBeginning(changed) !== isBegun);
      const [next] = at < 0 ? [] : left.splice(at, 1);
      if (!next) break;
      const { number, operation, changed } = next;
      await deleteAwaited(tx, number);
      if (changed.iccid !== undefined) cards.push(changed.iccid);
      if (isBeginning(changed)) await begin(tx, operation, changed);
      else await change(tx, operation, changed);
      subscriber = await findSubscriber(tx, of.msisdn);
    }
    const isServed = subscriber?.status === 'active' || subscriber?.status === 'blocked';
    return cards.filter((card) => !(isServed && card === subscriber?.iccid));
  }

  /**
   * A number that is not here is not changed. Where it is on its way here, what came back was decided after it had come, and
   * waits. Else a set-back lost it for good, or it was let go before the decision came back: who took it over took it as it
   * was.
   */
  async function change(
    tx: Transaction,
    operation: Operation,
    changed: Partial<Omit<Subscriber, 'msisdn'>>,
  ): Promise<void> {
    const before = await findSubscriber(tx, operation.msisdn);
    if (!isHere(before)) {
      if (await isToCome(tx, operation)) return insertAwaited(tx, operation, changed);
      if (!before || changed.movedTo === undefined) return;
    }
    const after = { ...before, ...changed };
    await saveSubscriber(tx, after);
    const facts = {
      'rate-plan': (of: Subscriber) => of.ratePlan,
      services: (of: Subscriber) => servicesText(of.services),
      status: (of: Subscriber) => of.status,
      sim: (of: Subscriber) => of.iccid,
    } as const;
    for (const what of ['rate-plan', 'services', 'status', 'sim'] as const) {
      const was = facts[what](before);
      const is = facts[what](after);
      if (was !== is) await insertChange(tx, operation, { what, before: was, after: is });
    }
  }

  async function isToCome(tx: Transaction, operation: Operation): Promise<boolean> {
    for (const move of await deps.arrivals.underway(tx, operation.msisdn)) {
      if (await deps.arrivals.mayPrecede(tx, move, operation)) return true;
    }
    return false;
  }

  return {
    homeOf,
    requireHere,
    cardOf,
    historyOf,
    payabilityOf,
    balanceHere,
    servicesOfPlan,
    assertUnused,
    start,
    stayAway,
    changeSim: (tx: Transaction, operation: Operation, { iccid, imsi }: SimIdentity) =>
      change(tx, operation, { iccid, imsi }),
    changePlan: (
      tx: Transaction,
      operation: Operation,
      plan: { ratePlan?: string; services: readonly string[] },
    ) => change(tx, operation, plan),
    changeStatus: (
      tx: Transaction,
      operation: Operation,
      next: { status: SubscriberStatus; movedTo?: NodeCode },
    ) => change(tx, operation, next),
    search: searchSubscribers,
    numberOfCustomer,
  };
}
