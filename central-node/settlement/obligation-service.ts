import type { Alarms } from '../../shared/federation/alarms.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import { accounts, type Posting, transfer } from '../../shared/ledger/ledger.ts';
import { post } from '../../shared/ledger/ledger-store.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { netPositions, type OwedSum, pairPositions } from '../../shared/settlement/netting.ts';
import {
  type MatchedOperation,
  type Obligation,
  obligationOf,
} from '../../shared/settlement/obligation.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import { adjustmentKind, type WireObligation } from '../../shared/wire/settlement-messages.ts';
import {
  lostObligation,
  lostPlace,
  lostSettlementIds,
  lostWindow,
} from './lost-settlement-store.ts';
import { type Repricing, sidesOf } from './lost-terms.ts';
import {
  addToExposure,
  addToSums,
  cancellationsOf,
  exposures,
  findObligation,
  heldObligations,
  insertObligation,
  moveObligations,
  obligationOfOperation,
  obligationsBetween,
  obligationsInCase,
  placeObligation,
  type RecordedObligation,
  setTerms,
  sumsOf,
  takeFromSums,
} from './obligation-store.ts';
import { isSamePair } from './pair-positions.ts';
import { nextWindowState, type SettlementWindow } from './settlement.ts';
import {
  findWindow,
  insertWindow,
  openWindowOf,
  setWindowState,
  windowCurrencies,
} from './window-store.ts';

/** From this share of its cap on, a branch's unsettled net debit is reported. */
const capWarningPercent = 80n;

export interface ObligationDeps {
  clock: Clock;
  ids: Ids;
  alarms: Pick<Alarms, 'raise' | 'clear'>;
  /** The release in force. @throws DomainError `no-release` */
  reference(): Pick<Reference, 'tariff' | 'commissionBasisPoints' | 'branch'>;
  /** Head office's own calendar day. */
  businessDate(): BusinessDate;
  /** @throws DomainError `recovering`, `past-uncertain` */
  assertCertain(tx: Reader): Promise<void>;
}

type Recorded = Pick<RecordedObligation, 'operationId' | 'attempt' | 'kind' | 'businessDate'>;

export type Obligations = ReturnType<typeof createObligations>;

/**
 * What branches owe each other, window by window. Every obligation is in exactly one window, or held by a case; the
 * sums of a window are kept as its obligations come.
 */
