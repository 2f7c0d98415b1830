import type { Federation } from '../../shared/federation/federation.ts';
import { entriesOfOperation } from '../../shared/federation/log-store.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { type LogEntry, logEntry } from '../../shared/wire/peer-messages.ts';
import {
  type SettlementCompleted,
  settlementCompleted,
  settlementRecalled,
} from '../../shared/wire/settlement-messages.ts';
import { createLostAnswers } from './lost-answers.ts';
import { createLostNaming, type LostNamingDeps, type Taken } from './lost-naming.ts';
import { createLostPricing, type LostPricingDeps } from './lost-pricing.ts';
import {
  countBack,
  countWithoutObligation,
  forgetLost,
  forgetLostPair,
  insertLostWindow,
  isLost,
  type LostDecision,
  type LostWindow,
  lostCounts,
  lostDecisions,
  lostSettlementIds,
  lostWindows,
} from './lost-settlement-store.ts';
import { createLostWords, type Heard, isMute, type Word } from './lost-words.ts';
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
} from './settlement-store.ts';
import { findWindow, insertWindow, setWindowState } from './window-store.ts';

const alarm = 'settlement-lost';
/** Whoever it was: the log tells names, not operators' ids. */
const restoredPerson = 'restored';
/** What was named and does not come is asked about again. */
const roundsBetweenQuestions = 20;
type Doubt = 'otherTerms' | 'unknownTerms' | 'strangeNames' | 'notThere';
/** What is said of a word that head office cannot confirm, by what came of taking it. */
const doubts: Readonly<Record<Taken, Doubt | undefined>> = {
  ...{ same: undefined, taken: undefined },
  ...{ other: 'otherTerms', away: 'notThere', strange: 'strangeNames' },
};

export interface LostSettlementDeps extends LostNamingDeps, LostPricingDeps {
  client: PeerClient;
  federation: Pick<Federation, 'log' | 'alarms' | 'onReplay' | 'isRecovering' | 'recovery'>;
  obligations: Pick<Obligations, 'adopt' | 'giveBack' | 'recordClosed' | 'restate' | 'reprice'>;
  settlements: Pick<Settlements, 'view' | 'discharge' | 'giveUp' | 'tell' | 'tellRecalled'>;
  isMember(code: NodeCode): boolean;
  isReachable(code: NodeCode): boolean;
}

/** A position whose operations do not come to what the branches were told; `branch` is the first of the two by code. */
export interface OpenPair {
  readonly position: PairPosition;
  /** How many of its operations either branch has named. */
  readonly known: number;
  readonly heard: ReadonlyMap<NodeCode, Heard>;
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
  const words = createLostWords({ ...deps, answers });
  const naming = createLostNaming(deps);
  const pricing = createLostPricing(deps);
  /** In this round: the positions that are not by both branches' word. */
  const alone = new Set<string>();
  let round = 0;

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

  /**
   * One round over everything that is lost; what a branch cannot say now waits for the next.
   * @throws what the first of them failed by, after all of them.
   */
  async function bringBack(): Promise<void> {
    if (federation.isRecovering()) return;
    round += 1;
    words.nextRound();
    alone.clear();
    const failures: unknown[] = [];
    const reasons = new Map<string, string>();
    const noteFailure = (error: unknown) => void failures.push(error);
    const ids = await store.read(lostSettlementIds);
    for (const id of ids) await bringBackOne(id, reasons, false).catch(noteFailure);
    // What is not both branches' word counts after all that is.
    for (const id of ids) {
      if ([...alone].some((key) => isOf(id, key)))
        await bringBackOne(id, reasons, true).catch(noteFailure);
    }
    const left = await store.read(lostSettlementIds);
    const details = left.flatMap((id) => {
      const known = [...reasons].flatMap(([key, reason]) => (isOf(id, key) ? reason : []));
      return known.length > 0 ? known : stateSentences.say('notBack', { id });
    });
    for (const { code, detail } of federation.alarms.list()) {
      if (code === alarm && !details.includes(detail)) federation.alarms.clear(alarm, detail);
    }
    for (const detail of details) federation.alarms.raise(alarm, detail);
    if (failures.length > 0) throw failures[0];
  }

  /** @param reasons gets what people should know of why its positions are not back. */
  async function bringBackOne(
    id: string,
    reasons: Map<string, string>,
    areLast: boolean,
  ): Promise<void> {
    await store.write((tx) => tellUntold(tx, id));
    await store.write((tx) => recallUntold(tx, id));
    if (await store.write((tx) => finish(tx, id))) return;
    const failures: unknown[] = [];
    for (const pair of await store.read((tx) => openPairs(tx, id))) {
      if (areLast && !alone.has(keyOf(id, pair.position))) continue;
      const { branch: one, peer } = pair.position;
      const reason = await bringBackPair(id, pair, areLast).catch((error: unknown) => {
        failures.push(error);
        return undefined;
      });
      const key = keyOf(id, pair.position);
      if (reason) reasons.set(key, stateSentences.say(reason, { id, one, peer }));
      else reasons.delete(key);
    }
    await store.write(async (tx) => {
      await giveBackUnnamed(tx, id);
      await finish(tx, id);
    });
    if (failures.length > 0) throw failures[0];
  }

  const keyOf = (id: string, { branch, peer }: PairPosition) => `${id} ${branch} ${peer}`;
  const isOf = (id: string, key: string) => key.startsWith(`${id} `);

