import { z } from 'zod';
import type { Federation } from '../../shared/federation/federation.ts';
import { firstStartOf } from '../../shared/federation/log-store.ts';
import { iccidPattern, imsiPattern, type NodeCode } from '../../shared/ids/ids.ts';
import { accounts, transfer } from '../../shared/ledger/ledger.ts';
import { post } from '../../shared/ledger/ledger-store.ts';
import { currencyPattern, formatMoney, type Money, parseMoney } from '../../shared/money/money.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import { parseInput } from '../../shared/web/input.ts';
import { entryKindOf, type OperationKindName } from '../../shared/wire/operation-kinds.ts';
import type { JsonObject } from '../../shared/wire/peer-messages.ts';
import type { Operation, OperationKind } from '../operations/operation.ts';
import type { OperationStore } from '../operations/operation-store.ts';
import type { NumberService } from '../sim/number-service.ts';
import type { SimService } from '../sim/sim-service.ts';
import {
  assertActive,
  assertPlanCurrency,
  nextStatus,
  servicesAfterPlanChange,
} from './subscriber.ts';
import type { Arrivals, ServedSubscriber, SubscriberService } from './subscriber-service.ts';

const maxServices = 1_000;
const planCode = z.string().max(40);

/** The customer is the new home's own; without a rate plan the present one goes along. */
const request = z.strictObject({
  customerId: z.string().min(1).max(64),
  iccid: z.string().regex(iccidPattern),
  imsi: z.string().regex(imsiPattern),
  ratePlan: planCode.exactOptional(),
});

/** The new home's books have to hold what the present one says. */
const decided = z.object({
  ratePlan: planCode,
  services: z.array(z.string().regex(/^\S{1,40}$/)).max(maxServices),
  currency: z.string().regex(currencyPattern),
  /** The present home's; the new home opens its own. */
  billingAccountId: z.string(),
  retires: z.string(),
  /** The balance that goes along; absent when there is none. */
  money: z.strictObject({ amount: z.string(), currency: z.string() }).optional(),
});

const kind = 'number-move';

/** The moves by which numbers come to this branch: what `createSubscriberService` asks. */
export const arrivals = (
  operations: () => { readonly store: Pick<OperationStore, 'openOnes'> },
): Arrivals => ({
  underway: (tx, msisdn) => operations().store.openOnes(tx, { kind, msisdn }),
  async mayPrecede(tx, move, { id, kind: name }) {
    const asked = { operationId: move, kind: entryKindOf(kind, 'accepted') };
    const told = { operationId: id, kind: entryKindOf(name as OperationKindName, 'executed') };
    const [first, then] = [await firstStartOf(tx, asked), await firstStartOf(tx, told)];
    return first === undefined || then === undefined || first <= then;
  },
});

/**
 * A number changes its home: the branch that serves the request becomes the new one. The present
 * home lets number and balance go, the new one takes them over when it hears of that; between them
 * the money stands in clearing.
 */
export function createNumberMove(deps: {
  node: NodeCode;
  sims: SimService;
  numbers: Pick<NumberService, 'take'>;
  subscribers: SubscriberService;
  clock: Clock;
  /** @throws DomainError `no-release` */
  reference(): Reference;
  /** A set-back that nobody has shown yet may have forgotten that the number went to another branch already. */
  federation: Pick<Federation, 'assertCertain'>;
}): OperationKind {
  const { node, sims, numbers, subscribers, clock } = deps;

  async function planAfter(tx: Reader, operation: Operation, subscriber: ServedSubscriber) {
    const { ratePlan, services } = subscriber;
    const wanted = parseInput(request, operation.request).ratePlan;
    if (wanted === undefined || wanted === ratePlan) return { ratePlan, services: [...services] };
    const { businessDate } = operation;
    const plan = deps.reference().ratePlan(wanted, businessDate);
    if (!plan) throw new DomainError('unknown-rate-plan');
    assertPlanCurrency(plan, subscriber);
    const from = await subscribers.servicesOfPlan(tx, subscriber, businessDate);
    const change = { from, to: plan.services };
    return { ratePlan: wanted, services: servicesAfterPlanChange(services, change) };
  }

  async function postMove(
    tx: Transaction,
    operation: Operation,
    { point, money, ...sides }: { point: string; money: Money; debit: string; credit: string },
  ): Promise<void> {
    assert(money.amount > 0n, 'a balance that moves is money');
    await post(tx, {
      kind: `${operation.kind}.${point}`,
      operationId: operation.id,
      businessDate: operation.businessDate,
      recordedAt: now(clock),
      postings: transfer(money, sides),
    });
  }

  /** The new home: the subscriber starts with the balance that came along. */
  async function takeOver(
    tx: Transaction,
    operation: Operation,
    result: JsonObject,
  ): Promise<void> {
    const { iccid, imsi, customerId } = parseInput(request, operation.request);
    const { ratePlan, services, currency, money } = decided.parse(result);
    const balance = money && parseMoney(money);
    // The other branch's word: below zero it would take from here what it says it gives.
    if (balance && (balance.amount <= 0n || balance.currency !== currency)) {
      throw new DomainError('invalid-money', 'The balance that came along is none.');
    }
    const billingAccountId = operation.id;
    const activatedAt = operation.occurredAt;
    // As a registration does: it is no free number of this branch, whatever is delivered.
    await numbers.take(tx, operation.msisdn);
    await sims.bind(tx, { iccid, imsi });
    const unused = await subscribers.start(tx, operation, {
      ...{ iccid, imsi, customerId, billingAccountId, currency, ratePlan, services, activatedAt },
    });
    for (const card of unused) await sims.retire(tx, card);
    if (!balance) return;
    await postMove(tx, operation, {
      point: 'concluded',
      money: balance,
      debit: accounts.clearing(operation.home),
      credit: accounts.subscriber(billingAccountId),
    });
  }

  return {
    kind,
    request,
    acceptedWhileRecovering: false,
    changesPlans: true,
    async accept(tx, operation, replayed) {
      const { iccid, imsi } = parseInput(request, operation.request);
      await sims.reserve(tx, operation, {
        card: { iccid, imsi },
        isReplay: replayed !== undefined,
      });
      return {};
    },
    async decide(tx, operation) {
      if (operation.serving === node) throw new DomainError('already-at-home');
      const subscriber = await subscribers.requireHere(tx, operation.msisdn);
      assertActive(subscriber);
      await deps.federation.assertCertain(tx);
      const { currency, billingAccountId, iccid: retires } = subscriber;
      const amount = await subscribers.balanceHere(tx, subscriber);
      return {
        ...(await planAfter(tx, operation, subscriber)),
        ...{ currency, billingAccountId, retires },
        ...(amount > 0n ? { money: { ...formatMoney({ amount, currency }) } } : {}),
      };
    },
    async apply(tx, operation, result) {
      const { billingAccountId, retires, money } = decided.parse(result);
      const movedTo = operation.serving;
      const status = nextStatus('active', 'move');
      await subscribers.changeStatus(tx, operation, { status, movedTo });
      await sims.retire(tx, retires);
      if (!money) return;
      await postMove(tx, operation, {
        point: 'executed',
        money: parseMoney(money),
        debit: accounts.subscriber(billingAccountId),
        credit: accounts.clearing(movedTo),
      });
    },
    async conclude(tx, operation, decision) {
      const { iccid } = parseInput(request, operation.request);
      if (decision.outcome === 'executed') return takeOver(tx, operation, decision.result);
      await sims.conclude(tx, operation, { iccid, decision });
      for (const card of await subscribers.stayAway(tx, operation)) await sims.retire(tx, card);
    },
  };
}
