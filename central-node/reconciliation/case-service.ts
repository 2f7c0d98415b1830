import type { Federation } from '../../shared/federation/federation.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import type { Money } from '../../shared/money/money.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import { caseSentences } from '../../shared/reconciliation/case-sentences.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import type { LogEntry } from '../../shared/wire/peer-messages.ts';
import { caseAdjusted, caseClosed, caseOpened } from '../../shared/wire/settlement-messages.ts';
import type { Obligations } from '../settlement/obligation-service.ts';
import type { Person } from '../settlement/settlement.ts';
import {
  type Case,
  type CaseKind,
  type CaseStep,
  caseKinds,
  nextCaseState,
  proposalIdOf,
} from './case.ts';
import { findCase, openCaseAbout, saveCase } from './case-store.ts';
import { findCollected, saveCollected } from './leg-store.ts';

const maxDetailLength = 1_000;

export interface CaseDeps {
  clock: Clock;
  ids: Ids;
  federation: Pick<Federation, 'log' | 'onHeld' | 'onReplay' | 'assertCertain' | 'peers'>;
  obligations: Pick<Obligations, 'hold' | 'release' | 'adjust' | 'currencies'>;
  /** Head office's own calendar day. */
  businessDate(): BusinessDate;
}

export interface CaseDraft {
  readonly kind: CaseKind;
  readonly subject: string;
  readonly branches: readonly NodeCode[];
  readonly operation?: { readonly id: string; readonly attempt: number };
  readonly detail: string;
}

export interface AdjustmentWish {
  readonly id: string;
  readonly reason: string;
  /** Nothing where the case needs no money. */
  readonly owes?: { debtor: NodeCode; creditor: NodeCode; money: Money } | undefined;
  readonly actor: Person;
}

export type Cases = ReturnType<typeof createCases>;