export function createObligations(deps: ObligationDeps) {
  const { clock, ids, alarms } = deps;
  const reportedCaps = new Set<string>();

  /** The open window of a currency; there is always one. */
  async function openWindow(tx: Transaction, currency: string): Promise<SettlementWindow> {
    const known = await openWindowOf(tx, currency);
    if (known) return known;
    const opened: SettlementWindow = {
      id: ids.uuid(),
      currency,
      state: 'OPEN',
      openedAt: now(clock),
      closedAt: null,
    };
    await insertWindow(tx, opened);
    return opened;
  }

  /** The open window, unless the operation was settled already between the two in one that head office had lost. */
  async function windowFor(
    tx: Transaction,
    of: { operationId: string; attempt: number } & Pick<
      Obligation,
      'debtor' | 'creditor' | 'currency'
    >,
  ): Promise<string> {
    const lost = await lostObligation(tx, of);
    const pair = { branch: of.debtor, peer: of.creditor };
    if (lost && isSamePair(lost, pair)) return lost.windowId;
    return (await openWindow(tx, of.currency)).id;
  }

  /** Whether it stands in a settlement that head office has lost, by a branch's word. */
  async function wasSettled(
    tx: Reader,
    operation: { operationId: string; attempt: number },
  ): Promise<boolean> {
    return (await lostPlace(tx, operation)) !== undefined;
  }

  /** What a lost window had settled goes back into it; what is not collected again yet will. */
  async function adopt(
    tx: Transaction,
    { windowId, ...place }: { operationId: string; attempt: number; windowId: string },
  ): Promise<void> {
    const known = await findObligation(tx, place);
    if (!known) return;
    const from = known.windowId === null ? undefined : await findWindow(tx, known.windowId);
    const to = await findWindow(tx, windowId);
    if (!to || (from && !(await isLeftFor(tx, from, windowId)))) return;
    if (from) {
      const lost = await lostWindow(tx, from.id);
      await takeOut(tx, from, known, lost?.recorded ?? from.state === 'CLOSED');
    }
    await placeObligation(tx, known.id, { windowId, caseId: known.caseId });
    await addToSums(tx, windowId, known);
    // The backup's closing had recorded it, and a case took it off since.
    if ((await lostWindow(tx, windowId))?.recorded)
      await recordOne(tx, { window: to, sign: 1n }, known);
  }

  /** What another settlement that is not back is believed to have held, a branch has named in this one. */
  async function isLeftFor(tx: Reader, from: SettlementWindow, to: string): Promise<boolean> {
    const [lost, wanted] = [await lostWindow(tx, from.id), await lostWindow(tx, to)];
    if (lost) return lost.settlementId !== wanted?.settlementId;
    return from.state === 'OPEN' || from.state === 'CLOSED';
  }

  /**
   * What two branches owed each other in a window that is not settled between them is owed in the open one.
   * @param of.unnamedOnly what a branch named of it stays.
   */
  async function giveBack(
    tx: Transaction,
    of: {
      windowId: string;
      recorded: boolean;
      pair: readonly [NodeCode, NodeCode];
      unnamedOnly?: boolean;
    },
  ): Promise<void> {
    const window = await findWindow(tx, of.windowId);
    if (!window) throw new DomainError('window-not-found');
    for (const each of await obligationsBetween(tx, window.id, of.pair)) {
      if (of.unnamedOnly && (await wasSettled(tx, each))) continue;
      await takeOut(tx, window, each, of.recorded);
      const { caseId } = each;
      const windowId = caseId === null ? (await openWindow(tx, each.currency)).id : null;
      await placeObligation(tx, each.id, { windowId, caseId });
      if (windowId !== null) await addToSums(tx, windowId, each);
    }
  }

  /** Takes an obligation out of a window, and off the positions if its closing has recorded them. */
  async function takeOut(
    tx: Transaction,
    window: SettlementWindow,
    taken: RecordedObligation,
    isRecorded: boolean,
  ): Promise<void> {
    await takeFromSums(tx, window.id, taken);
    if (isRecorded) await recordOne(tx, { window, sign: -1n }, taken);
  }

  /** An adjustment stands on the recorded positions since it was approved. */
  async function recordOne(
    tx: Transaction,
    change: { window: SettlementWindow; sign: 1n | -1n },
    obligation: RecordedObligation,
  ): Promise<void> {
    if (obligation.kind === adjustmentKind) return;
    const sums = [{ ...obligation, count: 1 }];
    await recordNets(tx, { ...change, kind: 'window.corrected' }, sums);
  }

  /**
   * Both legs of an executed operation agree: what it makes one branch owe the other, once.
   * @param paid the payment that it cancels, as told: its legs may not be matched yet.
   */
  async function owe(
    tx: Transaction,
    operation: MatchedOperation,
    paid?: MatchedOperation,
  ): Promise<void> {
    const { payment } = operation.facts;
    const owed = payment === undefined ? undefined : await obligationOfOperation(tx, payment);
    const reversed = owed ?? (paid && obligationOf(paid, deps.reference()));
    const obligation = obligationOf(operation, deps.reference(), reversed);
    const cancels = operation.kind === 'payment-cancellation' ? (payment ?? null) : null;
    if (obligation) await record(tx, { ...operation, cancels }, obligation);
  }

  /** @returns the debtor's exposure after the change; `sign` −1 takes it back. */
  async function expose(tx: Transaction, owed: Obligation, sign: 1n | -1n): Promise<bigint> {
    const { debtor, creditor, currency } = owed;
    const net = owed.net * sign;
    await addToExposure(tx, { branch: creditor, currency, net });
    return addToExposure(tx, { branch: debtor, currency, net: -net });
  }

  async function record(
    tx: Transaction,
    of: Recorded & { readonly cancels?: string | null },
    obligation: Obligation,
  ): Promise<void> {
    const { operationId, attempt, kind, businessDate, cancels = null } = of;
    const { currency, debtor, net } = obligation;
    const windowId = await windowFor(tx, { ...obligation, operationId, attempt });
    const row = { ...obligation, operationId, attempt, kind, businessDate };
    if (!(await insertObligation(tx, { ...row, windowId, caseId: null, cancels }))) return;
    await addToSums(tx, windowId, row);
    const after = await expose(tx, row, 1n);
    const crossed = capLevel(debtor, currency, after);
    if (crossed && crossed !== capLevel(debtor, currency, after + net)) {
      tx.afterCommit(() => reportCap(crossed));
    }
  }

  /**
   * What a branch found in a settlement, of an operation whose other branch will not tell its leg again. An adjustment is
   * head office's own word, and comes back as such.
   */
  async function restate(
    tx: Transaction,
    item: WireObligation,
    { told, currency }: { told: NodeCode; currency: string },
  ): Promise<void> {
    const { kind, operationId, attempt, gross, commission, fee, net } = item;
    if (kind === adjustmentKind) return;
    const of = { operationId, attempt, kind, businessDate: deps.businessDate() };
    await record(tx, of, { ...sidesOf(item, told), currency, gross, commission, fee, net });
  }

  /** An obligation counts by the terms of its settlement, and so does what cancellations give back of it. */
  async function reprice(tx: Transaction, { known, priced }: Repricing): Promise<void> {
    if (!known) {
      // Its place may have been taken back since it was looked at: it is owed nowhere else.
      if (await wasSettled(tx, priced)) await record(tx, priced, priced);
      return;
    }
    const current = await findObligation(tx, known);
    if (!current?.windowId || current.windowId !== known.windowId) return;
    await changeTerms(tx, current, { ...current, ...priced });
    for (const given of await cancellationsOf(tx, priced.operationId)) {
      await repriceCancellation(tx, given, priced);
    }
  }

  /** Unsettled, a cancellation gives back what its payment's commission turns out to be. */
  async function repriceCancellation(
    tx: Transaction,
    given: RecordedObligation,
    { debtor, creditor, currency, gross, commission }: Obligation,
  ): Promise<void> {
    const isItsOwn = given.debtor === creditor && given.creditor === debtor;
    if (!isItsOwn || given.currency !== currency || given.gross !== gross) return;
    const window = given.windowId === null ? undefined : await findWindow(tx, given.windowId);
    if (window && window.state !== 'OPEN' && window.state !== 'CLOSED') return;
    const priced = { ...given, commission, net: gross - commission };
    const recorded = window?.state === 'CLOSED' ? window : undefined;
    if (recorded) await recordOne(tx, { window: recorded, sign: -1n }, given);
    await changeTerms(tx, given, priced);
    if (recorded) await recordOne(tx, { window: recorded, sign: 1n }, priced);
  }

  async function changeTerms(
    tx: Transaction,
    from: RecordedObligation,
    to: RecordedObligation,
  ): Promise<void> {
    const { windowId } = from;
    if (windowId !== null) await takeFromSums(tx, windowId, from);
    await expose(tx, from, -1n);
    await setTerms(tx, from.id, to);
    if (windowId !== null) await addToSums(tx, windowId, to);
    await expose(tx, to, 1n);
  }

  /** What is to be reported of a branch's exposure, if anything. The text holds no sums: an alarm is told once. */
  function capLevel(branch: NodeCode, currency: string, net: bigint): string | undefined {
    const cap = deps.reference().branch(branch)?.netDebitCap;
    if (cap?.currency !== currency || net >= 0n) return undefined;
    if (-net > cap.amount) return stateSentences.say('overCap', { peer: branch, currency });
    if (-net * 100n < cap.amount * capWarningPercent) return undefined;
    const percent = String(capWarningPercent);
    return stateSentences.say('nearCap', { peer: branch, percent, currency });
  }

  /** Reports every branch that is near its cap or over it, and no other. */
  async function reviewCaps(tx: Transaction): Promise<void> {
    const levels = (await exposures(tx)).flatMap(
      ({ branch, currency, net }) => capLevel(branch, currency, net) ?? [],
    );
    tx.afterCommit(() => {
      if (levels.length === reportedCaps.size && levels.every((level) => reportedCaps.has(level))) {
        return;
      }
      alarms.clear('debit-cap');
      reportedCaps.clear();
      for (const level of levels) reportCap(level);
    });
  }

  function reportCap(level: string): void {
    reportedCaps.add(level);
    alarms.raise('debit-cap', level);
  }

  /** Two people's decision in a case: one branch owes another a sum that no operation made. */
  async function adjust(
    tx: Transaction,
    of: { caseId: string; owes: Pick<Obligation, 'debtor' | 'creditor' | 'currency' | 'gross'> },
  ): Promise<void> {
    const { caseId, owes } = of;
    const { debtor, creditor, currency, gross } = owes;
    const businessDate = deps.businessDate();
    const place = { operationId: caseId, attempt: 1 };
    if (await findObligation(tx, place)) return;
    await post(tx, {
      kind: adjustmentKind,
      operationId: caseId,
      businessDate,
      recordedAt: now(clock),
      postings: transfer(
        { amount: gross, currency },
        {
          debit: accounts.position('recorded', debtor),
          credit: accounts.position('recorded', creditor),
        },
      ),
    });
    const made = { ...place, kind: adjustmentKind, businessDate };
    await record(tx, made, { ...owes, commission: 0n, fee: 0n, net: gross });
  }

  /** An operation came into a case: what it makes is settled by no window until the case closes. */
  async function hold(
    tx: Transaction,
    { caseId, ...place }: { operationId: string; attempt: number; caseId: string },
  ): Promise<void> {
    const held = await findObligation(tx, place);
    if (!held) return;
    const window = held.windowId === null ? undefined : await findWindow(tx, held.windowId);
    if (window?.state === 'SETTLED') return;
    if (window && (window.state === 'OPEN' || window.state === 'CLOSED')) {
      await takeOut(tx, window, held, window.state === 'CLOSED');
      await placeObligation(tx, held.id, { windowId: null, caseId });
    } else {
      // A window that is being settled is not changed behind its checker's back; it cannot be approved.
      await placeObligation(tx, held.id, { windowId: held.windowId, caseId });
    }
  }

  async function release(tx: Transaction, caseId: string): Promise<void> {
    for (const held of await obligationsInCase(tx, caseId)) {
      const windowId = held.windowId ?? (await windowFor(tx, held));
      await placeObligation(tx, held.id, { windowId, caseId: null });
      if (held.windowId === null) await addToSums(tx, windowId, held);
    }
  }

  /** Puts the nets of sums on the branches' recorded positions, or with `sign` −1 takes them off. */
  async function recordNets(
    tx: Transaction,
    change: { kind: string; window: SettlementWindow; sign: 1n | -1n },
    sums: readonly OwedSum[],
  ): Promise<void> {
    const { kind, sign } = change;
    const { id: operationId, currency } = change.window;
    const postings: Posting[] = [...netPositions(pairPositions(sums))].flatMap(([branch, net]) =>
      net === 0n
        ? []
        : { account: accounts.position('recorded', branch), currency, amount: -net * sign },
    );
    if (postings.length === 0) return;
    const businessDate = deps.businessDate();
    await post(tx, { kind, operationId, businessDate, recordedAt: now(clock), postings });
  }

  /** An adjustment stands on the recorded positions since it was approved. */
  async function sumsToRecord(tx: Reader, windowId: string) {
    return (await sumsOf(tx, [windowId])).filter(({ kind }) => kind !== adjustmentKind);
  }

  /**
   * Nobody settles before head office knows all that was settled: it might be the same once more. A set-back that nobody
   * has shown yet may have forgotten it.
   * @throws DomainError `recovering`, `past-uncertain`.
   */
  async function assertNothingLost(tx: Reader): Promise<void> {
    await deps.assertCertain(tx);
    if ((await lostSettlementIds(tx)).length === 0) return;
    throw new DomainError('recovering', 'An earlier settlement is being brought back. Try later.');
  }

  /**
   * Closes a window, opens the next one, and records the branches' net positions.
   * @throws DomainError `window-not-found`, `window-not-open`, `recovering`, `past-uncertain`.
   */
  async function closeWindow(
    tx: Transaction,
    id: string,
  ): Promise<{ closed: SettlementWindow; opened: SettlementWindow }> {
    const window = await findWindow(tx, id);
    if (!window) throw new DomainError('window-not-found');
    const state = nextWindowState(window.state, 'close');
    await assertNothingLost(tx);
    const closedAt = now(clock);
    await setWindowState(tx, id, { state, closedAt });
    const opened = await openWindow(tx, window.currency);
    await recordClosed(tx, window);
    return { closed: { ...window, state, closedAt }, opened };
  }

  async function recordClosed(tx: Transaction, window: SettlementWindow): Promise<void> {
    const sums = await sumsToRecord(tx, window.id);
    await recordNets(tx, { kind: 'window.closed', window, sign: 1n }, sums);
  }

  /** An aborted window gives its obligations to the open one; what cases hold waits for them. */
  async function emptyWindow(tx: Transaction, id: string): Promise<void> {
    const window = await findWindow(tx, id);
    if (!window) throw new DomainError('window-not-found');
    await setWindowState(tx, id, { state: nextWindowState(window.state, 'abort') });
    const sums = await sumsToRecord(tx, id);
    await recordNets(tx, { kind: 'window.aborted', window, sign: -1n }, sums);
    for (const held of await heldObligations(tx, id)) {
      await takeFromSums(tx, id, held);
      await placeObligation(tx, held.id, { windowId: null, caseId: held.caseId });
    }
    const { id: open } = await openWindow(tx, window.currency);
    await moveObligations(tx, id, open);
  }

  return {
    ...{ owe, wasSettled, adjust, hold, release, reviewCaps },
    currencies: windowCurrencies,
    ...{
      assertNothingLost,
      closeWindow,
      recordClosed,
      emptyWindow,
      adopt,
      giveBack,
      restate,
      reprice,
    },
  };
}
