import { z } from 'zod';
import type { Federation } from '../../shared/federation/federation.ts';
import { forkedInbound } from '../../shared/federation/inbox-store.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { caseSentences, groupText, legsText } from '../../shared/reconciliation/case-sentences.ts';
import { dayClosed, differencesOf } from '../../shared/reconciliation/day-closed.ts';
import { type Leg, legIn, legOf } from '../../shared/reconciliation/leg.ts';
import { addToTotals, totalsOf } from '../../shared/reconciliation/leg-totals-store.ts';
import { type MatchedOperation, priceFactsOf } from '../../shared/settlement/obligation.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, instantOf, msOf, now } from '../../shared/time/clock.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import { factSha256 } from '../../shared/wire/fact.ts';
import {
  type OperationKindName,
  type OperationPoint,
  operationEntryKinds,
  operationKinds,
} from '../../shared/wire/operation-kinds.ts';
import {
  concludedBody,
  decidedBody,
  type LogEntry,
  type WireDecision,
} from '../../shared/wire/peer-messages.ts';
import type { Obligations } from '../settlement/obligation-service.ts';
import { type CaseKind, dayOfSubject, subjects } from './case.ts';
import type { Cases } from './case-service.ts';
import { historyOf, openCasesOfKind } from './case-store.ts';
import { stepOf } from './credit-times.ts';
import { forgetSearch } from './day-difference-store.ts';
import { countCredit } from './figures-store.ts';
import {
  type AttemptKey,
  executedLeg,
  findCollected,
  findDayClosing,
  insertLeg,
  legsOf,
  openSince,
  saveCollected,
  saveDayClosing,
} from './leg-store.ts';
import {
  type CollectedLeg,
  type CollectedOperation,
  isAmong,
  isSameFact,
  legsWith,
  missingLegOf,
  moneyOfLegs,
  standingOf,
  type Verdict,
  verdictOf,
} from './matching.ts';

export const defaultGraceMs = 15 * 60_000;
const maxCasesPerSweep = 100;
const maxDaysPerSweep = 20;
const maxNamedDifferences = 5;

export interface ReconciliationDeps {
  clock: Clock;
  federation: Pick<Federation, 'alarms' | 'isRecovering'>;
  cases: Cases;
  obligations: Pick<Obligations, 'owe' | 'wasSettled' | 'reviewCaps'>;
  /** How long a leg waits for its partner, from its receipt here. */
  graceMs?: number;
}

export type Reconciliation = ReturnType<typeof createReconciliation>;

