import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Case, type CaseKind, type CaseState, type CaseStepTaken, proposal } from './case.ts';

/** All SQL of cases. */

interface CaseRow extends Omit<Case, 'operation' | 'branches' | 'proposal'> {
  operationId: string | null;
  attempt: bigint | null;
  branches: string;
  proposal: string | null;
}

const columns = `id, kind, subject, state, operation_id AS operationId, attempt, branches, detail,
  opened_at AS openedAt, explanation, proposal, proposed_by AS proposedBy,
  approved_by AS approvedBy, resolution, closed_at AS closedAt`;

function caseOf({ operationId, attempt, ...row }: CaseRow): Case {
  return {
    ...row,
    operation:
      operationId === null || attempt === null
        ? null
        : { id: operationId, attempt: Number(attempt) },
    branches: JSON.parse(row.branches) as NodeCode[],
    proposal: row.proposal === null ? null : proposal.parse(JSON.parse(row.proposal)),
  };
}

/** Writes the case as it is now, and the step that made it so. */
export async function saveCase(tx: Transaction, made: Case, step: CaseStepTaken): Promise<void> {
  await tx.run(
    `INSERT INTO cases (id, kind, subject, state, operation_id, attempt, branches, detail,
       opened_at, explanation, proposal, proposed_by, approved_by, resolution, closed_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, explanation = excluded.explanation,
       proposal = excluded.proposal, proposed_by = excluded.proposed_by,
       approved_by = excluded.approved_by, resolution = excluded.resolution,
       closed_at = excluded.closed_at`,
    made.id,
    made.kind,
    made.subject,
    made.state,
    made.operation?.id ?? null,
    made.operation?.attempt ?? null,
    JSON.stringify(made.branches),
    made.detail,
    made.openedAt,
    made.explanation,
    made.proposal && JSON.stringify(storedProposal(made.proposal)),
    made.proposedBy,
    made.approvedBy,
    made.resolution,
    made.closedAt,
  );
  await tx.run(
    'INSERT INTO case_steps (case_id, state, at, actor, note) VALUES (?, ?, ?, ?, ?)',
    made.id,
    step.state,
    step.at,
    step.actor,
    step.note,
  );
}

function storedProposal({ reason, owes }: NonNullable<Case['proposal']>) {
  return { reason, ...(owes ? { owes: { ...owes, amount: owes.amount.toString() } } : {}) };
}

export async function findCase(tx: Reader, id: string): Promise<Case | undefined> {
  const row = await tx.get<CaseRow>(`SELECT ${columns} FROM cases WHERE id = ?`, id);
  return row && caseOf(row);
}

export async function openCaseAbout(tx: Reader, subject: string): Promise<Case | undefined> {
  const row = await tx.get<CaseRow>(
    `SELECT ${columns} FROM cases WHERE subject = ? AND state <> 'closed'`,
    subject,
  );
  return row && caseOf(row);
}

/** What was ever made of this: the case that is open, and whether people have adjusted one. */
export async function historyOf(
  tx: Reader,
  subject: string,
): Promise<{ openId: string | null; wasAdjusted: boolean }> {
  const row = await tx.get<{ openId: string | null; adjusted: bigint }>(
    `SELECT MAX(CASE WHEN state <> 'closed' THEN id END) AS openId,
       COUNT(approved_by) AS adjusted FROM cases WHERE subject = ?`,
    subject,
  );
  return { openId: row?.openId ?? null, wasAdjusted: (row?.adjusted ?? 0n) > 0n };
}

/** Cases of a kind that are not closed, the oldest first. */
export async function openCasesOfKind(
  tx: Reader,
  kind: CaseKind,
  { after, limit }: { after: string; limit: number },
): Promise<Case[]> {
  const rows = await tx.all<CaseRow>(
    `SELECT ${columns} FROM cases WHERE state <> 'closed' AND kind = ? AND id > ?
     ORDER BY id LIMIT ?`,
    kind,
    after,
    limit,
  );
  return rows.map(caseOf);
}

export interface CaseFilter {
  /** `open`: any but closed. */
  readonly state?: CaseState | 'open' | undefined;
  readonly kind?: CaseKind | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

/** The newest first. */
export async function listCases(tx: Reader, filter: CaseFilter): Promise<Case[]> {
  const { state = null, kind = null, before = null, limit } = filter;
  const rows = await tx.all<CaseRow>(
    `SELECT ${columns} FROM cases
     WHERE (? IS NULL OR CASE ? WHEN 'open' THEN state <> 'closed' ELSE state = ? END)
       AND kind = COALESCE(?, kind) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?`,
    state,
    state,
    state,
    kind,
    before,
    before,
    limit,
  );
  return rows.map(caseOf);
}

export function stepsOf(tx: Reader, caseId: string): Promise<CaseStepTaken[]> {
  return tx.all(
    'SELECT state, at, actor, note FROM case_steps WHERE case_id = ? ORDER BY id',
    caseId,
  );
}
