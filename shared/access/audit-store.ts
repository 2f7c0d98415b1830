import type { Reader, SqlParameter, Transaction } from '../store/store.ts';
import type { AuditEntry, AuditQuery } from './audit.ts';

interface AuditRow {
  position: bigint;
  id: string;
  at: string;
  actor_id: string;
  actor_name: string;
  actor_node: string;
  action: string;
  subject: string | null;
  outcome: AuditEntry['outcome'];
  detail: string | null;
  trace_id: string | null;
}

export async function insertAuditEntry(tx: Transaction, entry: Omit<AuditEntry, 'position'>) {
  const { id, at, actor, action, subject, outcome, detail, traceId } = entry;
  await tx.run(
    `INSERT INTO audit_entries (id, at, actor_id, actor_name, actor_node, action, subject, outcome,
       detail, trace_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, at, actor.id, actor.name, actor.node, action, subject ?? null, outcome],
    detail === undefined ? null : JSON.stringify(detail),
    traceId ?? null,
  );
}

/** Newest first. */
export async function listAuditEntries(tx: Reader, query: AuditQuery): Promise<AuditEntry[]> {
  const conditions: string[] = [];
  const params: SqlParameter[] = [];
  const where = (condition: string, value: SqlParameter | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    params.push(value);
  };
  where('position < ?', query.before);
  // SQLite does not know which of them fewest entries share: the first one leads, a + keeps the others' indexes away.
  let lead = '';
  for (const [column, value] of [
    ['subject', query.subject],
    ['actor_id', query.actor],
    ['action', query.action],
  ] as const) {
    where(`${lead}${column} = ?`, value);
    if (value !== undefined) lead = '+';
  }
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = await tx.all<AuditRow>(
    `SELECT * FROM audit_entries ${filter} ORDER BY position DESC LIMIT ?`,
    ...params,
    query.limit,
  );
  return rows.map(entryOf);
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    position: Number(row.position),
    id: row.id,
    at: row.at,
    actor: { id: row.actor_id, name: row.actor_name, node: row.actor_node },
    action: row.action,
    outcome: row.outcome,
    ...(row.subject === null ? {} : { subject: row.subject }),
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) }),
    ...(row.trace_id === null ? {} : { traceId: row.trace_id }),
  };
}