  /** Learns with which operations a position was, and by which terms; takes it back where nobody has anything of it. */
  async function bringBackPair(
    id: string,
    { position, known, heard, isTold }: OpenPair,
    isLast: boolean,
  ): Promise<Doubt | undefined> {
    const decision = await store.read((tx) => approvedDecision(tx, id, position));
    if (!isTold) {
      const without = decision?.without;
      if (without && isMute(isThere(without), heard.get(without))) await recallOne(id, position);
      return undefined;
    }
    const isPatient =
      known === position.count && !decision && !isLast && round % roundsBetweenQuestions !== 0;
    if (isPatient && !(await store.read((tx) => pricing.areAllBack(tx, { id, position })))) {
      return 'notThere';
    }
    const going = { id, position, isLast };
    const said = await goBy(going, await words.wordOn(id, position, undefined));
    if (said === 'done' || said === 'later') return undefined;
    if (!decision) return said;
    const decided = await goBy(going, await words.wordOn(id, position, decision));
    return decided === 'done' || decided === 'later' ? undefined : (decided ?? said);
  }

  async function goBy(
    { id, position, isLast }: { id: string; position: PairPosition; isLast: boolean },
    word: Word | 'otherTerms' | 'nothing' | undefined,
  ): Promise<Doubt | 'done' | 'later' | undefined> {
    if (word === undefined || word === 'otherTerms') return word;
    if (word === 'nothing') {
      await recallOne(id, position);
      return 'done';
    }
    if (word.by !== 'both') {
      alone.add(keyOf(id, position));
      if (!isLast || !(await store.read((tx) => isItsTurn(tx, id, position)))) return 'later';
    }
    const taken = doubts[await naming.take({ id, position }, word)];
    const areBack = !taken && (await store.read((tx) => pricing.areAllBack(tx, { id, position })));
    const priced = areBack ? await pricing.price({ id, position }, word) : undefined;
    const doubt = taken ?? (priced === 'unknownTerms' ? priced : undefined);
    if (doubt) words.doubt(id, position, word);
    else words.believe(id, position);
    if (doubt || areBack) return doubt ?? 'done';
    return 'notThere';
  }

  const recallOne = (id: string, { branch, peer }: PairPosition) =>
    store.write((tx) => recallPair(tx, id, [branch, peer]));

  /** What another lost settlement of the two was made of is known before one of them alone names something here. */
  async function isItsTurn(tx: Reader, id: string, position: PairPosition): Promise<boolean> {
    for (const other of await lostSettlementIds(tx)) {
      if (other === id || alone.has(keyOf(other, position))) continue;
      const pair = (await openPairs(tx, other)).find((each) => isSamePair(each.position, position));
      if (pair?.isTold && pair.known !== pair.position.count) return false;
    }
    return true;
  }

  const isThere = (code: NodeCode) => deps.isMember(code) && deps.isReachable(code);

  async function approvedDecision(
    tx: Reader,
    id: string,
    position: PairPosition,
  ): Promise<LostDecision | undefined> {
    const decisions = await lostDecisions(tx, id);
    return decisions.find((each) => isSamePair(each, position) && each.approvedBy !== null);
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

  /** The positions of a lost settlement to which its operations do not come yet. */
  async function openPairs(tx: Reader, id: string): Promise<OpenPair[]> {
    if (!(await isLost(tx, id))) return [];
    const { positions, windowIds } = await settlements.view(tx, id);
    const sums = await positionsIn(tx, windowIds);
    const counts = await lostCounts(tx, id);
    const all = positions
      .filter((position) => position.branch < position.peer)
      .map((position) => ({
        position,
        known: counts.find((each) => isSamePair(each, position))?.count ?? 0,
        heard: words.heardOf(id, position),
        isTold: true,
      }));
    // A window that was closed before the backup loses operations to cases, and gets no other ones.
    const isClosed = (await lostWindows(tx, id)).every(({ recorded }) => recorded);
    const apart = all.filter(
      ({ position, known }) =>
        (known !== position.count && !isClosed) || !sums.some((sum) => isSame([sum], [position])),
    );
    const told = apart.length > 0 || isClosed ? apart : await withOthers(tx, id, all);
    const untold = (await untoldPairs(tx, id)).map((position) => ({
      ...{ position, known: 0, isTold: false },
      heard: new Map<NodeCode, Heard>(
        [position.branch, position.peer]
          .filter(federation.recovery.hasTold)
          .map((branch) => [branch, { said: 'unchecked' }]),
      ),
    }));
    return [...told, ...untold];
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

  /** Those in which other operations come to the same sums as the named ones. */
  async function withOthers<T extends { readonly position: PairPosition }>(
    tx: Reader,
    settlementId: string,
    pairs: readonly T[],
  ): Promise<T[]> {
    const found: T[] = [];
    for (const pair of pairs) {
      const { branch, peer, count } = pair.position;
      if ((await countBack(tx, { settlementId, branch, peer })) !== count) found.push(pair);
    }
    return found;
  }

  /** Posts it once the obligations come to what the branches were told. */
  async function finish(tx: Transaction, id: string): Promise<boolean> {
    // It may have been posted since it was looked for.
    if (!(await isLost(tx, id))) return true;
    const lost = await lostWindows(tx, id);
    const settlement = await settlements.view(tx, id);
    const positions = await positionsIn(tx, settlement.windowIds);
    if (!isSame(positions, settlement.positions)) return false;
    if ((await openPairs(tx, id)).length > 0) return false;
    for (const { windowId, recorded } of lost) {
      const window = await findWindow(tx, windowId);
      if (window && !recorded) await obligations.recordClosed(tx, window);
    }
    await settlements.discharge(tx, settlement);
    await forgetLost(tx, id);
    tx.afterCommit(() => words.forget(id));
    return true;
  }

  federation.onReplay('settlement.completed', restore);
  federation.onReplay('settlement.recalled', restoreRecall);

  return { bringBack, openPairs };
}
