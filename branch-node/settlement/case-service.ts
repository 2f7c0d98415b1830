import type { Federation } from '../../shared/federation/federation.ts';
import type { EntryHandler } from '../../shared/federation/inbox.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { caseAdjusted, caseClosed, caseOpened } from '../../shared/wire/settlement-messages.ts';
import { adjustCase, closeCase, insertCase } from './case-store.ts';

/** Keeps the cases that head office tells this branch, for its front office and for checking settlements. */
export function registerCases({ federation }: { federation: Pick<Federation, 'onEntry'> }): void {
  function onHeadOffice(kind: string, handler: EntryHandler): void {
    federation.onEntry(kind, async (tx, entry) => {
      // Any peer may send any kind; cases are head office's alone.
      if (entry.node === headOffice) await handler(tx, entry);
    });
  }

  onHeadOffice('case.opened', async (tx, { body }) => insertCase(tx, caseOpened.parse(body)));
  onHeadOffice('case.adjusted', async (tx, { body }) => {
    const { caseId } = caseAdjusted.parse(body);
    await adjustCase(tx, caseId, JSON.stringify(body));
  });
  onHeadOffice('case.closed', async (tx, { body }) => {
    const { caseId, ...how } = caseClosed.parse(body);
    await closeCase(tx, caseId, how);
  });
}