/** Matches every leg as it comes, in constant time, and asks after what is left. */
export function createReconciliation(deps: ReconciliationDeps) {
  const { clock, federation, cases, obligations, graceMs = defaultGraceMs } = deps;
  let sweptDayCase = '';

  /** A branch's log entry about a point of an operation. @throws what sets aside an entry that cannot be read. */
  async function take(tx: Transaction, entry: LogEntry): Promise<void> {
    const leg = collectedLegOf(entry);
    const legs = await legsOf(tx, leg);
    const operation = await findCollected(tx, leg);
    const standing = standingOf(leg, { known: operation, legs });
    if (standing === 'stranger') return openStranger(tx, leg, operation);
    let isContradiction = standing === 'contradicts';
    let told = legs;
    if (!isContradiction && (await insertLeg(tx, leg, now(clock)))) {
      told = legsWith(legs, leg);
      await addToTotals(tx, leg);
      await countIfCredited(tx, leg, entry);
    } else {
      const known = legs.find(({ point, branch }) => point === leg.point && branch === leg.branch);
      if (known && isSameFact(known, leg)) return;
      isContradiction = true;
    }
    const corrects = standing === 'corrects';
    await judge(tx, leg, { told, before: operation, isContradiction, corrects });
  }

  /** Told for the first time: how long did the payment take from one branch to the other? */
  async function countIfCredited(
    tx: Transaction,
    { kind, point, serving, home, operationDate }: CollectedLeg,
    { occurredAt, recordedAt }: LogEntry,
  ): Promise<void> {
    if (kind !== 'payment' || point !== 'executed' || serving === home) return;
    const step = stepOf(msOf(recordedAt) - msOf(occurredAt));
    await countCredit(tx, { date: operationDate, step });
  }

  /** Who speaks of an operation that he has no part in: it is a case about him, and does not touch the operation. */
  async function openStranger(
    tx: Transaction,
    leg: CollectedLeg,
    known: CollectedOperation | undefined,
  ): Promise<void> {
    const { branch, operationId, attempt, point, serving, home } = leg;
    const operation = `${operationId}/${attempt}`;
    const told = { branch, point, operation, serving, home };
    const detail = caseSentences.say('strangerTold', told);
    // A home branch only answers who claims to have served what another branch did.
    const isAnswer = branch === home && known !== undefined && serving !== known.serving;
    const stranger = isAnswer ? serving : branch;
    const subject = subjects.strangerOf(stranger);
    await cases.open(tx, { kind: 'stranger-leg', subject, branches: [stranger], detail });
    tx.afterCommit(() => federation.alarms.raise('stranger-leg', detail));
  }

  async function judge(
    tx: Transaction,
    leg: CollectedLeg,
    found: {
      told: readonly CollectedLeg[];
      before: CollectedOperation | undefined;
      isContradiction: boolean;
      corrects: boolean;
    },
  ): Promise<void> {
    const { told, before, isContradiction, corrects } = found;
    const claimed = newlyCollected(leg, before?.since ?? now(clock));
    const { kind, home, operationDate } = claimed;
    const said = corrects ? { kind, home, operationDate } : {};
    const known = { ...(before ?? claimed), ...said };
    const legs = told.filter((each) => isAmong(each, known));
    for (const other of corrects ? told : []) {
      if (!isAmong(other, known)) await openStranger(tx, other, known);
    }
    const contradicted = known.contradicted || isContradiction;
    const verdict = contradicted ? 'legs-differ' : verdictOf(legs);
    const current = { ...known, contradicted, money: moneyOfLegs(legs) };
    const after = await follow(tx, current, { verdict, legs });
    await saveCollected(tx, before, after);
  }

  /** What becomes of an operation now that its legs say this. */
  async function follow(
    tx: Transaction,
    operation: CollectedOperation,
    { verdict, legs }: { verdict: Verdict; legs: readonly CollectedLeg[] },
  ): Promise<CollectedOperation> {
    const { state } = operation;
    if (verdict === 'open' || verdict === state) return operation;
    const { openId, wasAdjusted } = await historyOf(tx, subjects.operation(operation));
    if (wasAdjusted && hadAgreed(legs) && (await obligations.wasSettled(tx, operation))) {
      await settle(tx, executionOf(operation, legs));
      return { ...operation, state: 'adjusted', caseId: null };
    }
    if (verdict !== 'matched' && verdict !== 'refused') {
      // Legs that come again may have agreed the first time, and made something owed: people look again.
      const isLate = operation.serving !== operation.home && hadAgreed(legs);
      const about = { kind: verdict, detail: legsText(legs), isLate };
      return state === 'adjusted' ? operation : dispute(tx, operation, about);
    }
    if (wasAdjusted) {
      const detail = caseSentences.say('lateLeg', { legs: legsText(legs) });
      return dispute(tx, operation, { kind: 'legs-differ', detail, isLate: true });
    }
    if (openId !== null) await cases.resolve(tx, openId, caseSentences.say('legsAgree', {}));
    if (verdict === 'matched') await settle(tx, executionOf(operation, legs));
    return { ...operation, state: verdict, caseId: null };
  }

  /** A branch has it in a settlement that was lost: what people adjusted may have been owed beside that. */
  async function settleAdjusted(tx: Transaction, key: AttemptKey): Promise<void> {
    if (await wasAdjusted(tx, key)) await settle(tx, await agreed(tx, key));
  }

  async function wasAdjusted(tx: Reader, key: AttemptKey): Promise<boolean> {
    return (await historyOf(tx, subjects.operation(key))).wasAdjusted;
  }

  /** What two branches have agreed to have executed, whatever came later. */
  async function agreed(tx: Reader, key: AttemptKey): Promise<MatchedOperation | undefined> {
    const operation = await findCollected(tx, key);
    if (!operation) return undefined;
    const legs = (await legsOf(tx, key)).filter((leg) => isAmong(leg, operation));
    return hadAgreed(legs) ? executionOf(operation, legs) : undefined;
  }

  async function settle(tx: Transaction, matched: MatchedOperation | undefined): Promise<void> {
    if (!matched) return;
    const { payment } = matched.facts;
    // Its home branch told of it first; that the serving branch did so too may come later.
    const paid = payment === undefined ? undefined : await executed(tx, payment);
    await obligations.owe(tx, matched, paid);
  }

  /** As the home branch told of it, whichever attempt that was. */
  async function executed(tx: Reader, operationId: string): Promise<MatchedOperation | undefined> {
    const leg = await executedLeg(tx, operationId);
    return leg && matchedOf(leg, leg);
  }

  /**
   * Puts the operation into a case of this kind; an open one of another kind has ended. What people have adjusted is dealt
   * with, also where head office was set back and collects its legs once more; only a leg that came later is a new case.
   */
  async function dispute(
    tx: Transaction,
    operation: CollectedOperation,
    { kind, detail, isLate = false }: { kind: CaseKind; detail: string; isLate?: boolean },
  ): Promise<CollectedOperation> {
    const { operationId: id, attempt, serving, home } = operation;
    const subject = subjects.operation(operation);
    const { openId, wasAdjusted } = await historyOf(tx, subject);
    if (openId === null && wasAdjusted && !isLate) {
      return { ...operation, state: 'adjusted', caseId: null };
    }
    if (openId !== null) {
      const known = await cases.find(tx, openId);
      if (known.kind === kind) return { ...operation, state: 'case', caseId: known.id };
      if (known.state === 'adjusted') return { ...operation, state: 'case', caseId: known.id };
      await cases.resolve(tx, openId, caseSentences.say('otherKind', { kind }));
    }
    const branches = [...new Set([serving, home])];
    const draft = { kind, subject, branches, operation: { id, attempt }, detail };
    const opened = await cases.open(tx, draft);
    return { ...operation, state: 'case', caseId: opened.id };
  }

  /**
   * A branch has closed a business date: are its control totals head office's own?
   * The same date closed again replaces what it said before, though that was set aside and comes after it.
   */
  async function takeDayClosed(tx: Transaction, entry: LogEntry): Promise<void> {
    const { date: businessDate, totals, reaches } = dayClosed.parse(entry.body);
    const branch = entry.node;
    const receivedAt = now(clock);
    await saveDayClosing(tx, { branch, businessDate, totals, reaches, receivedAt });
    await compareDay(tx, { branch, businessDate });
  }

  async function compareDay(
    tx: Transaction,
    day: { branch: LogEntry['node']; businessDate: string },
  ): Promise<void> {
    const { branch, businessDate } = day;
    const closing = await findDayClosing(tx, day);
    if (!closing) return;
    const ours = await totalsOf(tx, branch, businessDate);
    const differences = differencesOf(closing.totals, ours);
    const subject = subjects.day(branch, businessDate);
    if (differences.length > 0) {
      const groups = differences.slice(0, maxNamedDifferences).map(groupText).join('; ');
      const count = String(differences.length);
      const detail = caseSentences.say('groupsDiffer', { count, groups });
      await cases.open(tx, { kind: 'totals-differ', subject, branches: [branch], detail });
      return;
    }
    await forgetSearch(tx, day);
    const { openId } = await historyOf(tx, subject);
    if (openId === null) return;
    await cases.resolve(tx, openId, caseSentences.say('totalsEqual', {}));
  }

  /**
   * Opens what cases are due, a bounded number a call: legs alone past the grace period, forked streams; looks again at
   * dates whose totals differed, and at the debit caps. Nothing while head office recovers: the case may be there already.
   * @returns how many cases it opened for legs.
   */
  async function sweep(tx: Transaction): Promise<number> {
    if (federation.isRecovering()) return 0;
    const cutoff = instantOf(clock.nowMs() - graceMs);
    const due = await openSince(tx, { cutoff, limit: maxCasesPerSweep });
    let opened = 0;
    for (const operation of due) {
      const legs = await legsOf(tx, operation);
      const kind = missingLegOf(legs);
      const { since } = operation;
      const detail = caseSentences.say('nothingSince', { legs: legsText(legs), since });
      const disputed = await dispute(tx, operation, { kind, detail });
      if (disputed.state === 'case') opened += 1;
      await saveCollected(tx, operation, disputed);
    }
    await sweepDays(tx);
    for (const { peer, epoch } of await forkedInbound(tx)) await openForked(tx, peer, epoch);
    await obligations.reviewCaps(tx);
    return opened;
  }

  async function sweepDays(tx: Transaction): Promise<void> {
    const page = { after: sweptDayCase, limit: maxDaysPerSweep };
    const found = await openCasesOfKind(tx, 'totals-differ', page);
    for (const { subject } of found) {
      const day = dayOfSubject(subject);
      if (day) await compareDay(tx, day);
    }
    sweptDayCase = found.length < maxDaysPerSweep ? '' : (found.at(-1)?.id ?? '');
  }

  async function openForked(tx: Transaction, branch: LogEntry['node'], epoch: string) {
    const subject = subjects.stream(branch, epoch);
    if ((await historyOf(tx, subject)).wasAdjusted) return;
    const detail = caseSentences.say('twoHistories', { branch, epoch });
    await cases.open(tx, { kind: 'forked', subject, branches: [branch], detail });
  }

  return { take, takeDayClosed, sweep, settleAdjusted, wasAdjusted, agreed, executed };
}

