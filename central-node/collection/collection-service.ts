import type { EntryHandler } from '../../shared/federation/inbox.ts';
import { operationEntryKinds } from '../../shared/wire/operation-kinds.ts';
import type { Reconciliation } from '../reconciliation/reconciliation-service.ts';
import type { Settlements } from '../settlement/settlement-service.ts';

/**
 * Facts that head office only keeps: the inbox has stored them word for word. They are named here so that a kind which
 * is not raises an alarm.
 */
const keptKinds = ['release.applied', 'payout.recorded', 'suspense.resolved'];

/** Takes every branch's whole stream to where it belongs. */
export function registerCollection(deps: {
  federation: { onEntry(kind: string, handler: EntryHandler): void };
  reconciliation: Pick<Reconciliation, 'take' | 'takeDayClosed'>;
  settlements: Pick<Settlements, 'confirmed' | 'disputed'>;
}): void {
  const { federation, reconciliation, settlements } = deps;
  for (const kind of operationEntryKinds.keys()) federation.onEntry(kind, reconciliation.take);
  federation.onEntry('day.closed', reconciliation.takeDayClosed);
  federation.onEntry('settlement.confirmed', settlements.confirmed);
  federation.onEntry('settlement.disputed', settlements.disputed);
  for (const kind of keptKinds) federation.onEntry(kind, async () => {});
}
