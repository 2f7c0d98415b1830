import type { NodeCode } from '../../shared/ids/ids.ts';
import { type OwedSum, type PairPosition, pairPositions } from '../../shared/settlement/netting.ts';
import {
  isPriced,
  type MatchedOperation,
  type Obligation,
} from '../../shared/settlement/obligation.ts';
import type { Reader } from '../../shared/store/store.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import {
  adjustmentKind,
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

interface Words {
  readonly told: NodeCode;
  readonly items: readonly WireObligation[];
}

/** The same for both branches if they name the same operations by the same terms. */
export function hashOfWord(word: Words): string {
  return sha256(textsOf(word).sort().join('\n'));
}

function textsOf({ items, told }: Words): string[] {
  return items.map((item) => {
    const { operationId, attempt, kind, gross, commission, fee } = item;
    const { debtor, creditor } = sidesOf(item, told);
    return JSON.stringify(
      [operationId, attempt, kind, debtor, creditor, gross, commission, fee].map(String),
    );
  });
}

/**
 * In a window that was lost before it was closed counts what the branches checked: a release may have changed the terms
 * since.
 * @param items some of what is named of a position, as many as are read at once.
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
  return changes;
}

/** Whether a position comes to what head office signed once all of these have changed. */
export async function bringsBack(
  tx: Reader,
  changes: readonly Repricing[],
  { windowIds, position }: LostTerms,
): Promise<boolean> {
  const after = pairPositions([
    ...(await sumsOf(tx, windowIds)),
    ...changes.map(({ priced }) => ({ ...priced, count: 1 })),
    ...changes.flatMap(({ known }) => (known ? negated(known) : [])),
  ]);
  return after.some((sum) => isSame([sum], [position]));
}

/** An adjustment has no terms: it stands on the recorded positions as two people made it. */
function repricing(
  { kind, gross, commission, fee, net }: WireObligation,
  known: RecordedObligation,
  { position, currency, unrecorded }: LostTerms,
): Repricing | undefined {
  if (!known.windowId || !unrecorded.includes(known.windowId)) return undefined;
  if (known.gross !== gross || known.kind !== kind || kind === adjustmentKind) return undefined;
  const pair = [position.branch, position.peer];
  if (!pair.includes(known.debtor) || !pair.includes(known.creditor)) return undefined;
  const isAsBefore = known.commission === commission && known.fee === fee;
  if (isAsBefore && known.currency === currency) return undefined;
  return { known, priced: { ...known, currency, commission, fee, net } };
}

/** A service that was named in the settlement, and that costs nothing today. */
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
