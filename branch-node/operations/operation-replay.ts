import type { NodeCode } from '../../shared/ids/ids.ts';
import { postFacts } from '../../shared/ledger/ledger-store.ts';
import type { Transaction } from '../../shared/store/store.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import {
  acceptedBody,
  concludedBody,
  decidedBody,
  type JsonObject,
  type LogEntry,
} from '../../shared/wire/peer-messages.ts';
import {
  type Decision,
  type Operation,
  type OperationKind,
  type OperationTrace,
  operationOf,
} from './operation.ts';
import type { OperationJournal } from './operation-journal.ts';
import type { OperationStore } from './operation-store.ts';

/**
 * After a set-back, the steps that this branch had taken are taken again, as its own entries tell them. Each answers
 * whether it was new here; what was new counts for its business date as it did the first time.
 */
export function createOperationReplay(deps: {
  node: NodeCode;
  clock: Clock;
  operations: OperationStore;
  journal: OperationJournal;
  kindOf(name: string): OperationKind;
  conclude(tx: Transaction, operation: Operation, decision: Decision): Promise<unknown>;
}) {
  const { node, clock, operations, journal, kindOf, conclude } = deps;

  const replays = {
    accepted: async (tx: Transaction, entry: LogEntry) => {
      const { operation, details } = acceptedBody.parse(entry.body);
      return replayAcceptance(tx, operation, details);
    },
    decided: async (tx: Transaction, entry: LogEntry) => {
      const { operation, decision, details } = decidedBody.parse(entry.body);
      const isOwn = operation.serving === node;
      if (isOwn) await replayAcceptance(tx, operation, details);
      const isNew = await replayDecision(tx, operation, { decision, date: entry.businessDate });
      if (isOwn) await replayConclusion(tx, operation, decision);
      return isNew;
    },
    concluded: async (tx: Transaction, entry: LogEntry) => {
      const { operation, decision } = concludedBody.parse(entry.body);
      return replayConclusion(tx, operation, decision);
    },
  };

  async function replayAcceptance(
    tx: Transaction,
    operation: Operation,
    details: JsonObject,
  ): Promise<boolean> {
    const known = await operations.find(tx, operation.id);
    if (!known) {
      await kindOf(operation.kind).accept(tx, operation, details);
      await operations.insert(tx, operation, details);
      return true;
    }
    if (known.state !== 'accepted' || known.attempt >= operation.attempt) return false;
    await kindOf(operation.kind).redirect?.(tx, operationOf(known), operation.home);
    await operations.redirect(tx, operation.id, operation);
    return true;
  }

  async function replayDecision(
    tx: Transaction,
    operation: Operation,
    { decision, date }: { decision: Decision; date: BusinessDate },
  ): Promise<boolean> {
    if (await operations.findDecision(tx, operation.id, operation.attempt)) return false;
    if (decision.outcome === 'executed') {
      await kindOf(operation.kind).apply(tx, operation, decision.result);
    }
    const made = { decision, businessDate: date, at: now(clock) };
    await operations.insertDecision(tx, operation, made);
    return true;
  }

  async function replayConclusion(
    tx: Transaction,
    { id }: Operation,
    decision: Decision,
  ): Promise<boolean> {
    const known = await operations.find(tx, id);
    if (known?.state !== 'accepted') return false;
    await conclude(tx, operationOf(known), decision);
    return true;
  }

  /**
   * Brings an operation of this branch back as far as a trace of it shows, and tells what was lost again: for the trace's
   * own date, since the entry that is told again may come back as well, and be counted by whoever had it.
   */
  async function restore(
    tx: Transaction,
    trace: OperationTrace,
    date: BusinessDate,
  ): Promise<void> {
    const { operation, details, decision } = trace;
    const isLocal = operation.home === node;
    const isBack = await replayAcceptance(tx, operation, details);
    if (isBack && !isLocal) await journal.record(tx, 'accepted', operation, { details }, date);
    if (!decision) return;
    if (isLocal) {
      if (await replayDecision(tx, operation, { decision, date })) {
        await journal.record(tx, decision.outcome, operation, { decision, details }, date);
      }
    }
    const isConcluded = await replayConclusion(tx, operation, decision);
    if (!isConcluded || isLocal) return;
    await journal.record(tx, 'concluded', operation, { decision }, date);
  }

  /** The entry's handler for a recovery: what was new is counted, what was done again meanwhile for its first date. */
  const counted =
    (replay: (typeof replays)[keyof typeof replays]) =>
    async (tx: Transaction, entry: LogEntry): Promise<void> => {
      postFacts(tx);
      await ((await replay(tx, entry)) ? journal.count(tx, entry) : journal.recount(tx, entry));
    };

  return {
    accepted: counted(replays.accepted),
    decided: counted(replays.decided),
    concluded: counted(replays.concluded),
    restore,
  };
}