/** Whether two branches agreed on an execution, before another leg came: then it made something owed. */
function hadAgreed(legs: readonly CollectedLeg[]): boolean {
  const agreed = legs.filter(({ point }) => point === 'accepted' || point === 'executed');
  return verdictOf(agreed) === 'matched';
}

function newlyCollected(leg: CollectedLeg, since: string): CollectedOperation {
  return {
    operationId: leg.operationId,
    attempt: leg.attempt,
    kind: leg.kind,
    serving: leg.serving,
    home: leg.home,
    operationDate: leg.operationDate,
    money: leg.money ?? null,
    state: 'open',
    contradicted: false,
    since,
    caseId: null,
  };
}

/** What an entry says at each point of an operation: its leg, with what the operation's price depends on. */
const saidAt: Record<OperationPoint, (entry: LogEntry) => Said> = {
  accepted: (entry) => ({ leg: legOf(entry), acceptedSha256: factSha256(entry) }),
  executed: (entry) => ({ ...decisionIn(entry), facts: priceFactsOf(entry.body) }),
  refused: decisionIn,
  concluded(entry) {
    const body = concludedBody.parse(entry.body);
    const { outcome } = body.decision;
    return { leg: legIn(entry, body), outcome, decisionSha256: decisionHash(body.decision) };
  },
};