/** The work items made of what does not match: told to the branches, explained and adjusted by people, closed. */
export function createCases(deps: CaseDeps) {
  const { clock, ids, federation, obligations } = deps;

  async function tell(tx: Transaction, about: Case, kind: string, body: object): Promise<void> {
    const members = federation.peers();
    await federation.log.append(tx, {
      kind,
      // A leg names any branch it likes: a stream to one that is none would wait for ever.
      to: about.branches.filter((branch) => members.includes(branch)),
      operationId: about.id,
      occurredAt: now(clock),
      businessDate: deps.businessDate(),
      body,
    });
  }

  async function take(
    tx: Transaction,
    before: Case,
    step: CaseStep,
    made: Partial<Case> & { actor?: Person | undefined; note: string },
  ): Promise<Case> {
    const { actor, note, ...changes } = made;
    const after = { ...before, ...changes, state: nextCaseState(before.state, step) };
    const { state } = after;
    await saveCase(tx, after, { state, at: now(clock), actor: actor?.name ?? null, note });
    return after;
  }

  /** Opens a case and tells the branches; one that is open about the same is answered instead. */
  async function open(tx: Transaction, draft: CaseDraft): Promise<Case> {
    const known = await openCaseAbout(tx, draft.subject);
    if (known) return known;
    const detail = draft.detail.slice(0, maxDetailLength);
    const opened = blankCase({ ...draft, detail, id: ids.uuid(), openedAt: now(clock) });
    await saveCase(tx, opened, {
      state: 'detected',
      at: opened.openedAt,
      actor: null,
      note: detail,
    });
    const { operation } = opened;
    if (operation) await hold(tx, opened);
    await tell(tx, opened, 'case.opened', {
      caseId: opened.id,
      kind: opened.kind,
      subject: opened.subject,
      branches: opened.branches,
      ...(operation ? { operation } : {}),
      detail,
      openedAt: opened.openedAt,
    });
    return opened;
  }

  async function hold(tx: Transaction, { id: caseId, operation }: Case): Promise<void> {
    if (!operation) return;
    const { id: operationId, attempt } = operation;
    await obligations.hold(tx, { operationId, attempt, caseId });
  }

  /** A branch has received it. People may have been quicker. */
  async function notified(tx: Transaction, id: string): Promise<void> {
    const known = await findCase(tx, id);
    if (known?.state !== 'detected') return;
    await take(tx, known, 'notify', { note: caseSentences.say('received', {}) });
  }

  /** What it was about has gone away by itself. */
  async function resolve(tx: Transaction, id: string, resolution: string): Promise<void> {
    const known = await find(tx, id);
    const closed = await take(tx, known, 'resolve', {
      resolution,
      closedAt: now(clock),
      note: resolution,
    });
    await ended(tx, closed);
  }

  async function ended(tx: Transaction, closed: Case): Promise<void> {
    await obligations.release(tx, closed.id);
    const { id: caseId, resolution, closedAt } = closed;
    await tell(tx, closed, 'case.closed', { caseId, resolution: resolution ?? '', closedAt });
  }

  /** @throws DomainError `case-not-found`, `case-conflict`. */
  async function explain(
    tx: Transaction,
    { id, explanation, actor }: { id: string; explanation: string; actor: Person },
  ): Promise<Case> {
    return take(tx, await find(tx, id), 'explain', { explanation, actor, note: explanation });
  }

  /** @throws DomainError `case-not-found`, `case-conflict`, `invalid-input`. */
  async function propose(
    tx: Transaction,
    { id, reason, owes, actor }: AdjustmentWish,
  ): Promise<Case> {
    const known = await find(tx, id);
    if (owes) assertBetween(known, owes);
    const { debtor, creditor, money } = owes ?? {};
    return take(tx, known, 'propose', {
      proposal: {
        reason,
        ...(debtor && creditor && money ? { owes: { debtor, creditor, ...money } } : {}),
      },
      proposedBy: actor.id,
      actor,
      note: caseSentences.say('proposed', { reason }),
    });
  }

  /**
   * Another person's word makes the adjustment that he has seen and closes the case.
   * @throws DomainError `case-not-found`, `case-conflict`, `same-person`; `recovering`, `past-uncertain` while head
   * office may have forgotten that somebody did.
   */
  async function approve(
    tx: Transaction,
    { id, proposal: seen, actor }: { id: string; proposal: string; actor: Person },
  ): Promise<Case> {
    const known = await find(tx, id);
    const { proposal, proposedBy } = known;
    if (!proposal || proposedBy === null) {
      throw new DomainError('case-conflict', 'No adjustment was proposed.');
    }
    if (proposedBy === actor.id) throw new DomainError('same-person');
    if (proposalIdOf(known) !== seen) {
      throw new DomainError('case-conflict', 'Another adjustment was proposed since. Look again.');
    }
    await federation.assertCertain(tx);
    const adjusted = await take(tx, known, 'adjust', {
      approvedBy: actor.id,
      actor,
      note: caseSentences.say('approved', { reason: proposal.reason }),
    });
    const { owes, reason } = proposal;
    if (owes) {
      await obligations.adjust(tx, { caseId: id, owes: { ...owes, gross: owes.amount } });
    }
    await tell(tx, adjusted, 'case.adjusted', {
      caseId: id,
      reason,
      ...(owes ? { owes: { ...owes, amount: owes.amount.toString() } } : {}),
      proposedBy,
      approvedBy: actor.id,
    });
    await leaveToPeople(tx, adjusted);
    const resolution = caseSentences.say('adjusted', { reason });
    const closedAt = now(clock);
    const closed = await take(tx, adjusted, 'close', { resolution, closedAt, note: resolution });
    await ended(tx, closed);
    return closed;
  }

  /** The operation is dealt with; a leg that comes yet is a case of its own. */
  async function leaveToPeople(tx: Transaction, { operation }: Case): Promise<void> {
    if (!operation) return;
    const { id: operationId, attempt } = operation;
    const collected = await findCollected(tx, { operationId, attempt });
    if (!collected) return;
    await saveCollected(tx, collected, { ...collected, state: 'adjusted', caseId: null });
  }

  /** @throws DomainError `case-not-found`. */
  async function find(tx: Reader, id: string): Promise<Case> {
    const known = await findCase(tx, id);
    if (!known) throw new DomainError('case-not-found');
    return known;
  }

  /** Head office was set back: what it had told of a case stands. */
  async function restoreOpened(tx: Transaction, entry: LogEntry): Promise<void> {
    const { caseId: id, operation, ...told } = caseOpened.parse(entry.body);
    if (await findCase(tx, id)) return;
    const newer = await openCaseAbout(tx, told.subject);
    if (newer) await resolve(tx, newer.id, caseSentences.say('forgotten', { id }));
    const kind = caseKinds.find((name) => name === told.kind);
    assert(kind, 'a case that head office told has a kind that it knows');
    const draft = { ...told, id, kind, ...(operation ? { operation } : {}) };
    const opened = { ...blankCase(draft), state: 'notified' as const };
    const note = caseSentences.say('restored', {});
    await saveCase(tx, opened, { state: 'notified', at: now(clock), actor: null, note });
    await hold(tx, opened);
  }

  async function restoreAdjusted(tx: Transaction, entry: LogEntry): Promise<void> {
    const { caseId, reason, owes, proposedBy, approvedBy } = caseAdjusted.parse(entry.body);
    const known = await findCase(tx, caseId);
    if (!known || known.state === 'closed' || known.state === 'adjusted') return;
    const decided = { proposedBy, approvedBy, proposal: { reason, ...(owes ? { owes } : {}) } };
    const adjusted: Case = { ...known, ...decided, state: 'adjusted' };
    const note = caseSentences.say('restored', {});
    await saveCase(tx, adjusted, { state: 'adjusted', at: now(clock), actor: null, note });
    if (owes) await obligations.adjust(tx, { caseId, owes: { ...owes, gross: owes.amount } });
    await leaveToPeople(tx, adjusted);
    // Both were one step: nobody else closes it, and its closing may have been told to nobody.
    const resolution = caseSentences.say('adjusted', { reason });
    const closedAt = now(clock);
    await ended(tx, await take(tx, adjusted, 'close', { resolution, closedAt, note: resolution }));
  }

  async function restoreClosed(tx: Transaction, entry: LogEntry): Promise<void> {
    const { caseId, resolution, closedAt } = caseClosed.parse(entry.body);
    const known = await findCase(tx, caseId);
    if (!known || known.state === 'closed') return;
    const closed: Case = { ...known, state: 'closed', resolution, closedAt };
    await saveCase(tx, closed, { state: 'closed', at: closedAt, actor: null, note: resolution });
    await obligations.release(tx, caseId);
  }

  federation.onHeld('case.opened', notified);
  federation.onReplay('case.opened', restoreOpened);
  federation.onReplay('case.adjusted', restoreAdjusted);
  federation.onReplay('case.closed', restoreClosed);

  return { open, resolve, explain, propose, approve, find, currencies: obligations.currencies };
}

function blankCase(draft: CaseDraft & { readonly id: string; readonly openedAt: string }): Case {
  return {
    id: draft.id,
    kind: draft.kind,
    subject: draft.subject,
    state: 'detected',
    operation: draft.operation ?? null,
    branches: draft.branches,
    detail: draft.detail,
    openedAt: draft.openedAt,
    explanation: null,
    proposal: null,
    proposedBy: null,
    approvedBy: null,
    resolution: null,
    closedAt: null,
  };
}

function assertBetween({ branches }: Case, owes: NonNullable<AdjustmentWish['owes']>): void {
  const { debtor, creditor, money } = owes;
  const isBetween = debtor !== creditor && branches.includes(debtor) && branches.includes(creditor);
  if (isBetween && money.amount > 0n) return;
  const field = isBetween ? 'owes.money.amount' : 'owes.debtor';
  const message = isBetween ? 'must be positive' : 'must be one of the two branches of the case';
  throw new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
