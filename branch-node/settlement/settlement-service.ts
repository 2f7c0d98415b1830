import type { Federation } from '../../shared/federation/federation.ts';
import { answerIn } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { post } from '../../shared/ledger/ledger-store.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { faultSentences, settlementFaults } from '../../shared/settlement/fault-sentences.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import { type LogEntry, startedHeader } from '../../shared/wire/peer-messages.ts';
import {
  adjustmentKind,
  isSameWord,
  maxObligationsPerPage,
  maxReportedFaults,
  obligationPage,
  settlementCompleted,
  settlementConfirmed,
  settlementRecalled,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import type { Operations } from '../operations/operation-service.ts';
import { adjustmentOf } from './case-store.ts';
import {
  differingPeers,
  type OwnSettlement,
  positionsOf,
  settlementPostings,
  unmirroredPeers,
} from './settlement.ts';
import {
  checkedObligations,
  checkedSums,
  decideSettlement,
  faultsOf,
  findSettlement,
  forgetCheck,
  insertRecall,
  insertSettlement,
  markSettled,
  mirrorsOf,
  saveFault,
  saveFetched,
  saveMirror,
  saveObligation,
  settledElsewhere,
  settledIn,
  settlementsToCheck,
} from './settlement-store.ts';
import { isServedHere, type OwnRecord, verify } from './verification.ts';

const requestTimeoutMs = 30_000;
const retryPauseMs = 5_000;
const checkAlarm = 'settlement-check-failed';
const settlementsPerRun = 20;
/** A settlement of fifty million operations of this branch. */
const maxPages = 100_000;

export interface SettlementDeps {
  node: NodeCode;
  store: Store;
  clock: Clock;
  client: PeerClient;
  federation: Pick<
    Federation,
    'log' | 'onEntry' | 'onReplay' | 'onRecovered' | 'isRecovering' | 'alarms'
  >;
  operations: Pick<Operations['store'], 'find' | 'findDecision'>;
  businessDate(tx: Transaction): Promise<BusinessDate>;
  isMember(code: NodeCode): boolean;
}

export type Settlements = ReturnType<typeof createSettlements>;

/**
 * Checks every settlement that head office tells against this branch's own books, operation by operation. If all of it
 * agrees, it is posted and confirmed, once; else it is disputed and nothing is posted.
 */
export function createSettlements(deps: SettlementDeps) {
  const { node, store, clock, federation, operations } = deps;
  let isStarted = false;
  let running: Promise<void> | undefined;
  /** Something came while a run was under way. */
  let isWanted = false;
  /** Pages that were asked for before this last rose count no more. */
  let abandoned = 0;
  let cancelRetry = () => {};
  let lastTried = '';

  async function remember(tx: Transaction, entry: LogEntry): Promise<void> {
    if (entry.node !== headOffice) return;
    const { settlementId: id, currency } = settlementCompleted.parse(entry.body);
    const told = JSON.stringify(entry.body);
    const known = await findSettlement(tx, id);
    if (known && !isSameWord(known.told, settlementCompleted.parse(entry.body))) {
      const detail = stateSentences.say('retold', { id });
      tx.afterCommit(() => federation.alarms.raise('settlement-rewritten', detail));
      return;
    }
    await insertSettlement(tx, { id, currency, told, receivedAt: now(clock) });
    tx.afterCommit(wake);
  }

  /** Head office lost which operations a position was, and nobody has them: they are settled another time. */
  async function recall(tx: Transaction, entry: LogEntry): Promise<void> {
    if (entry.node !== headOffice) return;
    const { settlementId: id, branches } = settlementRecalled.parse(entry.body);
    const peer = branches.find((branch) => branch !== node);
    if (!peer || !branches.includes(node)) return;
    const known = await findSettlement(tx, id);
    if (
      known?.state === 'confirmed' &&
      known.positions.some((position) => position.peer === peer)
    ) {
      const detail = stateSentences.say('takenBack', { peer, id });
      tx.afterCommit(() => federation.alarms.raise('settlement-rewritten', detail));
      return;
    }
    await insertRecall(tx, { id, peer });
    if (known && known.state !== 'confirmed') await forgetCheck(tx, id);
    tx.afterCommit(wake);
  }

  /**
   * What head office asks for when it has lost a settlement; nothing as long as this branch has not checked it to its
   * end. Then no page that was asked for before is taken: head office may rely on it that nobody has them.
   * @throws DomainError `settlement-not-found`, `recovering`.
   */
  async function found(
    id: string,
    page: {
      peer?: string | undefined;
      after: { operationId: string; attempt: number } | undefined;
      limit: number;
    },
  ): Promise<WireObligation[] | undefined> {
    if (federation.isRecovering()) throw new DomainError('recovering');
    abandoned += 1;
    const checked = await store.read(async (tx) => {
      const known = await findSettlement(tx, id);
      if (!known) throw new DomainError('settlement-not-found');
      return known.state === 'received'
        ? undefined
        : checkedObligations(tx, { settlementId: id, ...page });
    });
    if (checked) return checked;
    return store.write(async (tx) => {
      // It may have been checked to its end just now.
      if ((await findSettlement(tx, id))?.state !== 'received') {
        return checkedObligations(tx, { settlementId: id, ...page });
      }
      await forgetCheck(tx, id);
      return undefined;
    });
  }

  /**
   * A disputed settlement is checked once more: what the branch's books lacked may have come.
   * @throws DomainError `settlement-not-found`; `settlement-conflict` when it is not disputed.
   */
  async function recheck(tx: Transaction, id: string): Promise<OwnSettlement> {
    const known = await findSettlement(tx, id);
    if (!known) throw new DomainError('settlement-not-found');
    if (known.state !== 'disputed') {
      throw new DomainError('settlement-conflict', `The settlement is ${known.state}.`);
    }
    await forgetCheck(tx, id);
    tx.afterCommit(wake);
    return { ...known, state: 'received', fetched: '', decidedAt: null, faults: [] };
  }

  /** Another branch's position with this one is this one's with it, turned round; else they were told different things. */
  async function mirror(tx: Transaction, entry: LogEntry): Promise<void> {
    const { settlementId: id, positions = [] } = settlementConfirmed.parse(entry.body);
    const position = positions.find(({ peer }) => peer === node);
    if (!position) return;
    const told = { ...position, peer: entry.node };
    await saveMirror(tx, id, told);
    const own = await findSettlement(tx, id);
    if (own && unmirroredPeers(own.positions, [told]).length > 0) raiseDiffers(tx, id, told);
  }

  function raiseDiffers(tx: Transaction, id: string, { peer }: { peer: NodeCode }): void {
    const detail = stateSentences.say('otherPosition', { peer, id });
    tx.afterCommit(() => federation.alarms.raise('settlement-differs', detail));
  }

  /** Works off what is to be checked; never two at a time. */
  function run(): Promise<void> {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function work(): Promise<void> {
    if (federation.isRecovering()) return;
    const page = { after: lastTried, limit: settlementsPerRun };
    for (const id of await store.read((tx) => settlementsToCheck(tx, page))) {
      // One that cannot be checked now holds up no other: the next run begins after it.
      lastTried = id;
      await check(id);
    }
  }

  function wake(): void {
    if (!isStarted) return;
    cancelRetry();
    isWanted = running !== undefined;
    if (isWanted) return;
    run()
      .then(() => federation.alarms.clear(checkAlarm))
      .catch((error: unknown) => {
        if (error instanceof DomainError) return;
        federation.alarms.raise(checkAlarm, String(error));
      })
      .finally(() => (isWanted ? wake() : later()));
  }

  /** A check that could not be ended is taken up again. */
  function later(): void {
    if (isStarted) cancelRetry = clock.after(retryPauseMs, wake);
  }

  /** @throws DomainError `peer-unreachable`; what was checked so far stays checked. */
  async function check(id: string): Promise<void> {
    for (let page = 0; page < maxPages; page += 1) {
      const settlement = await store.read((tx) => findSettlement(tx, id));
      if (settlement?.state !== 'received') return;
      const before = abandoned;
      const fetched = await fetchPage(settlement);
      const outcome = await store.write(async (tx) =>
        before === abandoned ? takePage(tx, settlement, fetched) : 'more',
      );
      if (outcome !== 'more') return;
    }
    throw new DomainError('overloaded', 'The settlement has too many pages.');
  }

  async function fetchPage({ id, fetched }: OwnSettlement) {
    const query = new URLSearchParams({ limit: String(maxObligationsPerPage) });
    if (fetched !== '') query.set('after', fetched);
    const response = await deps.client.request(headOffice, {
      method: 'GET',
      path: `/peer/v1/settlements/${encodeURIComponent(id)}/obligations?${query}`,
      headers: { [startedHeader]: federation.log.epoch() },
      timeoutMs: requestTimeoutMs,
    });
    return answerIn(obligationPage, response, headOffice);
  }

  /** All of a page or, while an answer is missing here, nothing of it. */
  async function takePage(
    tx: Transaction,
    { id, fetched, told }: OwnSettlement,
    page: { items: readonly WireObligation[]; next: string | null },
  ): Promise<'more' | 'waits' | 'ended'> {
    const current = await findSettlement(tx, id);
    if (current?.state !== 'received' || current.fetched !== fetched) return 'more';
    const checked: (WireObligation & { fault: string | null })[] = [];
    for (const item of page.items) {
      const own = await ownRecord(tx, item);
      const isAwaited = deps.isMember(item.peer);
      const finding = verify(item, own, { node, currency: told.currency, isAwaited });
      if (finding === 'waits') return 'waits';
      checked.push({ ...item, fault: finding === 'agrees' ? null : finding.fault });
    }
    for (const item of checked) await saveObligation(tx, id, item);
    if (page.next === null) {
      await decide(tx, current);
      return 'ended';
    }
    await saveFetched(tx, id, page.next);
    return 'more';
  }

  async function ownRecord(tx: Reader, item: WireObligation): Promise<OwnRecord> {
    const { operationId, attempt } = item;
    const settled = { settledIn: await settledIn(tx, item) };
    if (item.kind === adjustmentKind) {
      return { ...settled, adjustment: await adjustmentOf(tx, operationId) };
    }
    if (isServedHere(item)) {
      const accepted = await operations.find(tx, operationId);
      return { ...settled, operation: accepted, decision: accepted?.decision };
    }
    return { ...settled, ...(await operations.findDecision(tx, operationId, attempt)) };
  }

  /** Everything is fetched: the books agree in every operation and in every sum, or nothing is posted. */
  async function decide(tx: Transaction, { id, told, positions }: OwnSettlement): Promise<void> {
    const sums = await checkedSums(tx, id);
    const peers = differingPeers(positions, positionsOf(sums));
    const found = await faultsFound(tx, id, peers.length === 0);
    // The own books decide; but people have to know that somebody was told something else.
    for (const peer of unmirroredPeers(positions, await mirrorsOf(tx, id))) {
      raiseDiffers(tx, id, { peer });
    }
    const faults = [
      ...peers.map((peer) => settlementFaults.say('position', { peer })),
      ...found.faults,
    ].slice(0, maxReportedFaults);
    const count = found.count + peers.length;
    const at = now(clock);
    if (count > 0) {
      await decideSettlement(tx, id, { state: 'disputed', at, faults });
      await tell(tx, 'settlement.disputed', { settlementId: id, count, faults });
      return;
    }
    await decideSettlement(tx, id, { state: 'confirmed', at, faults });
    const postings = settlementPostings(sums, told.currency);
    if (postings.length > 0) {
      await post(tx, {
        kind: 'settlement.confirmed',
        operationId: id,
        businessDate: await deps.businessDate(tx),
        recordedAt: at,
        postings,
      });
    }
    const counted = sums.reduce((total, sum) => total + sum.count, 0);
    const confirmed = positions.map(({ peer, count, net }) => ({
      peer,
      count,
      net: net.toString(),
    }));
    const body = { settlementId: id, count: counted, positions: confirmed };
    const to = positions.map(({ peer }) => peer);
    await tell(tx, 'settlement.confirmed', body, to);
  }

  /** What is wrong with single operations. If nothing is, they are settled now, and in no other settlement. */
  async function faultsFound(tx: Transaction, id: string, isToBeSettled: boolean) {
    const found = await faultsOf(tx, id, maxReportedFaults);
    if (!isToBeSettled || found.count > 0 || (await markSettled(tx, id))) return found;
    for (const { settlement, ...of } of await settledElsewhere(tx, id)) {
      await saveFault(tx, id, {
        ...of,
        fault: faultSentences.say('settledBefore', { settlement }),
      });
    }
    return faultsOf(tx, id, maxReportedFaults);
  }

  async function tell(
    tx: Transaction,
    kind: string,
    body: { settlementId: string; [member: string]: unknown },
    others: readonly NodeCode[] = [],
  ): Promise<void> {
    await federation.log.append(tx, {
      kind,
      to: [headOffice, ...others],
      operationId: body.settlementId,
      occurredAt: now(clock),
      businessDate: await deps.businessDate(tx),
      body,
    });
  }

  federation.onEntry('settlement.completed', remember);
  federation.onEntry('settlement.recalled', recall);
  federation.onEntry('settlement.confirmed', mirror);
  // A set-back forgets the confirmation and its postings together. What head office told is told again by its stream,
  // or was never forgotten: the check is made once more, and posts what was lost. There is nothing else to replay.
  for (const kind of ['settlement.confirmed', 'settlement.disputed']) {
    federation.onReplay(kind, async (tx) => tx.afterCommit(wake));
  }
  federation.onRecovered(wake);

  return {
    /** One run over everything that is to be checked. @throws DomainError `peer-unreachable`. */
    run,
    recheck,
    found,
    start(): void {
      isStarted = true;
      wake();
    },
    async stop(): Promise<void> {
      isStarted = false;
      cancelRetry();
      await running?.catch(() => {});
    },
  };
}
