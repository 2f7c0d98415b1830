import type { Federation } from '../../shared/federation/federation.ts';
import { headOffice, type Ids, type NodeCode, type OperationId } from '../../shared/ids/ids.ts';
import { assert, DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import {
  acceptedBody,
  concludedBody,
  decidedBody,
  type JsonObject,
  type LogEntry,
  nodeCode,
} from '../../shared/wire/peer-messages.ts';
import {
  type Decision,
  entryKinds,
  nextHome,
  type Operation,
  type OperationKind,
  type OperationRecord,
  operationOf,
} from './operation.ts';
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
}

/** Who but head office is told at each point. */
const recipients = {
  accepted: ({ home }: Operation) => [home],
  executed: ({ serving }: Operation) => [serving],
  refused: ({ serving }: Operation) => [serving],
  concluded: () => [],
} as const;

export type Operations = ReturnType<typeof createOperations>;

/**
 * The one mechanism of everything that is done for a subscriber: accepted where the person stands, executed where the
 * subscriber lives, concluded where the person stood. It knows no kind by name.
 */
export function createOperations(deps: OperationDeps) {
  const { node, store, clock, federation } = deps;
  const operations = createOperationStore(node);
  const kinds = new Map<string, OperationKind>();

  function kindOf(name: string): OperationKind {
    const kind = kinds.get(name);
    assert(kind, `operations of kind ${name} are wired`);
    return kind;
  }

  /** Wires a kind: from now on it is accepted, executed, concluded and recovered here. */
  function register(kind: OperationKind): void {
    kinds.set(kind.kind, kind);
    const names = entryKinds(kind);
    federation.onEntry(names.accepted, executeReceived);
    federation.onEntry(names.executed, concludeReceived);
    federation.onEntry(names.refused, concludeReceived);
    federation.onReplay(names.accepted, replayAccepted);
    federation.onReplay(names.executed, replayDecided);
    federation.onReplay(names.refused, replayDecided);
    federation.onReplay(names.concluded, replayConcluded);
  }

  /**
   * Accepts an operation at this branch; if this is the home branch too, it is executed and concluded at once.
   * @throws DomainError the refusal, and then nothing is kept.
   */
  async function accept(tx: Transaction, draft: OperationDraft): Promise<OperationRecord> {
    const kind = kindOf(draft.kind);
    if (federation.isRecovering() && !kind.acceptedWhileRecovering) {
      throw new DomainError('recovering');
    }
    const operation: Operation = {
      id: (draft.id ?? deps.ids.uuid()) as OperationId,
      kind: draft.kind,
      serving: node,
      home: await deps.homeOf(tx, draft.msisdn),
      attempt: 1,
      msisdn: draft.msisdn,
      businessDate: await deps.businessDate(tx),
      occurredAt: now(clock),
      actor: draft.actor,
      release: deps.release(),
      request: draft.request,
    };
    const isDecidedNow = operation.home === node && !federation.isRecovering();
    // The person at the desk is told no before anything is taken from him.
    const result = isDecidedNow ? await kind.decide(tx, operation) : undefined;
    const details = await kind.accept(tx, operation);
    await operations.insert(tx, operation, details);
    if (result) {
      await kind.apply(tx, operation, result);
      await concludeHere(tx, operation, { decision: { outcome: 'executed', result }, details });
    } else {
      await logOperation(tx, 'accepted', operation, { details });
    }
    const record = await operations.find(tx, operation.id);
    assert(record, 'an accepted operation is in the store');
    return record;
  }

  /** Home and serving branch are one: decided and concluded in one transaction, with one log entry. */
  async function concludeHere(
    tx: Transaction,
    operation: Operation,
    made: { decision: Decision; details: JsonObject },
  ): Promise<void> {
    await recordDecision(tx, operation, made);
    await conclude(tx, operation, made.decision);
  }

  async function decideAndApply(tx: Transaction, operation: Operation): Promise<Decision> {
    const kind = kindOf(operation.kind);
    try {
      return await tx.attempt(async () => {
        if (await operations.hasTombstone(tx, operation.id)) {
          throw new DomainError('already-cancelled');
        }
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
    const businessDate = await deps.businessDate(tx);
    await operations.insertDecision(tx, operation, { decision, businessDate, at: now(clock) });
    await logOperation(tx, decision.outcome, operation, { decision, details });
  }

  async function conclude(
    tx: Transaction,
    operation: Operation,
    decision: Decision,
  ): Promise<void> {
    await kindOf(operation.kind).conclude(tx, operation, decision);
    await operations.conclude(tx, operation.id, { decision, at: now(clock) });
  }

  /** Home branch: another branch has accepted something for a subscriber of ours. */
  async function executeReceived(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation } = acceptedBody.parse(entry.body);
    const decided = await operations.findDecision(tx, operation.id, operation.attempt);
    if (decided) {
      // Asked again, it answers the same and does nothing.
      const { decision } = decided;
      await logOperation(tx, decision.outcome, decided.operation, { decision, details: {} });
      return;
    }
    const isHonest = operation.serving === entry.node && operation.home === node;
    const decision: Decision = isHonest
      ? await decideAndApply(tx, operation)
      : { outcome: 'refused', reason: 'peer-refused' };
    const told = { ...operation, serving: entry.node, home: node };
    await recordDecision(tx, told, { decision, details: {} });
  }

  /** Serving branch: the home branch has answered. */
  async function concludeReceived(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation, decision } = decidedBody.parse(entry.body);
    const record = await operations.find(tx, operation.id);
    if (!record) {
      federation.alarms.raise('unknown-operation', `${entry.node} answers ${operation.id}`);
      return;
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
    record: OperationRecord,
    decision: Decision,
  ): Promise<void> {
    const operation = operationOf(record);
    const home = nextHome(operation, decision);
    if (home === undefined) {
      await conclude(tx, operation, decision);
      await logOperation(tx, 'concluded', operation, { decision });
      return;
    }
    await kindOf(operation.kind).redirect?.(tx, operation, home);
    const followed = { ...operation, home, attempt: operation.attempt + 1 };
    await operations.redirect(tx, operation.id, followed);
    if (home === node) await decideHere(tx, followed, record.details);
    else await logOperation(tx, 'accepted', followed, { details: record.details });
  }

  async function logOperation(
    tx: Transaction,
    point: keyof typeof recipients,
    operation: Operation,
    body: { decision?: Decision; details?: JsonObject },
  ): Promise<void> {
    await federation.log.append(tx, {
      kind: entryKinds(kindOf(operation.kind))[point],
      to: [...recipients[point](operation), headOffice],
      operationId: operation.id,
      occurredAt: operation.occurredAt,
      businessDate: point === 'accepted' ? operation.businessDate : await deps.businessDate(tx),
      body: { operation, ...body },
    });
  }

  /** After a set-back: this branch had accepted it, as another node remembers. */
  async function replayAccepted(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation, details } = acceptedBody.parse(entry.body);
    await replayAcceptance(tx, operation, details);
  }

  async function replayAcceptance(
    tx: Transaction,
    operation: Operation,
    details: JsonObject,
  ): Promise<void> {
    const record = await operations.find(tx, operation.id);
    if (!record) {
      await kindOf(operation.kind).accept(tx, operation, details);
      await operations.insert(tx, operation, details);
    } else if (record.state === 'accepted' && record.attempt < operation.attempt) {
      await kindOf(operation.kind).redirect?.(tx, operationOf(record), operation.home);
      await operations.redirect(tx, operation.id, operation);
    }
  }

  /** After a set-back: this branch had decided it; the decision stands. */
  async function replayDecided(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation, decision, details } = decidedBody.parse(entry.body);
    const isOwn = operation.serving === node;
    if (isOwn) await replayAcceptance(tx, operation, details);
    if (!(await operations.findDecision(tx, operation.id, operation.attempt))) {
      if (decision.outcome === 'executed') {
        await kindOf(operation.kind).apply(tx, operation, decision.result);
      }
      const { businessDate } = entry;
      await operations.insertDecision(tx, operation, { decision, businessDate, at: now(clock) });
    }
    if (isOwn) await replayConclusion(tx, operation.id, decision);
  }

  /** After a set-back: this branch had concluded it. */
  async function replayConcluded(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operation, decision } = concludedBody.parse(entry.body);
    await replayConclusion(tx, operation.id, decision);
  }

  async function replayConclusion(tx: Transaction, id: string, decision: Decision): Promise<void> {
    const record = await operations.find(tx, id);
    if (record?.state !== 'accepted') return;
    await conclude(tx, operationOf(record), decision);
  }

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

  federation.onRecovered(() => void decideWaiting());

  return { register, accept, decideWaiting, operations };
}
