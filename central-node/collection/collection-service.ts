import type { EntryHandler } from '../../shared/federation/inbox.ts';
import { entryKindOf, operationEntryKinds } from '../../shared/wire/operation-kinds.ts';
import type { Reconciliation } from '../reconciliation/reconciliation-service.ts';
import type { MovedNumbers } from '../reference/moved-number-service.ts';
import type { Settlements } from '../settlement/settlement-service.ts';

/**
 * Facts that head office only keeps: the inbox has stored them word for word. They are named here so that a kind which
 * is not raises an alarm.
 */
const keptKinds = ['payout.recorded', 'payout.released'];

/** Takes every branch's whole stream to where it belongs. */
export function registerCollection(deps: {
  federation: { onEntry(kind: string, handler: EntryHandler): void };
  reconciliation: Pick<Reconciliation, 'take' | 'takeDayClosed'>;
  settlements: Pick<Settlements, 'confirmed' | 'disputed'>;
  movedNumbers: MovedNumbers;
  /** Takes what a branch says that it applied. */
  compareRelease: EntryHandler;
}): void {
  const { federation, reconciliation, settlements, movedNumbers } = deps;
  // What another room takes of a leg, beside reconciliation, which takes them all.
  const takers = new Map<string, EntryHandler>([
    [entryKindOf('number-move', 'executed'), movedNumbers.take],
  ]);
  for (const kind of operationEntryKinds.keys()) {
    federation.onEntry(kind, inTurn(reconciliation.take, takers.get(kind)));
  }
  federation.onEntry('release.applied', deps.compareRelease);
  federation.onEntry('day.closed', reconciliation.takeDayClosed);
  federation.onEntry('settlement.confirmed', settlements.confirmed);
  federation.onEntry('settlement.disputed', settlements.disputed);
  for (const kind of keptKinds) federation.onEntry(kind, async () => {});
}

function inTurn(first: EntryHandler, second: EntryHandler | undefined): EntryHandler {
  if (!second) return first;
  return async (tx, entry) => {
    await first(tx, entry);
    await second(tx, entry);
  };
}
