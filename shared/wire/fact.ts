import { canonicalJson, sha256 } from './canonical.ts';
import type { LogEntry } from './peer-messages.ts';

/**
 * What an entry says, whatever place it has in the log: told again after a set-back, it is the same. Two nodes that
 * name the same hash were told the same.
 */
export function factSha256(entry: LogEntry): string {
  const { node, kind, operationId, occurredAt, businessDate, body } = entry;
  return sha256(canonicalJson({ node, kind, operationId, occurredAt, businessDate, body }));
}