type Said = { readonly leg: Leg | undefined } & Omit<CollectedLeg, keyof Leg>;

function decisionIn(entry: LogEntry): Said {
  const body = decidedBody.parse(entry.body);
  const acceptedSha256 = acceptedHash.safeParse(body.details.accepted).data;
  return { leg: legIn(entry, body), acceptedSha256, decisionSha256: decisionHash(body.decision) };
}

/** The leg in an entry. @throws ZodError, or DomainError for one that cannot be read as a leg. */
function collectedLegOf(entry: LogEntry): CollectedLeg {
  const told = operationEntryKinds.get(entry.kind);
  const { leg, ...said } = told ? saidAt[told.point](entry) : { leg: undefined };
  if (!told || leg?.kind !== told.kind) {
    throw new DomainError('invalid-input', `${entry.kind} tells of another kind of operation.`);
  }
  return { ...leg, ...said, place: { epoch: entry.epoch, seq: entry.seq } };
}

const acceptedHash = z.string().regex(/^[0-9a-f]{64}$/);

/** Without where a number went: a branch that brings its conclusion back may have forgotten that. */
function decisionHash(decision: WireDecision): string {
  const { outcome } = decision;
  const why = outcome === 'executed' ? { result: decision.result } : { reason: decision.reason };
  return sha256(canonicalJson({ outcome, ...why }));
}

/** What makes one branch owe another; nothing that a branch did by itself. */
function executionOf(operation: CollectedOperation, legs: readonly CollectedLeg[]) {
  return matchedOf(
    operation,
    legs.find((leg) => leg.point === 'executed'),
  );
}

function matchedOf(
  operation: Omit<CollectedOperation, 'money' | 'state' | 'contradicted' | 'since' | 'caseId'>,
  executed: CollectedLeg | undefined,
): MatchedOperation | undefined {
  const { operationId, attempt, kind, serving, home, operationDate: businessDate } = operation;
  if (serving === home || !isOperationKind(kind)) return undefined;
  const { money, facts = {} } = executed ?? {};
  return { operationId, attempt, kind, serving, home, businessDate, money, facts };
}

function isOperationKind(kind: string): kind is OperationKindName {
  return Object.hasOwn(operationKinds, kind);
}
