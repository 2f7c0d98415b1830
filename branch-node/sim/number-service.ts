import type { Msisdn, NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, instantOf, now } from '../../shared/time/clock.ts';
import {
  findNumber,
  firstFree,
  insertNumber,
  isKept,
  listNumbers,
  numbersReservedFor,
  type PoolNumber,
  reserveNumber,
  takeNumber,
} from './number-store.ts';

/** How long a number waits for the registration of the customer who chose it. */
const reservationMs = 3 * 24 * 3_600_000;
/** One that ends later than this was made by a clock far ahead. */
const maxAheadMs = 2 * reservationMs;

export type NumberService = ReturnType<typeof createNumberService>;

/** The numbers that this branch gives out: as long as the plan has them here. */
export function createNumberService(deps: {
  node: NodeCode;
  clock: Clock;
  /** @throws DomainError `no-release` */
  reference(): Reference;
}) {
  const { node, clock } = deps;

  /** Is it a number of this branch's own ranges? Numbers were parsed at the border, where they became what they are here. */
  function isOwn(msisdn: string): boolean {
    const home = deps.reference().homeOf(msisdn as Msisdn);
    return home.kind === 'own' && home.branch === node;
  }

  function isFreeFor(number: PoolNumber, customerId: string): boolean {
    const { state, reservedFor, reservedUntil } = number;
    if (state !== 'reserved') return state === 'free';
    return reservedFor === customerId || !isKept(reservedUntil ?? '', keptNow());
  }

  const keptNow = () => ({ from: now(clock), to: instantOf(clock.nowMs() + maxAheadMs) });

  /** @throws DomainError `number-taken` for a number that this customer cannot have. */
  async function assertFreeFor(tx: Reader, msisdn: string, customerId: string): Promise<void> {
    const number = await findNumber(tx, msisdn);
    const isOurs = number !== undefined && isOwn(msisdn);
    if (!isOurs || !isFreeFor(number, customerId)) throw new DomainError('number-taken');
  }

  /**
   * Keeps the chosen number, or any free one, for the customer; asked again without a choice, the
   * one that is kept.
   * @throws DomainError `number-taken`.
   */
  async function reserve(
    tx: Transaction,
    { customerId, msisdn }: { customerId: string; msisdn?: string | undefined },
  ): Promise<string> {
    const chosen =
      msisdn ??
      (await numbersReservedFor(tx, customerId)).find(isOwn) ??
      (await firstFree(tx, keptNow(), isOwn));
    if (chosen === undefined) throw new DomainError('number-taken', 'No number is free here.');
    await assertFreeFor(tx, chosen, customerId);
    const until = instantOf(clock.nowMs() + reservationMs);
    await reserveNumber(tx, { msisdn: chosen, customerId, until });
    return chosen;
  }

  return {
    isOwn,
    assertFreeFor,
    reserve,
    /** The number has its subscriber; a pool that a set-back had emptied learns of it here. */
    take: (tx: Transaction, msisdn: string) => takeNumber(tx, msisdn, now(clock)),
    isInPool: async (tx: Reader, msisdn: string) => (await findNumber(tx, msisdn)) !== undefined,
    /** Takes numbers into the pool; those that are in it stay as they are. */
    async receive(
      tx: Transaction,
      msisdns: readonly string[],
    ): Promise<{ received: number; known: number }> {
      let received = 0;
      for (const msisdn of msisdns) {
        if (await insertNumber(tx, msisdn, now(clock))) received += 1;
      }
      return { received, known: msisdns.length - received };
    },
    list: listNumbers,
  };
}
