import type { Ids } from '../ids/ids.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { redactSecrets } from '../text/masking.ts';
import { type Clock, type Instant, now } from '../time/clock.ts';
import { insertAuditEntry, listAuditEntries } from './audit-store.ts';

/** Who did it: an operator of this node, of another one, or a machine. */
export interface Actor {
  readonly id: string;
  readonly name: string;
  readonly node: string;
}

export interface AuditRecord {
  readonly actor: Actor;
  /** `noun.verb`, e.g. `operator.disable`. */
  readonly action: string;
  readonly subject?: string | undefined;
  readonly outcome: 'done' | 'denied' | 'failed';
  readonly detail?: object | undefined;
  readonly traceId?: string | undefined;
}

export interface AuditEntry extends AuditRecord {
  readonly position: number;
  readonly id: string;
  readonly at: Instant;
}

export interface AuditQuery {
  /** Only entries before this position. */
  readonly before?: number | undefined;
  readonly limit: number;
  readonly action?: string | undefined;
  /** The actor's id. */
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
}

export interface Audit {
  /**
   * Appends in the caller's transaction: what was done and that it was done are durable together.
   */
  record(tx: Transaction, record: AuditRecord): Promise<void>;
  /** Newest first, at most `limit`. */
  list(tx: Reader, query: AuditQuery): Promise<AuditEntry[]>;
}

/**
 * The append-only audit trail; the schema refuses changes. Members of `detail` named as secrets are
 * dropped.
 */
export function createAudit({ clock, ids }: { clock: Clock; ids: Ids }): Audit {
  return {
    async record(tx, record) {
      const detail = record.detail && redactSecrets(record.detail);
      await insertAuditEntry(tx, { ...record, detail, id: ids.uuid(), at: now(clock) });
    },
    list: listAuditEntries,
  };
}
