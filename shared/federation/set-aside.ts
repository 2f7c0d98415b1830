import { z } from 'zod';
import { DomainError, isDomainError, problems } from '../problem/problem.ts';
import { isOfTheStore } from '../store/driver.ts';
import type { Store, Transaction } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import type { Clock } from '../time/clock.ts';
import { logEntry } from '../wire/peer-messages.ts';
import type { Alarms } from './alarms.ts';
import type { EntryHandler } from './inbox.ts';
import {
  newestSetAside,
  recordTry,
  removeSetAside,
  type SetAsideEntry,
  untriedSetAside,
} from './set-aside-store.ts';

const entriesPerTransaction = 256;
const entriesShown = 20;
const retryPauseMs = 5_000;
/** A stream waits so long for it in memory, no longer: its sender has it, and tries again. */
const turnMaxMs = 10_000;
const maxReasonLength = 100;

export interface SetAsideDeps {
  readonly store: Store;
  readonly handlers: ReadonlyMap<string, EntryHandler>;
  readonly codeVersion: string;
  readonly clock: Clock;
  readonly alarms: Alarms;
}

export type SetAside = ReturnType<typeof createSetAside>;

/**
 * What older code had received and could not apply is applied by code that can: in the order in which it came, each
 * entry in the transaction that takes it off the list.
 */
export function createSetAside(deps: SetAsideDeps) {
  const { store, handlers, codeVersion, clock, alarms } = deps;
  let stopped = false;
  let hasHadTurn = false;
  /** Whoever gives up is forgotten: a promise would keep all who ever waited for it. */
  const waiting = new Set<() => void>();

  function done(): void {
    hasHadTurn = true;
    for (const goOn of waiting) goOn();
    waiting.clear();
  }

  /** Applies what it can, a bounded number a call. @returns the last one looked at; undefined when there are no more. */
  async function applySome(tx: Transaction, after: bigint): Promise<bigint | undefined> {
    const limit = entriesPerTransaction;
    const rows = await untriedSetAside(tx, { after, codeVersion, limit });
    for (const row of rows) {
      const handler = handlers.get(row.kind);
      if (handler) await applyOne(tx, row, handler);
    }
    return rows.length < limit ? undefined : rows.at(-1)?.id;
  }

  async function applyOne(tx: Transaction, row: SetAsideEntry, handler: EntryHandler) {
    const { id } = row;
    try {
      await tx.attempt(() => handler(tx, logEntry.parse(JSON.parse(row.entry))));
      await removeSetAside(tx, id);
    } catch (error) {
      const reason = unreadable(error);
      if (reason === undefined) throw error;
      await recordTry(tx, { id, reason, codeVersion });
    }
  }

  async function work(): Promise<void> {
    try {
      let after: bigint | undefined = 0n;
      while (after !== undefined && !stopped) {
        const from: bigint = after;
        after = await store.write((tx) => applySome(tx, from));
      }
      alarms.clear('set-aside-held');
      await reportLeft();
      done();
    } catch (error) {
      // What its store cannot do yet keeps its turn; what code cannot do holds nobody else up.
      if (!isOfTheStore(error)) done();
      alarms.raise('set-aside-held', error instanceof Error ? error.message : String(error));
      if (!stopped) clock.after(retryPauseMs, () => void work());
    }
  }

  /** The alarms say what is left, no more and no less. */
  async function reportLeft(): Promise<void> {
    const rows = await store.read((tx) => newestSetAside(tx, entriesShown));
    alarms.clear('unknown-kind');
    alarms.clear('malformed-entry');
    for (const { peer: node, reason, ...entry } of rows.reverse()) {
      report({ node, ...entry }, reason ?? undefined);
    }
  }

  function report(entry: Reported, reason?: string): void {
    const { node, kind, epoch, seq } = entry;
    if (reason === undefined)
      alarms.raise('unknown-kind', stateSentences.say('sendsUnknown', { peer: node, kind }));
    else alarms.raise('malformed-entry', `${node} ${epoch.slice(0, 8)}/${seq} ${kind}: ${reason}`);
  }

  return {
    report,
    /**
     * Once this node is sure of its own past. What fails for a reason of this node's own is tried again later.
     * @returns when it has had its turn.
     */
    workOff(): Promise<void> {
      void work();
      return new Promise((resolve) => {
        if (hasHadTurn) resolve();
        else waiting.add(resolve);
      });
    },
    /**
     * No stream is taken before what was received earlier has had its turn.
     * @throws DomainError `recovering` when that takes its time.
     */
    async caughtUp(): Promise<void> {
      if (hasHadTurn) return;
      await new Promise<void>((resolve, reject) => {
        const stop = clock.after(turnMaxMs, () => {
          waiting.delete(goOn);
          reject(new DomainError('recovering'));
        });
        const goOn = () => {
          stop();
          resolve();
        };
        waiting.add(goOn);
      });
    },
    stop(): void {
      stopped = true;
      done();
    },
  };
}

interface Reported {
  readonly node: string;
  readonly epoch: string;
  readonly seq: number | bigint;
  readonly kind: string;
}

/**
 * Why an entry can never be applied by this code, whoever tries again; undefined for a trouble of this node's own, which
 * may pass.
 */
export function unreadable(error: unknown): string | undefined {
  if (error instanceof z.ZodError) {
    return error.issues[0]?.path.join('.').slice(0, maxReasonLength) || 'body';
  }
  return isDomainError(error) && problems[error.code][0] < 500 ? error.code : undefined;
}
