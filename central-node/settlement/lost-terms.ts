import type { NodeCode } from '../../shared/ids/ids.ts';
import { type OwedSum, type PairPosition, pairPositions } from '../../shared/settlement/netting.ts';
import {
  isPriced,
  type MatchedOperation,
  type Obligation,
} from '../../shared/settlement/obligation.ts';
import type { Reader } from '../../shared/store/store.ts';
import {
  maxObligationsPerPage,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import { lostPlace } from './lost-settlement-store.ts';
import { findObligation, type RecordedObligation, sumsOf } from './obligation-store.ts';
import { isSame, isSamePair } from './pair-positions.ts';

/** A position of a lost settlement, and whose word its terms are. */
export interface LostTerms {
  readonly told: NodeCode;
  readonly agreed: Agreed;
  readonly position: PairPosition;
  readonly currency: string;
  readonly windowIds: readonly string[];
  /** Those of them that the backup had not closed. */
  readonly unrecorded: readonly string[];
}

/** What an operation makes owed by the terms of its settlement; `known` is absent where by today's it is nothing. */
export interface Repricing {
  readonly known?: RecordedObligation;
  readonly priced: Omit<RecordedObligation, 'id' | 'windowId' | 'caseId'>;
}

/** The execution that two branches have agreed on. */
export type Agreed = (
  tx: Reader,
  of: { operationId: string; attempt: number },
) => Promise<MatchedOperation | undefined>;

/** As head office makes them, a sum less its commission or a fee: no branch may name another one. */
export function isSound(item: WireObligation, told: NodeCode): boolean {
  const { gross, commission, fee, net } = item;
  const isOwed = [gross, commission, fee, net].every((sum) => sum >= 0n);
  const isOneOfTheTwo = commission <= gross && (gross === 0n || fee === 0n);
  return isOwed && isOneOfTheTwo && net === gross - commission + fee && item.peer !== told;
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
    const known = await findObligation(tx, item);
    const change = known ? repricing(item, known, of) : await pricing(tx, item, of);
    if (change) changes.push(change);
  }
  const after = pairPositions([
    ...(await sumsOf(tx, of.windowIds)),
    ...changes.map(({ priced }) => ({ ...priced, count: 1 })),
    ...changes.flatMap(({ known }) => (known ? negated(known) : [])),
  ]);
  return after.some((sum) => isSame([sum], [of.position])) ? changes : [];
}

function repricing(
  { gross, commission, fee, net }: WireObligation,
  known: RecordedObligation,
  { position, currency, unrecorded }: LostTerms,
): Repricing | undefined {
  if (!known.windowId || !unrecorded.includes(known.windowId) || known.gross !== gross) {
    return undefined;
  }
  const pair = [position.branch, position.peer];
  if (!pair.includes(known.debtor) || !pair.includes(known.creditor)) return undefined;
  return { known, priced: { ...known, currency, commission, fee, net } };
}

/** A service that was named in the settlement, and that costs nothing today: its fee is the branch's word. */
async function pricing(
  tx: Reader,
  item: WireObligation,
  { position, told, currency, unrecorded, agreed }: LostTerms,
): Promise<Repricing | undefined> {
  const { operationId, attempt, kind, gross, commission, fee, net } = item;
  const place = await lostPlace(tx, item);
  if (place === undefined || !unrecorded.includes(place) || gross > 0n) return undefined;
  const operation = await agreed(tx, item);
  if (operation?.kind !== kind || !isPriced(operation.kind)) return undefined;
  const sides = sidesOf(item, told);
  if (sides.debtor !== operation.home || sides.creditor !== operation.serving) return undefined;
  if (!isSamePair({ branch: told, peer: item.peer }, position)) return undefined;
  const { businessDate } = operation;
  const owed = { ...sides, currency, gross, commission, fee, net };
  return { priced: { operationId, attempt, kind, businessDate, ...owed } };
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
