import type { NodeCode } from '../../shared/ids/ids.ts';
import { type OwedSum, type PairPosition, pairPositions } from '../../shared/settlement/netting.ts';
import type { Obligation } from '../../shared/settlement/obligation.ts';
import type { Reader } from '../../shared/store/store.ts';
import {
  maxObligationsPerPage,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import { findObligation, type RecordedObligation, sumsOf } from './obligation-store.ts';
import { isSame } from './pair-positions.ts';

/** A position of a lost settlement. */
export interface LostTerms {
  readonly position: PairPosition;
  readonly currency: string;
  readonly windowIds: readonly string[];
  /** Those of them that the backup had not closed. */
  readonly unrecorded: readonly string[];
}

/** An obligation, and what it is by the terms of its settlement. */
export interface Repricing {
  readonly known: RecordedObligation;
  readonly priced: RecordedObligation;
}

/** As head office makes them: no branch may name another one. */
export function isSound(item: WireObligation, told: NodeCode): boolean {
  const { gross, commission, fee, net } = item;
  const isOwed = [gross, commission, fee, net].every((sum) => sum >= 0n);
  return isOwed && net === gross - commission + fee && item.peer !== told;
}

export function sidesOf(
  { direction, peer }: WireObligation,
  told: NodeCode,
): Pick<Obligation, 'debtor' | 'creditor'> {
  return direction === 'owes' ? { debtor: told, creditor: peer } : { debtor: peer, creditor: told };
}

/** Whether all that a branch names of a position is what head office signed. */
export function comesTo(
  position: PairPosition,
  items: readonly WireObligation[],
  told: NodeCode,
): boolean {
  const sums = items.map((item) => ({ ...item, ...sidesOf(item, told), count: 1 }));
  return pairPositions(sums).some((sum) => isSame([sum], [position]));
}

/**
 * In a window that was lost before it was closed counts what the branches checked: a release may have changed the terms
 * since.
 * @returns what changes by it; nothing if a position does not come to what head office signed.
 */
export async function repricings(
  tx: Reader,
  items: readonly WireObligation[],
  of: LostTerms,
): Promise<Repricing[]> {
  const changes: Repricing[] = [];
  for (const item of items) {
    const change = await repricing(tx, item, of);
    if (change) changes.push(change);
  }
  const after = pairPositions([
    ...(await sumsOf(tx, of.windowIds)),
    ...changes.flatMap(({ known, priced }) => [negated(known), { ...priced, count: 1 }]),
  ]);
  return after.some((sum) => isSame([sum], [of.position])) ? changes : [];
}

async function repricing(
  tx: Reader,
  { operationId, attempt, gross, commission, fee, net }: WireObligation,
  { position, currency, unrecorded }: LostTerms,
): Promise<Repricing | undefined> {
  const known = await findObligation(tx, { operationId, attempt });
  if (!known?.windowId || !unrecorded.includes(known.windowId) || known.gross !== gross) {
    return undefined;
  }
  const pair = [position.branch, position.peer];
  if (!pair.includes(known.debtor) || !pair.includes(known.creditor)) return undefined;
  return { known, priced: { ...known, currency, commission, fee, net } };
}

function negated({ gross, commission, fee, net, ...sides }: Obligation): OwedSum {
  return { ...sides, count: -1, gross: -gross, commission: -commission, fee: -fee, net: -net };
}

/** As many as one transaction takes. */
export function batchesOf<T>(all: readonly T[]): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < all.length; start += maxObligationsPerPage) {
    batches.push(all.slice(start, start + maxObligationsPerPage));
  }
  return batches;
}
