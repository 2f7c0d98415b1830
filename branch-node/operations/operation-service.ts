import type { Federation } from '../../shared/federation/federation.ts';
import { headOffice, type Ids, type NodeCode, type OperationId } from '../../shared/ids/ids.ts';
import { assert, DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { ReleasePolicy } from '../../shared/reference/release-policy.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { type BusinessDate, type Clock, type Instant, now } from '../../shared/time/clock.ts';
import { factSha256 } from '../../shared/wire/fact.ts';
import { entryKindOf, type OperationPoint } from '../../shared/wire/operation-kinds.ts';
import {
  acceptedBody,
  decidedBody,
  type JsonObject,
  type LogEntry,
  nodeCode,
} from '../../shared/wire/peer-messages.ts';
import {
  type Decision,
  nextHome,
  type Operation,
  type OperationKind,
  type OperationRecord,
  operationOf,
} from './operation.ts';
import { createOperationJournal } from './operation-journal.ts';
import { createOperationReplay } from './operation-replay.ts';
import { createOperationStore } from './operation-store.ts';

const waitingPerTransaction = 100;

export interface OperationDeps {
  node: NodeCode;
  store: Store;
  clock: Clock;
  ids: Ids;
  federation: Federation;
  /** The version of the reference release in force. @throws DomainError `no-release` */
  release(): number;
  /** What is done while head office has not confirmed that release. */
  releasePolicy(): ReleasePolicy;
  businessDate(tx: Transaction): Promise<BusinessDate>;
  /** @throws DomainError `unknown-number`, `foreign-number` */
  homeOf(tx: Transaction, msisdn: string): Promise<NodeCode>;
}

export interface OperationDraft {
  /** Made by the caller, or left to the branch. */
  readonly id?: string;
  readonly kind: string;
  readonly msisdn: string;
  readonly actor: { readonly id: string; readonly name: string };
  readonly request: JsonObject;
  /** Who asked for it, and under which key: what a repeat is known by after a set-back. */
  readonly key?: string | undefined;
  /** Where the operation must go if not to the number's present home: to what it is about. */
  readonly home?: NodeCode;
}

export type Operations = ReturnType<typeof createOperations>;

/**
 * The one mechanism of everything that is done for a subscriber: accepted where the person stands, executed where the
 * subscriber lives, concluded where the person stood. It knows no kind by name.
 */
export function createOperations(deps: OperationDeps) {
  const { node, store, clock, federation } = deps;
  const operations = createOperationStore(node);
  const kinds = new Map<string, OperationKind>();
  const { businessDate } = deps;
  const journal = createOperationJournal({ federation, kindOf, businessDate });
  const replay = createOperationReplay({ node, clock, operations, journal, kindOf, conclude });

  function kindOf(name: string): OperationKind {
    const kind = kinds.get(name);
    assert(kind, `operations of kind ${name} are wired`);
    return kind;
  }

  /** Wires a kind: from now on it is accepted, executed, concluded and recovered here. */
  function register(kind: OperationKind): void {
    kinds.set(kind.kind, kind);
    const named = (point: OperationPoint) => entryKindOf(kind.kind, point);
    federation.onEntry(named('accepted'), (tx, entry) => executeReceived(tx, entry, kind));
    federation.onEntry(named('executed'), concludeReceived);
    federation.onEntry(named('refused'), concludeReceived);
    federation.onReplay(named('accepted'), replay.accepted);
    federation.onReplay(named('executed'), replay.decided);
    federation.onReplay(named('refused'), replay.decided);
    federation.onReplay(named('concluded'), replay.concluded);
  }

  /**
   * Refuses, before anything is asked or reserved for it, a kind that is not accepted now.
   * @throws DomainError `recovering`, `release-too-old`
   */
  function assertAccepts(name: string): void {
    const kind = kindOf(name);
    if (federation.isRecovering() && !kind.acceptedWhileRecovering) {
      throw new DomainError('recovering');
    }
    assertFresh(kind);
  }

  function assertFresh({ changesPlans }: OperationKind): void {
    if (!changesPlans || deps.releasePolicy().plansMayChange) return;
    throw new DomainError(
      'release-too-old',
      'Head office has not confirmed plans and prices for over 72 hours: nothing that goes by them is changed.',
    );
  }

  /**
   * Accepts an operation at this branch; if this is the home branch too, it is executed and concluded at once.
   * @throws DomainError the refusal, and then nothing is kept.
   */
  async function accept(tx: Transaction, draft: OperationDraft): Promise<OperationRecord> {
    assertAccepts(draft.kind);
    const kind = kindOf(draft.kind);
    const home = draft.home ?? (await deps.homeOf(tx, draft.msisdn));
    // Nobody would ever decide it.
    if (federation.isCutOff(home)) {
      throw new DomainError('home-unreachable', `The home branch ${home} was cut off.`);
    }
    const operation: Operation = {
      id: (draft.id ?? deps.ids.uuid()) as OperationId,
      kind: draft.kind,
      serving: node,
      home,
      attempt: 1,
      msisdn: draft.msisdn,
      businessDate: await businessDate(tx),
      occurredAt: now(clock),
      actor: draft.actor,
      release: deps.release(),
      request: draft.request,
    };
    const isDecidedNow = operation.home === node && !federation.isRecovering();
    // The person at the desk is told no before anything is taken from him.
    const result = isDecidedNow ? await kind.decide(tx, operation) : undefined;
    const isFlagged = deps.releasePolicy().flagsOperations;
    const accepts = await kind.accept(tx, operation);
    const details = {
      ...accepts,
      ...(isFlagged ? { staleRelease: true } : {}),
      ...(draft.key === undefined ? {} : { key: draft.key }),
    };
    await operations.insert(tx, operation, details);
    if (!result) {
      await journal.record(tx, 'accepted', operation, { details });
      return { ...operation, details, state: 'accepted' };
    }
    await kind.apply(tx, operation, result);
    const decision = { outcome: 'executed', result } as const;
    const concludedAt = await concludeHere(tx, operation, { decision, details });
    return { ...operation, details, state: 'concluded', decision, concludedAt };
  }

  /**
   * What was accepted here under this key before the node was set back: its log told it, the answer is lost.
   * @throws DomainError `recovering`
   */
  async function recall(tx: Reader, key: string): Promise<OperationRecord | undefined> {
    const id = await federation.recovery.recalled(tx, key);
    return id === undefined ? undefined : operations.find(tx, id);
  }

  /** Home and serving branch are one: decided and concluded in one transaction, with one log entry. */
  async function concludeHere(
    tx: Transaction,
    operation: Operation,
    made: { decision: Decision; details: JsonObject },
  ): Promise<Instant> {
    await recordDecision(tx, operation, made);
    return conclude(tx, operation, made.decision);
  }

  async function decideAndApply(tx: Transaction, operation: Operation): Promise<Decision> {
    const kind = kindOf(operation.kind);
    try {
      return await tx.attempt(async () => {
        if (await operations.hasTombstone(tx, operation)) {
          throw new DomainError('already-cancelled');
        }
        assertFresh(kind);
        const result = await kind.decide(tx, operation);
        await kind.apply(tx, operation, result);
        return { outcome: 'executed' as const, result };
      });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      const movedTo = nodeCode.safeParse(error.members.movedTo).data;
      return { outcome: 'refused', reason: error.code, ...(movedTo ? { movedTo } : {}) };
    }
  }

  /** What was accepted here without a decision, and is this branch's own to decide. */
  async function decideHere(
    tx: Transaction,
    operation: Operation,
    details: JsonObject,
  ): Promise<void> {
    const decision = await decideAndApply(tx, operation);
    await concludeHere(tx, operation, { decision, details });
  }

  async function recordDecision(
    tx: Transaction,
    operation: Operation,
    { decision, details }: { decision: Decision; details: JsonObject },
  ): Promise<void> {
    const date = await businessDate(tx);
    const made = { decision, businessDate: date, at: now(clock) };
    await operations.insertDecision(tx, operation, made);
    await journal.record(tx, decision.outcome, operation, { decision, details });
  }

  /** @returns when. */
  async function conclude(
    tx: Transaction,
    operation: Operation,
    decision: Decision,
  ): Promise<Instant> {
    await kindOf(operation.kind).conclude(tx, operation, decision);
    const at = now(clock);
    await operations.conclude(tx, operation.id, { decision, at });
    return at;
  }

  /** Home branch: another branch has accepted something for a subscriber of ours. */
  async function executeReceived(
    tx: Transaction,
    entry: LogEntry,
    kind: OperationKind,
  ): Promise<void> {
    const { operation } = acceptedBody.parse(entry.body);
    // Head office compares it with what it was told itself: two histories do not stay unseen.
    const details = { accepted: factSha256(entry) };
    const told = { ...operation, kind: kind.kind, serving: entry.node, home: node };
    const decided = await decisionOn(tx, operation);
    if (decided && decided.operation.serving !== entry.node) {
      const decision = { outcome: 'refused', reason: 'peer-refused' } as const;
      await journal.tell(tx, 'refused', told, { decision, details });
      return;
    }
    if (decided) {
      // Asked again, it answers the same and does nothing; what it decided on was shown with that attempt, not with this.
      const { decision, operation: answered } = decided;
      const shown = answered.attempt === operation.attempt ? details : {};
      await journal.tell(tx, decision.outcome, answered, { decision, details: shown });
      return;
    }
    const isHonest =
      operation.kind === kind.kind && operation.serving === entry.node && operation.home === node;
    const decision = await decideReceived(tx, told, { kind, isHonest });
    await recordDecision(tx, told, { decision, details });
  }

  /** What was decided for this attempt, or executed for any: an operation is executed once, however often it is sent. */
  async function decisionOn(tx: Transaction, { id, attempt }: Operation) {
    const last = await operations.lastDecision(tx, id);
    if (!last || last.decision.outcome === 'executed') return last;
    return operations.findDecision(tx, id, attempt);
  }

  /** Nothing that a peer sends blocks its stream: what makes no sense is refused. */
  async function decideReceived(
    tx: Transaction,
    operation: Operation,
    { kind, isHonest }: { kind: OperationKind; isHonest: boolean },
  ): Promise<Decision> {
    if (!isHonest) return { outcome: 'refused', reason: 'peer-refused' };
    const isWellFormed = kind.request.safeParse(operation.request).success;
    if (!isWellFormed) return { outcome: 'refused', reason: 'invalid-input' };
    return decideAndApply(tx, operation);
  }

  /** Serving branch: the home branch has answered. */
  async function concludeReceived(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation, decision } = decidedBody.parse(entry.body);
    const record = await operations.find(tx, operation.id);
    if (!record) {
      federation.alarms.raise('unknown-operation', `${entry.node} answers ${operation.id}`);
      // Set aside: this branch may learn that it was set back, and have the operation again.
      throw new DomainError('operation-not-found');
    }
    if (entry.kind !== entryKindOf(kindOf(record.kind).kind, decision.outcome)) {
      throw new DomainError('peer-refused', 'The answer is not to this kind of operation.');
    }
    const isAwaited =
      record.state === 'accepted' &&
      record.home === entry.node &&
      record.attempt === operation.attempt;
    if (isAwaited) await settleDecision(tx, record, decision);
  }

  /** The answer ends the operation, or sends it after the number that has moved. */
  async function settleDecision(
    tx: Transaction,
    known: OperationRecord,
    decision: Decision,
  ): Promise<void> {
    const operation = operationOf(known);
    const home = nextHome(operation, decision);
    // Money must not follow a number to where nobody is.
    const mayGo = home !== undefined && isBranch(home) && (await mayFollow(tx, operation));
    if (mayGo === 'unknown') return;
    if (!mayGo) {
      await conclude(tx, operation, decision);
      await journal.record(tx, 'concluded', operation, { decision });
      return;
    }
    const next = { ...operation, home, attempt: operation.attempt + 1 };
    const here = home === node ? await decideAndApply(tx, next) : undefined;
    // It was here, and has left again: this branch asks itself in no attempt of its own.
    const onward = here && nextHome({ ...operation, home }, here);
    const isGone = onward !== undefined && isBranch(onward);
    const followed = { ...next, home: isGone ? onward : home };
    await kindOf(operation.kind).redirect?.(tx, operation, followed.home);
    await operations.redirect(tx, operation.id, followed);
    const { details } = known;
    if (here && !isGone) await concludeHere(tx, followed, { decision: here, details });
    else await journal.record(tx, 'accepted', followed, { details });
  }

  const mayFollow = async (tx: Reader, operation: Operation) =>
    (await kindOf(operation.kind).mayFollow?.(tx, operation)) ?? true;

  /** An answer with which nothing could be done before this start was certain of its past is asked for once more. */
  async function askAgain(): Promise<void> {
    await store.write(async (tx) => {
      for (const kind of kinds.values()) {
        for (const id of (await kind.toAskAgain?.(tx)) ?? []) {
          const asked = await operations.find(tx, id);
          if (asked?.state !== 'accepted' || asked.home === node) continue;
          await journal.tell(tx, 'accepted', operationOf(asked), { details: asked.details });
        }
      }
    });
  }

  const isBranch = (code: NodeCode) =>
    code === node ||
    (code !== headOffice && federation.peers().includes(code) && !federation.isCutOff(code));

  /** What this branch accepted for its own subscribers while it was recovering is decided now. */
  async function decideWaiting(): Promise<void> {
    const done = await store.write(async (tx) => {
      const waiting = await operations.waitingAtHome(tx, waitingPerTransaction);
      for (const record of waiting) {
        await decideHere(tx, operationOf(record), record.details);
      }
      return waiting.length;
    });
    if (done === waitingPerTransaction) await decideWaiting();
  }

  federation.onRecovered(decideWaiting);
  federation.onCertain(askAgain);

  return {
    register,
    assertAccepts,
    accept,
    recall,
    restore: replay.restore,
    decideWaiting,
    store: operations,
  };
}
