import type { Federation } from '../../shared/federation/federation.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, type FieldError } from '../../shared/problem/problem.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import type { Decision, Operation } from '../operations/operation.ts';
import { nextSimState, type SimCard, type SimEvent, type SimIdentity } from './sim-card.ts';
import { findSim, findSimsLike, listSims, saveSim } from './sim-store.ts';

const maxReportedErrors = 20;

export type SimService = ReturnType<typeof createSimService>;

/**
 * The SIM cards of a branch. A card that an operation uses is reserved when the operation is
 * accepted, bound where the subscriber lives, and written off or released at the serving branch
 * when the answer is known.
 */
export function createSimService(deps: {
  node: NodeCode;
  clock: Clock;
  /** A set-back that nobody has shown yet may have forgotten that a card left the shelf. */
  federation: Pick<Federation, 'assertCertain'>;
}) {
  const { node, clock, federation } = deps;

  async function change(
    tx: Transaction,
    card: SimCard,
    { event, operationId }: { event: SimEvent; operationId?: string },
  ): Promise<void> {
    const state = nextSimState(card.state, event);
    const { iccid, imsi } = card;
    const reserved = state === 'reserved' && operationId ? { reservedFor: operationId } : {};
    await saveSim(tx, { iccid, imsi, state, ...reserved }, now(clock));
  }

  async function assertMayGive(tx: Reader): Promise<void> {
    await federation.assertCertain(tx);
  }

  /**
   * The card on the shelf of this branch.
   * @throws DomainError `sim-not-found`, `sim-not-available`, `recovering`, `past-uncertain`
   */
  async function inStock(tx: Reader, iccid: string): Promise<SimIdentity> {
    await assertMayGive(tx);
    const card = await findSim(tx, iccid);
    if (!card) throw new DomainError('sim-not-found');
    nextSimState(card.state, 'reserve');
    return { iccid, imsi: card.imsi };
  }

  /**
   * Serving branch: the card is put aside for the operation. Deliveries of cards are in no log:
   * what is done again after a set-back may find the shelf empty, and then takes the operation's
   * word for the card.
   * @throws DomainError `sim-not-found`, `sim-not-available`, `recovering`, `past-uncertain`
   */
  async function reserve(
    tx: Transaction,
    { id: operationId }: Operation,
    { card, isReplay }: { card: SimIdentity; isReplay: boolean },
  ): Promise<void> {
    if (isReplay) {
      await saveSim(tx, { ...card, state: 'reserved', reservedFor: operationId }, now(clock));
      return;
    }
    await assertMayGive(tx);
    const known = await findSim(tx, card.iccid);
    if (known?.imsi !== card.imsi) throw new DomainError('sim-not-found');
    await change(tx, known, { event: 'reserve', operationId });
  }

  /**
   * Home branch: could the card be bound?
   * @throws DomainError `sim-not-found`, `sim-not-available`.
   */
  async function assertBindable(
    tx: Reader,
    { id, serving }: Operation,
    card: SimIdentity,
  ): Promise<void> {
    const known = await findSimsLike(tx, card);
    if (serving !== node) {
      if (known.length > 0) throw new DomainError('sim-not-available');
      return;
    }
    const [own, another] = known;
    if (own?.iccid !== card.iccid || own.imsi !== card.imsi) throw new DomainError('sim-not-found');
    if (another) throw new DomainError('sim-not-available');
    if (own.reservedFor !== id) nextSimState(own.state, 'reserve');
  }

  /** The card serves a subscriber of this branch from now on, wherever it came from. */
  async function bind(tx: Transaction, { iccid, imsi }: SimIdentity): Promise<void> {
    await saveSim(tx, { iccid, imsi, state: 'in-use' }, now(clock));
  }

  /** The card will never serve again. */
  async function retire(tx: Transaction, iccid: string): Promise<void> {
    const card = await findSim(tx, iccid);
    if (card?.state === 'in-use') await change(tx, card, { event: 'retire' });
  }

  async function release(tx: Transaction, { id }: Operation, iccid: string): Promise<void> {
    const card = await findSim(tx, iccid);
    if (card?.reservedFor === id) await change(tx, card, { event: 'release' });
  }

  /** Serving branch: the card has gone to the home branch, or is back on the shelf. */
  async function conclude(
    tx: Transaction,
    operation: Operation,
    { iccid, decision }: { iccid: string; decision: Decision },
  ): Promise<void> {
    if (decision.outcome === 'refused') return release(tx, operation, iccid);
    const card = await findSim(tx, iccid);
    const isGone = card?.reservedFor === operation.id && operation.home !== node;
    if (isGone) await change(tx, card, { event: 'transfer' });
  }

  /**
   * Takes a delivery into stock: all of it or nothing. What is in stock already stays.
   * @throws DomainError `invalid-input` naming every card that is known otherwise.
   */
  async function receive(
    tx: Transaction,
    cards: readonly SimIdentity[],
  ): Promise<{ received: number; known: number }> {
    const errors: FieldError[] = [];
    let received = 0;
    for (const [index, card] of cards.entries()) {
      const [same, ...others] = await findSimsLike(tx, card);
      if (!same) {
        await saveSim(tx, { ...card, state: 'in-stock' }, now(clock));
        received += 1;
      } else if (others.length > 0 || same.iccid !== card.iccid || same.imsi !== card.imsi) {
        errors.push({ field: `cards.${index}`, message: 'is known with another ICCID or IMSI' });
      } else if (same.state !== 'in-stock') {
        errors.push({ field: `cards.${index}`, message: `is ${same.state} already` });
      }
    }
    if (errors.length > 0) {
      const shown = errors.slice(0, maxReportedErrors);
      throw new DomainError('invalid-input', 'Nothing was received.', { errors: shown });
    }
    return { received, known: cards.length - received };
  }

  return {
    inStock,
    reserve,
    assertBindable,
    bind,
    retire,
    conclude,
    receive,
    find: findSim,
    list: listSims,
  };
}
