import type { Audit } from '../../shared/access/audit.ts';
import { commandLine } from '../../shared/node/operator-command.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { NumberingImport } from './numbering-import.ts';
import type { ImportedDirectory, ReferenceDraftService } from './reference-draft-service.ts';

/** What the commands put into the draft of a stopped node: nobody's change, and yet in the audit trail. */
export function createOfflineImport(deps: {
  readonly code: string;
  readonly audit: Pick<Audit, 'record'>;
  readonly drafts: Pick<ReferenceDraftService, 'importDirectory' | 'importNumbering'>;
}) {
  const { audit, drafts } = deps;
  const by = { actor: commandLine(deps.code), outcome: 'done' } as const;
  return {
    folder: (path: string): Promise<ImportedDirectory> =>
      drafts.importDirectory(path, (tx, subject) =>
        audit.record(tx, { ...by, action: 'reference.edit', subject }),
      ),
    numbering(result: NumberingImport, inn: string): Promise<void> {
      const also = (tx: Transaction) =>
        audit.record(tx, { ...by, action: 'numbering.import', subject: inn });
      return drafts.importNumbering(result, { also });
    },
  };
}
