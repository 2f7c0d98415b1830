import { canonicalJson, sha256 } from './canonical.ts';
import { operationEntryKinds } from './operation-kinds.ts';
import type { LogEntry } from './peer-messages.ts';

/**
 * What an entry says, whatever place it has in the log: told again after a set-back, it is the same. Two nodes that
 * name the same hash were told the same.
 */
export function factSha256(entry: LogEntry): string {
  const { node, kind, operationId, occurredAt, body } = entry;
  const businessDate = dateOf(entry);
  return sha256(canonicalJson({ node, kind, operationId, occurredAt, businessDate, body }));
}

/** Of an acceptance that of the operation: it follows a number on whatever day that is, and maybe on two. */
function dateOf({ kind, businessDate, body: { operation } }: LogEntry): unknown {
  if (operationEntryKinds.get(kind)?.point !== 'accepted') return businessDate;
  const isTold = typeof operation === 'object' && operation !== null && 'businessDate' in operation;
  return isTold ? operation.businessDate : businessDate;
}
