import type { NodeCode, OperationId } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type JsonObject, wireDecision, wireOperation } from '../../shared/wire/peer-messages.ts';
import type { Decision, Operation, OperationRecord, OperationState } from './operation.ts';

interface OperationRow {
  id: OperationId;
  kind: string;
  home: NodeCode;
  attempt: bigint;
  msisdn: string;
  state: OperationState;
  outcome: 'executed' | 'refused' | null;
  reason: string | null;
  actorId: string;
  actorName: string;
  businessDate: string;
  occurredAt: string;
  concludedAt: string | null;
  release: bigint;
  request: string;
  details: string;
  result: string | null;
}

const columns = `id, kind, home, attempt, msisdn, state, outcome, reason, actor_id AS actorId,
  actor_name AS actorName, business_date AS businessDate, occurred_at AS occurredAt,
  concluded_at AS concludedAt, release, request, details, result`;

const openMax = 1_000;

/** Greater than every UUID. */
const afterAllIds = 'g';

/** All SQL of the life of operations. */
export function createOperationStore(node: NodeCode) {
  function recordOf(row: OperationRow): OperationRecord {
    const decision = decisionOf(row);
    return {
      id: row.id,
      kind: row.kind,
      serving: node,
      home: row.home,
      attempt: Number(row.attempt),
      msisdn: row.msisdn,
      businessDate: row.businessDate,
      occurredAt: row.occurredAt,
      actor: { id: row.actorId, name: row.actorName },
      release: Number(row.release),
      request: JSON.parse(row.request) as JsonObject,
      details: JSON.parse(row.details) as JsonObject,
      state: row.state,
      ...(decision ? { decision } : {}),
      ...(row.concludedAt ? { concludedAt: row.concludedAt } : {}),
    };
  }

  /** A handful among millions: the index that has nothing else is not one that SQLite would take by itself. */
  async function listWaiting(
    tx: Reader,
    { before, limit }: { before: string; limit: number },
  ): Promise<OperationRecord[]> {
    const rows = await tx.all<OperationRow>(
      `SELECT ${columns} FROM operations WHERE id IN
         (SELECT id FROM operations INDEXED BY operations_waiting
          WHERE state = 'accepted' AND id < ? ORDER BY id DESC LIMIT ?)
       ORDER BY id DESC`,
      ...[before, limit],
    );
    return rows.map(recordOf);
  }

  return {
    async insert(tx: Transaction, operation: Operation, details: JsonObject): Promise<void> {
      await tx.run(
        `INSERT INTO operations (id, kind, home, attempt, msisdn, state, actor_id, actor_name,
           business_date, occurred_at, release, request, details)
         VALUES (?, ?, ?, ?, ?, 'accepted', ?, ?, ?, ?, ?, ?, ?)`,
        operation.id,
        operation.kind,
        operation.home,
        operation.attempt,
        operation.msisdn,
        operation.actor.id,
        operation.actor.name,
        operation.businessDate,
        operation.occurredAt,
        operation.release,
        JSON.stringify(operation.request),
        JSON.stringify(details),
      );
    },

    async find(tx: Reader, id: string): Promise<OperationRecord | undefined> {
      const row = await tx.get<OperationRow>(`SELECT ${columns} FROM operations WHERE id = ?`, id);
      return row && recordOf(row);
    },

    /** The operations accepted here, the newest first. */
    async list(
      tx: Reader,
      filter: { msisdn?: string; state?: OperationState; before?: string; limit: number },
    ): Promise<OperationRecord[]> {
      const { msisdn, state, before = afterAllIds, limit } = filter;
      if (state === 'accepted' && msisdn === undefined) return listWaiting(tx, { before, limit });
      const conditions: [string, string][] = [['id < ?', before]];
      if (msisdn !== undefined) conditions.push(['msisdn = ?', msisdn]);
      if (state !== undefined) conditions.push(['state = ?', state]);
      const rows = await tx.all<OperationRow>(
        `SELECT ${columns} FROM operations
         WHERE ${conditions.map(([condition]) => condition).join(' AND ')}
         ORDER BY id DESC LIMIT ?`,
        ...conditions.map(([, value]) => value),
        limit,
      );
      return rows.map(recordOf);
    },

    /** The operations of a kind for a number that are not concluded yet, in the order in which they were accepted. */
    async openOnes(
      tx: Reader,
      { kind, msisdn }: { kind: string; msisdn: string },
    ): Promise<OperationId[]> {
      const rows = await tx.all<{ id: OperationId }>(
        `SELECT id FROM operations WHERE msisdn = ? AND kind = ? AND state = 'accepted'
         ORDER BY rowid LIMIT ?`,
        ...[msisdn, kind, openMax],
      );
      return rows.map(({ id }) => id);
    },

    /** The last one of a kind that was answered, of those for a number whose request names another in this field. */
    async lastAnswered(
      tx: Reader,
      {
        kind,
        msisdn,
        field,
        names,
      }: { kind: string; msisdn: string; field: string; names: string },
    ): Promise<OperationRecord | undefined> {
      const row = await tx.get<OperationRow>(
        `SELECT ${columns} FROM operations
         WHERE msisdn = ? AND kind = ? AND outcome IS NOT NULL AND json_extract(request, ?) = ?
         ORDER BY id DESC LIMIT 1`,
        ...[msisdn, kind, `$.${field}`, names],
      );
      return row && recordOf(row);
    },

    /** Operations that this branch, as their own home, has still to decide. */
    async waitingAtHome(tx: Reader, limit: number): Promise<OperationRecord[]> {
      const rows = await tx.all<OperationRow>(
        `SELECT ${columns} FROM operations WHERE state = 'accepted' AND home = ?
         ORDER BY id LIMIT ?`,
        node,
        limit,
      );
      return rows.map(recordOf);
    },

    async conclude(
      tx: Transaction,
      id: string,
      { decision, at }: { decision: Decision; at: string },
    ): Promise<void> {
      await tx.run(
        `UPDATE operations SET state = 'concluded', outcome = ?, reason = ?, result = ?,
           concluded_at = ? WHERE id = ? AND state = 'accepted'`,
        decision.outcome,
        decision.outcome === 'refused' ? decision.reason : null,
        decision.outcome === 'executed' ? JSON.stringify(decision.result) : null,
        at,
        id,
      );
    },

    async redirect(
      tx: Transaction,
      id: string,
      { home, attempt }: { home: NodeCode; attempt: number },
    ): Promise<void> {
      await tx.run(
        `UPDATE operations SET home = ?, attempt = ? WHERE id = ? AND state = 'accepted'`,
        home,
        attempt,
        id,
      );
    },

    async countAccepted(tx: Reader): Promise<number> {
      const row = await tx.get<{ count: bigint }>(
        "SELECT COUNT(*) AS count FROM operations WHERE state = 'accepted'",
      );
      return Number(row?.count ?? 0n);
    },

    async insertDecision(
      tx: Transaction,
      operation: Operation,
      made: { decision: Decision; businessDate: string; at: string },
    ): Promise<void> {
      await tx.run(
        `INSERT INTO decisions (operation_id, attempt, kind, serving, msisdn, outcome, decision,
           operation, business_date, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        operation.id,
        operation.attempt,
        operation.kind,
        operation.serving,
        operation.msisdn,
        made.decision.outcome,
        JSON.stringify(made.decision),
        JSON.stringify(operation),
        made.businessDate,
        made.at,
      );
    },

    async findDecision(tx: Reader, id: string, attempt: number): Promise<Decided | undefined> {
      const row = await tx.get<DecidedRow>(
        `SELECT decision, operation, decided_at AS decidedAt, business_date AS businessDate
         FROM decisions WHERE operation_id = ? AND attempt = ?`,
        id,
        attempt,
      );
      return row && decidedOf(row);
    },

    /** The decision that stands for an operation: the executed one, else the last refusal. */
    async lastDecision(tx: Reader, id: string): Promise<Decided | undefined> {
      const row = await tx.get<DecidedRow>(
        `SELECT decision, operation, decided_at AS decidedAt, business_date AS businessDate
         FROM decisions WHERE operation_id = ? ORDER BY outcome = 'executed' DESC, attempt DESC
         LIMIT 1`,
        id,
      );
      return row && decidedOf(row);
    },

    async insertTombstone(tx: Transaction, cancelled: Served, cancelledBy: string): Promise<void> {
      await tx.run(
        'INSERT OR IGNORE INTO tombstones (operation_id, serving, cancelled_by) VALUES (?, ?, ?)',
        cancelled.id,
        cancelled.serving,
        cancelledBy,
      );
    },

    /** Whether the branch that serves the operation has cancelled it. */
    async hasTombstone(tx: Reader, { id, serving }: Served): Promise<boolean> {
      const row = await tx.get(
        'SELECT 1 AS one FROM tombstones WHERE operation_id = ? AND serving = ?',
        id,
        serving,
      );
      return row !== undefined;
    },
  };
}

export type OperationStore = ReturnType<typeof createOperationStore>;

/** An operation as its serving branch names it. */
interface Served {
  readonly id: string;
  readonly serving: NodeCode;
}

export interface Decided {
  readonly operation: Operation;
  readonly decision: Decision;
  readonly decidedAt: string;
  readonly businessDate: string;
}

interface DecidedRow {
  decision: string;
  operation: string;
  decidedAt: string;
  businessDate: string;
}

function decidedOf(row: DecidedRow): Decided {
  return {
    operation: wireOperation.parse(JSON.parse(row.operation)),
    decision: wireDecision.parse(JSON.parse(row.decision)),
    decidedAt: row.decidedAt,
    businessDate: row.businessDate,
  };
}

function decisionOf(row: OperationRow): Decision | undefined {
  if (row.outcome === 'executed') {
    return { outcome: 'executed', result: JSON.parse(row.result ?? '{}') as JsonObject };
  }
  if (row.outcome === 'refused') return { outcome: 'refused', reason: row.reason ?? 'unknown' };
  return undefined;
}
