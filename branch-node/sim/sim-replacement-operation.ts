import { z } from 'zod';
import { iccidPattern, imsiPattern } from '../../shared/ids/ids.ts';
import { formatMoney, type Money } from '../../shared/money/money.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { parseInput } from '../../shared/web/input.ts';
import type { JsonObject } from '../../shared/wire/peer-messages.ts';
import type { Operation, OperationKind } from '../operations/operation.ts';
import type { SimIdentity } from './sim-card.ts';
import type { SimService } from './sim-service.ts';

/** What a replacement needs of the subscribers' room. */
export interface SimSubscribers {
  /** @throws DomainError `unknown-number`, `subscriber-terminated`, `subscriber-moved`. */
  requireHere(tx: Reader, msisdn: string): Promise<SimSubscriber>;
  changeSim(tx: Transaction, operation: Operation, sim: SimIdentity): Promise<void>;
}

export interface SimSubscriber {
  readonly iccid: string;
  readonly billingAccountId: string;
  readonly currency: string;
}

/** Fees out of a prepaid balance. */
export interface SimCharges {
  /** @throws DomainError `insufficient-balance`, `wrong-currency`. */
  assertCovered(tx: Reader, payer: SimSubscriber, fee: Money): Promise<void>;
  charge(tx: Transaction, operation: Operation, result: JsonObject): Promise<void>;
}

const request = z.strictObject({
  iccid: z.string().regex(iccidPattern),
  imsi: z.string().regex(imsiPattern),
  reason: z.string().max(60).exactOptional(),
});

const decided = z.looseObject({ retires: z.string() });

/**
 * Another card for a subscriber. The serving branch gives one of its own; the home branch binds it,
 * retires the old one and takes the fee out of the balance. The card stays the subscriber's when he
 * is blocked: a lost phone is why.
 */
export function createSimReplacement(deps: {
  sims: SimService;
  subscribers: SimSubscribers;
  charges: SimCharges;
  /** @throws DomainError `no-release` */
  reference(): Reference;
}): OperationKind {
  const { sims, subscribers, charges } = deps;

  function feeOf({ businessDate }: Operation, currency: string): Money {
    const tariff = deps.reference().tariff('sim-replacement', businessDate);
    return tariff?.payer === 'customer' ? tariff.price : { amount: 0n, currency };
  }

  return {
    kind: 'sim-replacement',
    request,
    acceptedWhileRecovering: false,
    async accept(tx, operation, replayed) {
      const { iccid, imsi } = parseInput(request, operation.request);
      await sims.reserve(tx, operation, {
        card: { iccid, imsi },
        isReplay: replayed !== undefined,
      });
      return {};
    },
    async decide(tx, operation) {
      const { iccid, imsi } = parseInput(request, operation.request);
      const subscriber = await subscribers.requireHere(tx, operation.msisdn);
      await sims.assertBindable(tx, operation, { iccid, imsi });
      const fee = feeOf(operation, subscriber.currency);
      await charges.assertCovered(tx, subscriber, fee);
      const { billingAccountId } = subscriber;
      return { retires: subscriber.iccid, billingAccountId, fee: { ...formatMoney(fee) } };
    },
    async apply(tx, operation, result) {
      const { iccid, imsi } = parseInput(request, operation.request);
      await sims.retire(tx, decided.parse(result).retires);
      await sims.bind(tx, { iccid, imsi });
      await subscribers.changeSim(tx, operation, { iccid, imsi });
      await charges.charge(tx, operation, result);
    },
    async conclude(tx, operation, decision) {
      const { iccid } = parseInput(request, operation.request);
      await sims.conclude(tx, operation, { iccid, decision });
    },
  };
}
