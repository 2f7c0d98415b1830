import type { Federation } from '../../shared/federation/federation.ts';
import { entriesOfOperation } from '../../shared/federation/log-store.ts';
import { passOverSilence } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { type LogEntry, logEntry } from '../../shared/wire/peer-messages.ts';
import {
  type SettlementCompleted,
  settlementCompleted,
  settlementRecalled,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import { createLostAnswers, type Said } from './lost-answers.ts';
import { createLostPricing, type LostPricingDeps } from './lost-pricing.ts';
import {
  countWithoutObligation,
  forgetLost,
  forgetLostPair,
  insertLostObligation,
  insertLostWindow,
  isLost,
  type LostWindow,
  lostCounts,
  lostDecisions,
  lostSettlementIds,
  lostWindows,
} from './lost-settlement-store.ts';
import { batchesOf, comesTo } from './lost-terms.ts';
import type { Obligations } from './obligation-service.ts';
import { isSame, isSamePair, mirrored, negated, positionsIn } from './pair-positions.ts';
import type { Settlement } from './settlement.ts';
import type { Settlements } from './settlement-service.ts';
import {
  decideSettlement,
  deletePositions,
  findSettlement,
  insertPosition,
  insertSettlement,
  pendingSettlementOf,
} from './settlement-store.ts';
import { findWindow, insertWindow, setWindowState } from './window-store.ts';

const alarm = 'settlement-lost';
/** Whoever it was: the log tells names, not operators' ids. */
const restoredPerson = 'restored';
const restorer = { id: restoredPerson, name: headOffice };

export interface LostSettlementDeps {
  store: Store;
  client: PeerClient;
  federation: Pick<Federation, 'log' | 'alarms' | 'onReplay' | 'isRecovering' | 'recovery'>;
  obligations: Pick<Obligations, 'adopt' | 'giveBack' | 'recordClosed' | 'restate' | 'reprice'>;
  settlements: Pick<Settlements, 'view' | 'discharge' | 'giveUp' | 'tell' | 'tellRecalled'>;
  isMember(code: NodeCode): boolean;
  isReachable(code: NodeCode): boolean;
  /** Makes owed what follows from its legs, though people have dealt with it. */
  settleAdjusted(tx: Transaction, of: { operationId: string; attempt: number }): Promise<void>;
  agreed: LostPricingDeps['agreed'];
  releasedCommissions: LostPricingDeps['releasedCommissions'];
}

/** A position whose operations do not come to what the branches were told; `branch` is the first of the two by code. */
export interface OpenPair {
  readonly position: PairPosition;
  /** How many of its operations either branch has named. */
  readonly known: number;
  readonly said: ReadonlyMap<NodeCode, Said>;
  /** False for what only the windows hold: nobody's word names it. */
  readonly isTold: boolean;
}

export type LostSettlements = ReturnType<typeof createLostSettlements>;

/**
 * Settlements that head office completed and lost with a backup. Its own signed words to the branches bring back what
 * was settled between whom; the branches' books say with which operations; the legs that are collected again give those
 * their sums. When the three agree to the last kopeck, it is posted as it was. What neither branch of a position can say
 * was checked by nobody and posted nowhere: it is taken back, and its operations are settled another time. Where two
 * people no longer wait for one branch of a position, the other's word decides which of the two it is.
 */
export function createLostSettlements(deps: LostSettlementDeps) {
  const { store, federation, obligations, settlements } = deps;
  const answers = createLostAnswers({ client: deps.client, epoch: federation.log.epoch });
  const pricing = createLostPricing({ ...deps, answers });

  /** A settlement as one branch was told it, which says both sides of each position. */
  async function restore(tx: Transaction, entry: LogEntry): Promise<void> {
    const told = settlementCompleted.parse(entry.body);
    const id = told.settlementId;
    const known = await findSettlement(tx, id);
    const isLost = (await lostWindows(tx, id)).length > 0;
    if (known?.state === 'SETTLED' && !isLost) return;
    if (known?.state !== 'SETTLED') await restoreDecision(tx, told, known);
    for (const branch of entry.to.filter((node) => node !== headOffice)) {
      for (const position of told.positions.map((each) => ({ ...each, branch }))) {
        await insertPosition(tx, id, position);
        await insertPosition(tx, id, mirrored(position));
      }
    }
  }

  async function restoreDecision(
    tx: Transaction,
    told: SettlementCompleted,
    known: Settlement | undefined,
  ): Promise<void> {
    const { settlementId: id, currency, model, windows: windowIds, completedAt: at } = told;
    const windows = await restoreWindows(tx, told);
    const decidedBy = { id: `${restoredPerson}-checker`, name: told.approvedBy };
    if (known) {
      await decideSettlement(tx, id, { state: 'SETTLED', by: decidedBy, at });
    } else {
      const madeBy = { id: restoredPerson, name: told.madeBy };
      const made = { id, currency, model, state: 'SETTLED', madeBy, madeAt: at } as const;
      await insertSettlement(tx, { ...made, decidedBy, decidedAt: at, windowIds, positions: [] });
    }
    for (const window of windows) await insertLostWindow(tx, id, window);
  }

  /** @returns which of them the backup had closed already. */
  async function restoreWindows(
    tx: Transaction,
    { windows, currency, completedAt: at }: SettlementCompleted,
  ): Promise<LostWindow[]> {
    const lost: LostWindow[] = [];
    for (const windowId of windows) {
      const known = await findWindow(tx, windowId);
      const isSettled = { state: 'SETTLED', closedAt: at } as const;
      if (known) await setWindowState(tx, windowId, isSettled);
      else await insertWindow(tx, { ...isSettled, id: windowId, currency, openedAt: at });
      lost.push({ windowId, recorded: known !== undefined && known.state !== 'OPEN' });
    }
    return lost;
  }

  /** One round over everything that is lost; what a branch cannot say now waits for the next. */
  async function bringBack(): Promise<void> {
    if (federation.isRecovering()) return;
    const ids = await store.read(lostSettlementIds);
    for (const id of ids) {
      await store.write((tx) => tellUntold(tx, id));
      await store.write((tx) => recallUntold(tx, id));
      if (await store.write((tx) => finish(tx, id))) continue;
      const unchecked = await collect(id);
      await goOnWithout(id);
      await pricing.priceAsChecked(id, await store.read((tx) => openPairs(tx, id)));
      await store.write(async (tx) => {
        await recallUnchecked(tx, id, unchecked);
        await giveBackUnnamed(tx, id);
        await finish(tx, id);
      });
    }
    const left = await store.read(lostSettlementIds);
    if (left.length === 0) return federation.alarms.clear(alarm);
    for (const id of left) federation.alarms.raise(alarm, stateSentences.say('notBack', { id }));
  }

  /** Who was not told yet is told now. */
  async function tellUntold(tx: Transaction, id: string): Promise<void> {
    const settled = await settlements.view(tx, id);
    const told = await toldBranches(tx, id);
    for (const branch of new Set(settled.positions.map((position) => position.branch))) {
      if (!told.has(branch)) await settlements.tell(tx, settled, branch);
    }
  }

  /** Between two branches that have both said they were not told, nothing was settled, though the windows hold something. */
  async function recallUntold(tx: Transaction, id: string): Promise<void> {
    const { hasTold } = federation.recovery;
    for (const { branch, peer } of await untoldPairs(tx, id)) {
      if (hasTold(branch) && hasTold(peer)) await recallPair(tx, id, [branch, peer]);
    }
  }

  /** What a lost settlement's windows hold between two branches, and no word of head office names. */
  async function untoldPairs(tx: Reader, id: string): Promise<PairPosition[]> {
    const { positions, windowIds } = await settlements.view(tx, id);
    const sums = await positionsIn(tx, windowIds);
    return sums
      .filter(({ branch, peer }) => branch < peer)
      .filter((sum) => !positions.some((position) => isSamePair(position, sum)));
  }

  async function toldBranches(tx: Reader, id: string): Promise<ReadonlySet<NodeCode>> {
    const entries = await entriesOfOperation(tx, id);
    const completed = entries.filter(({ kind }) => kind === 'settlement.completed');
    return new Set(completed.flatMap(({ entry }) => logEntry.parse(JSON.parse(entry)).to));
  }

  /**
   * Asks the branches with which operations it was; either side of a pair knows.
   * @returns those that do not, and can hear it from nobody but this start of head office now.
   */
  async function collect(id: string): Promise<ReadonlySet<NodeCode>> {
    const unchecked = new Set<NodeCode>();
    const { positions } = await store.read((tx) => settlements.view(tx, id));
    for (const branch of new Set(positions.map((position) => position.branch))) {
      const wanted = await store.read((tx) => wantedOf(tx, id));
      if (!wanted.some((position) => position.branch === branch)) continue;
      try {
        const own = positions.filter((position) => position.branch === branch);
        const named = await answers.namedBy(branch, { id, positions: own });
        if (!named) unchecked.add(branch);
        else for (const position of own) await takeNamed({ id, branch }, { position, named });
      } catch (error) {
        passOverSilence(error);
      }
    }
    return unchecked;
  }

  /** What people no longer wait for: as the other branch has it, or not settled where it has nothing or is gone, too. */
  async function goOnWithout(id: string): Promise<void> {
    const open = await store.read((tx) => openPairs(tx, id));
    const decisions = await store.read((tx) => lostDecisions(tx, id));
    for (const decision of decisions) {
      const { branch, peer, without, approvedBy } = decision;
      const pair = open.find(({ position }) => isSamePair(position, decision));
      if (!approvedBy || !pair) continue;
      // Back after all: it is asked itself.
      if (deps.isMember(without) && deps.isReachable(without)) continue;
      const other = without === branch ? peer : branch;
      try {
        const { position, isTold } = pair;
        const isAsked = isTold && deps.isMember(other);
        const named = isAsked
          ? await answers.namedBy(other, { id, positions: [position] })
          : undefined;
        if (named) await takeNamed({ id, branch: other, without }, { position, named });
        else await store.write((tx) => recallPair(tx, id, [branch, peer]));
      } catch (error) {
        passOverSilence(error);
      }
    }
  }

  /** Nothing counts of what does not come to what was signed: the settlement would never come to it again. */
  async function takeNamed(
    of: Source,
    { position, named }: { position: PairPosition; named: readonly WireObligation[] },
  ): Promise<void> {
    const { branch } = of;
    const items = named.filter(({ peer }) => isSamePair({ branch, peer }, position));
    if (!comesTo(position, items, branch)) return;
    for (const some of batchesOf(items)) await store.write((tx) => place(tx, of, some));
  }

  /** The positions of a lost settlement to which its operations do not come yet. */
  async function openPairs(tx: Reader, id: string): Promise<OpenPair[]> {
    if (!(await isLost(tx, id))) return [];
    const { positions, windowIds } = await settlements.view(tx, id);
    const sums = await positionsIn(tx, windowIds);
    const counts = await lostCounts(tx, id);
    const told = positions
      .filter((position) => position.branch < position.peer)
      .filter((position) => !sums.some((sum) => isSame([sum], [position])))
      .map((position) => ({
        position,
        known: counts.find((each) => isSamePair(each, position))?.count ?? 0,
        said: answers.saidOf(id),
        isTold: true,
      }));
    const untold = (await untoldPairs(tx, id)).map((position) => ({
      ...{ position, known: 0, isTold: false },
      said: new Map<NodeCode, Said>(
        [position.branch, position.peer]
          .filter(federation.recovery.hasTold)
          .map((branch) => [branch, 'unchecked']),
      ),
    }));
    return [...told, ...untold];
  }

  /** The positions whose operations are not known again. */
  async function wantedOf(tx: Reader, id: string): Promise<PairPosition[]> {
    const { positions } = await settlements.view(tx, id);
    const counts = await lostCounts(tx, id);
    return positions.filter(
      (position) => counts.find((each) => isSamePair(each, position))?.count !== position.count,
    );
  }

  async function recallUnchecked(
    tx: Transaction,
    id: string,
    unchecked: ReadonlySet<NodeCode>,
  ): Promise<void> {
    for (const { branch, peer } of await wantedOf(tx, id)) {
      if (!(branch < peer && unchecked.has(branch) && unchecked.has(peer))) continue;
      await recallPair(tx, id, [branch, peer]);
    }
  }

  /** Where all operations of a position are named, what its windows hold beside them a case had kept out of it. */
  async function giveBackUnnamed(tx: Transaction, id: string): Promise<void> {
    const { windowIds } = await settlements.view(tx, id);
    const sums = await positionsIn(tx, windowIds);
    for (const { position, known } of await openPairs(tx, id)) {
      const { branch, peer, count } = position;
      const held = sums.find((sum) => isSamePair(sum, position))?.count ?? 0;
      if (known !== count) continue;
      const unpriced = await countWithoutObligation(tx, { settlementId: id, branch, peer });
      if (held + unpriced <= count) continue;
      for (const lost of await lostWindows(tx, id)) {
        await obligations.giveBack(tx, { ...lost, pair: [branch, peer], unnamedOnly: true });
      }
    }
  }

  async function recallPair(
    tx: Transaction,
    id: string,
    pair: readonly [NodeCode, NodeCode],
  ): Promise<void> {
    // As long as it is lost the branches get no page of it from here.
    if (federation.isRecovering() || !(await isLost(tx, id))) return;
    await recall(tx, id, pair);
    await settlements.tellRecalled(tx, id, pair);
  }

  /** Nothing was settled between the two. */
  async function recall(
    tx: Transaction,
    id: string,
    pair: readonly [NodeCode, NodeCode],
  ): Promise<void> {
    const settlement = await settlements.view(tx, id);
    const [branch, peer] = pair;
    const positions = settlement.positions.filter((each) => isSamePair(each, { branch, peer }));
    const lost = await lostWindows(tx, id);
    if (positions.length === 0 && lost.length === 0) return;
    // A backup of before the settlement was lost has posted it.
    if (lost.length === 0) {
      await settlements.discharge(tx, { ...settlement, positions: positions.map(negated) });
    }
    await deletePositions(tx, id, pair);
    await forgetLostPair(tx, id, pair);
    for (const windowId of settlement.windowIds) {
      const recorded = lost.find((each) => each.windowId === windowId)?.recorded ?? true;
      await obligations.giveBack(tx, { windowId, recorded, pair });
    }
  }

  async function restoreRecall(tx: Transaction, entry: LogEntry): Promise<void> {
    const { settlementId, branches } = settlementRecalled.parse(entry.body);
    if (await findSettlement(tx, settlementId)) await recall(tx, settlementId, branches);
  }

  async function place(
    tx: Transaction,
    { id: settlementId, branch: told, without }: Source,
    items: readonly WireObligation[],
  ): Promise<void> {
    const [window] = await lostWindows(tx, settlementId);
    if (!window) return;
    const { windowId } = window;
    const { currency } = await settlements.view(tx, settlementId);
    for (const item of items) {
      const { operationId, attempt, peer: other } = item;
      const [branch, peer] = told < other ? [told, other] : [other, told];
      await insertLostObligation(tx, {
        ...{ settlementId, windowId, operationId, attempt },
        ...{ branch, peer },
      });
      // What was settled in another settlement was given up in this one: that was lost as well.
      const pending = await pendingSettlementOf(tx, { operationId, attempt });
      if (pending !== undefined) await settlements.giveUp(tx, { id: pending, actor: restorer });
      await obligations.adopt(tx, { operationId, attempt, windowId });
      await deps.settleAdjusted(tx, { operationId, attempt });
      if (other === without) await obligations.restate(tx, item, { told, currency });
    }
  }

  /** Posts it once the obligations come to what the branches were told. */
  async function finish(tx: Transaction, id: string): Promise<boolean> {
    const lost = await lostWindows(tx, id);
    const settlement = await settlements.view(tx, id);
    const positions = await positionsIn(tx, settlement.windowIds);
    if (!isSame(positions, settlement.positions)) return false;
    for (const { windowId, recorded } of lost) {
      const window = await findWindow(tx, windowId);
      if (window && !recorded) await obligations.recordClosed(tx, window);
    }
    await settlements.discharge(tx, settlement);
    await forgetLost(tx, id);
    tx.afterCommit(() => answers.forget(id));
    return true;
  }

  federation.onReplay('settlement.completed', restore);
  federation.onReplay('settlement.recalled', restoreRecall);

  return { bringBack, openPairs };
}

interface Source {
  readonly id: string;
  readonly branch: NodeCode;
  /** Whose legs never come again: what the branch has with that one is taken from its word. */
  readonly without?: NodeCode;
}
