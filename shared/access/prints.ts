import type { Transaction } from '../store/store.ts';
import type { Audit, AuditRecord } from './audit.ts';

/** Writes a print of something down. @returns true when it was printed before: this one is a copy. */
export async function recordPrint(
  { audit, tx }: { audit: Audit; tx: Transaction },
  print: Pick<AuditRecord, 'actor' | 'action' | 'traceId'> & {
    readonly subject: string;
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Promise<boolean> {
  const { action, subject, detail } = print;
  const [before] = await audit.list(tx, { limit: 1, action, subject });
  const copy = before !== undefined;
  await audit.record(tx, { ...print, outcome: 'done', detail: { ...detail, copy } });
  return copy;
}
