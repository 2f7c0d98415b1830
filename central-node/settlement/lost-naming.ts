import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import { isPriced, type MatchedOperation } from '../../shared/settlement/obligation.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { isOperationKind, type WireObligation } from '../../shared/wire/settlement-messages.ts';
import {
  forgetLostPair,
  insertLostObligation,
  lostCounts,
  lostObligation,
  lostWindow,
  lostWindows,
} from './lost-settlement-store.ts';
import { type Agreed, batchesOf, sidesOf } from './lost-terms.ts';
import type { Word } from './lost-words.ts';
import type { Obligations } from './obligation-service.ts';
import { findObligation, type RecordedObligation } from './obligation-store.ts';
import { isSamePair } from './pair-positions.ts';
import type { Settlements } from './settlement-service.ts';
import { pendingSettlementOf } from './settlement-store.ts';
import { findWindow } from './window-store.ts';

/** Whoever it was: the log tells names, not operators' ids. */
const restorer = { id: 'restored', name: headOffice };

export interface LostNamingDeps {
  store: Store;
  obligations: Pick<Obligations, 'adopt' | 'restate'>;
  settlements: Pick<Settlements, 'view' | 'giveUp'>;
  agreed: Agreed;
  /** People have made it owed in a case, or not. */
  wasAdjusted(tx: Reader, of: { operationId: string; attempt: number }): Promise<boolean>;
  /** Makes owed what follows from its legs, though people have dealt with it. */
  settleAdjusted(tx: Transaction, of: { operationId: string; attempt: number }): Promise<void>;
}

export type Taken = 'same' | 'taken' | 'other' | 'away' | 'strange';

interface Position {
  readonly id: string;
  readonly position: PairPosition;
}

/** What head office knows of an operation that is named: nothing yet, or something else, or it stands where it should. */
type Seen = 'same' | 'new' | 'away' | 'strange';

/** Which operations a lost settlement was made of: what was settled goes back into its windows. */
export function createLostNaming(deps: LostNamingDeps) {
  const { store, obligations, settlements } = deps;

  /**
   * A word counts in the place of all that was named of the position before, but one branch's alone in no other's, and
   * only once the legs of all of it are there.
   * @returns `strange`, and nothing counts, if head office knows one of the operations as something else; `other`, if it
   * has another such word already; `away`, if one is not there yet.
   */
  async function take({ id, position }: Position, word: Word): Promise<Taken> {
    const seen = new Set<Seen>(word.items.length === position.count ? [] : ['new']);
    for (const some of batchesOf(word.items)) {
      await store.read((tx) =>
        look(tx, { id, position }, { word: { ...word, items: some }, seen }),
      );
      if (!seen.has('strange')) continue;
      // Nor does what was named of it by such a word before: it may be another settlement's.
      if (word.by !== 'one') {
        await store.write((tx) => forgetLostPair(tx, id, [position.branch, position.peer]));
      }
      return 'strange';
    }
    if (word.by === 'one' && seen.has('away')) return 'away';
    const isSame = !seen.has('new');
    if (isSame && !word.without) return 'same';
    if (!isSame) {
      if (word.by === 'one' && (await store.read((tx) => isNamed(tx, { id, position })))) {
        return 'other';
      }
      await store.write((tx) => forgetLostPair(tx, id, [position.branch, position.peer]));
    }
    for (const some of batchesOf(word.items)) {
      const areIts = await store.write((tx) => place(tx, id, { ...word, items: some }));
      if (!areIts) return 'strange';
    }
    return 'taken';
  }

  async function isNamed(tx: Reader, { id, position }: Position): Promise<boolean> {
    const counts = await lostCounts(tx, id);
    return counts.some((each) => isSamePair(each, position) && each.count === position.count);
  }

  async function look(
    tx: Reader,
    { id, position }: Position,
    { word, seen }: { word: Word; seen: Set<Seen> },
  ): Promise<void> {
    const { currency, windowIds } = await settlements.view(tx, id);
    for (const item of word.items) {
      const known = await findObligation(tx, item);
      const operation = known ? undefined : await deps.agreed(tx, item);
      const owed = { told: word.told, item, currency };
      if (known ? !isThat(known, owed) : operation && !isBetween(operation, item, position)) {
        return void seen.add('strange');
      }
      const named = await lostObligation(tx, item);
      const isNamedHere = named?.settlementId === id && isSamePair(named, position);
      if (word.by === 'one') {
        const isElsewhere = named !== undefined && !isNamedHere;
        const isPeoples = known?.caseId != null || (await deps.wasAdjusted(tx, item));
        if (isElsewhere || isPeoples) return void seen.add('strange');
        if (!known && !operation) seen.add('away');
      }
      const isOutside = known?.windowId != null && !windowIds.includes(known.windowId);
      if (isOutside && (await isSettled(tx, known.windowId))) return void seen.add('strange');
      const isSureHere = isNamedHere && (word.by === 'one' || named.isSure);
      seen.add(isSureHere && !isOutside ? 'same' : 'new');
    }
  }

  async function isSettled(tx: Reader, windowId: string | null): Promise<boolean> {
    if (windowId === null || (await lostWindow(tx, windowId))) return false;
    return (await findWindow(tx, windowId))?.state === 'SETTLED';
  }

  /** @returns false if one of them is another lost settlement's, by a word that is sure as well. */
  async function place(tx: Transaction, settlementId: string, word: Word): Promise<boolean> {
    const { told, without, items, by } = word;
    const isSure = by !== 'one';
    const [window] = await lostWindows(tx, settlementId);
    if (!window) return true;
    const { windowId } = window;
    const { currency } = await settlements.view(tx, settlementId);
    for (const item of items) {
      const { operationId, attempt, peer: other } = item;
      const [branch, peer] = told < other ? [told, other] : [other, told];
      await insertLostObligation(tx, {
        ...{ settlementId, windowId, operationId, attempt },
        ...{ branch, peer, isSure },
      });
      if ((await lostObligation(tx, item))?.settlementId !== settlementId) return false;
      // What was settled in another settlement was given up in this one: that was lost as well.
      const pending = await pendingSettlementOf(tx, { operationId, attempt });
      if (pending !== undefined) await settlements.giveUp(tx, { id: pending, actor: restorer });
      await obligations.adopt(tx, { operationId, attempt, windowId });
      if (isSure) await deps.settleAdjusted(tx, { operationId, attempt });
      if (other === without) await obligations.restate(tx, item, { told, currency });
    }
    return true;
  }

  return { take };
}

/** What is owed for an operation is not a branch's to say where head office knows it, but for the terms. */
function isThat(
  known: RecordedObligation,
  { told, item, currency }: { told: NodeCode; item: WireObligation; currency: string },
): boolean {
  const { debtor, creditor } = sidesOf(item, told);
  const isSame = known.kind === item.kind && known.gross === item.gross;
  const hasCurrency =
    known.currency === currency || (isOperationKind(known.kind) && isPriced(known.kind));
  return isSame && hasCurrency && known.debtor === debtor && known.creditor === creditor;
}

function isBetween(
  { serving, home, kind }: MatchedOperation,
  item: WireObligation,
  position: PairPosition,
): boolean {
  return kind === item.kind && isSamePair({ branch: serving, peer: home }, position);
}
