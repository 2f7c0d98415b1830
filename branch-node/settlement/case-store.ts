import type { Reader, Transaction } from '../../shared/store/store.ts';
import {
  type CaseAdjusted,
  type CaseOpened,
  caseAdjusted,
} from '../../shared/wire/settlement-messages.ts';

/** All SQL of the mismatch cases that concern this branch. */

export interface OwnCase {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly state: 'open' | 'adjusted' | 'closed';
  readonly operationId: string | null;
  readonly detail: string;
  readonly openedAt: string;
  readonly resolution: string | null;
  readonly closedAt: string | null;
}

/** Told again, it changes nothing. */
export async function insertCase(tx: Transaction, told: CaseOpened): Promise<void> {
  await tx.run(
    `INSERT OR IGNORE INTO cases (id, kind, subject, state, operation_id, detail, opened_at)
     VALUES (?, ?, ?, 'open', ?, ?, ?)`,
    told.caseId,
    told.kind,
    told.subject,
    told.operation?.id ?? null,
    told.detail,
    told.openedAt,
  );
}

/** `adjustment` is the body of `case.adjusted` as it came. */
export async function adjustCase(tx: Transaction, id: string, adjustment: string): Promise<void> {
  await tx.run(
    `UPDATE cases SET adjustment = ?, state = CASE state WHEN 'open' THEN 'adjusted' ELSE state END
     WHERE id = ?`,
    adjustment,
    id,
  );
}

export async function closeCase(
  tx: Transaction,
  id: string,
  { resolution, closedAt }: { resolution: string; closedAt: string },
): Promise<void> {
  await tx.run(
    "UPDATE cases SET state = 'closed', resolution = ?, closed_at = ? WHERE id = ?",
    resolution,
    closedAt,
    id,
  );
}

export async function adjustmentOf(tx: Reader, id: string): Promise<CaseAdjusted | undefined> {
  const row = await tx.get<{ adjustment: string | null }>(
    'SELECT adjustment FROM cases WHERE id = ?',
    id,
  );
  return row?.adjustment ? caseAdjusted.parse(JSON.parse(row.adjustment)) : undefined;
}

/** The newest first. */
export function listCases(
  tx: Reader,
  filter: { state?: OwnCase['state'] | undefined; before?: string | undefined; limit: number },
): Promise<OwnCase[]> {
  return tx.all<OwnCase>(
    `SELECT id, kind, subject, state, operation_id AS operationId, detail, opened_at AS openedAt,
       resolution, closed_at AS closedAt
     FROM cases WHERE state = COALESCE(?, state) AND (? IS NULL OR id < ?)
     ORDER BY id DESC LIMIT ?`,
    filter.state ?? null,
    filter.before ?? null,
    filter.before ?? null,
    filter.limit,
  );
}
