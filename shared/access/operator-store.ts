import type { Reader, Transaction } from '../store/store.ts';
import { type Instant, msOf } from '../time/clock.ts';
import type { Operator, OperatorWithPassword } from './operator.ts';
import type { PasswordHash } from './passwords.ts';

interface OperatorRow {
  id: string;
  login: string;
  name: string;
  role: string;
  disabled: bigint;
  created_at: string;
  second_factors: bigint;
  held_by: string | null;
}

interface PasswordRow extends OperatorRow {
  password_hash: PasswordHash;
  temporary_until: string | null;
}

const operatorColumns = `operators.id, login, name, role, disabled, held_by, operators.created_at,
  (SELECT COUNT(*) FROM second_factors WHERE operator_id = operators.id) AS second_factors`;

function operatorOf(row: OperatorRow): Operator {
  const { id, login, name, role } = row;
  const hasSecondFactor = row.second_factors > 0n;
  const disabled = row.disabled === 1n;
  const heldBy = row.held_by ?? undefined;
  return { id, login, name, role, disabled, createdAt: row.created_at, hasSecondFactor, heldBy };
}

export async function insertOperator(tx: Transaction, operator: OperatorWithPassword) {
  const { id, login, name, passwordHash, role, disabled, createdAt } = operator;
  const { temporaryUntil, heldBy } = operator;
  await tx.run(
    `INSERT INTO operators (id, login, name, password_hash, role, disabled, created_at,
       temporary_until, held_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, login, name, passwordHash, role, disabled ? 1 : 0, createdAt],
    ...[temporaryUntil ?? null, heldBy ?? null],
  );
}

export async function findOperator(
  tx: Reader,
  login: string,
): Promise<OperatorWithPassword | undefined> {
  const row = await tx.get<PasswordRow>(
    `SELECT ${operatorColumns}, password_hash, temporary_until FROM operators WHERE login = ?`,
    login,
  );
  if (!row) return undefined;
  const temporaryUntil = row.temporary_until ?? undefined;
  return { ...operatorOf(row), passwordHash: row.password_hash, temporaryUntil };
}

/** By login, after `after`. */
export async function listOperators(
  tx: Reader,
  { after, limit }: { after: string; limit: number },
): Promise<Operator[]> {
  const rows = await tx.all<OperatorRow>(
    `SELECT ${operatorColumns} FROM operators WHERE login > ? ORDER BY login LIMIT ?`,
    after,
    limit,
  );
  return rows.map(operatorOf);
}

export async function updatePassword(
  tx: Transaction,
  {
    id,
    passwordHash,
    temporaryUntil,
  }: Pick<OperatorWithPassword, 'id' | 'passwordHash' | 'temporaryUntil'>,
) {
  await tx.run(
    'UPDATE operators SET password_hash = ?, temporary_until = ? WHERE id = ?',
    ...[passwordHash, temporaryUntil ?? null, id],
  );
}

export async function updateDisabled(tx: Transaction, id: string) {
  await tx.run('UPDATE operators SET disabled = 1 WHERE id = ?', id);
}

export async function updateHeldBy(tx: Transaction, id: string, heldBy: string | undefined) {
  await tx.run('UPDATE operators SET held_by = ? WHERE id = ?', heldBy ?? null, id);
}

export interface StoredSession {
  readonly operator: Operator;
  readonly isPasswordTemporary: boolean;
  readonly createdMs: number;
  readonly seenMs: number;
}

export async function insertSession(
  tx: Transaction,
  session: { tokenSha256: string; operatorId: string; source: string; at: Instant },
) {
  const { tokenSha256, operatorId, source, at } = session;
  await tx.run(
    `INSERT INTO sessions (token_sha256, operator_id, source, created_at, seen_at)
     VALUES (?, ?, ?, ?, ?)`,
    ...[tokenSha256, operatorId, source, at, at],
  );
}

interface SessionRow extends OperatorRow {
  temporary_until: string | null;
  started_at: string;
  seen_at: string;
}

/** The session with its operator, unless that is disabled or held. */
export async function findSession(
  tx: Reader,
  tokenSha256: string,
): Promise<StoredSession | undefined> {
  const row = await tx.get<SessionRow>(
    `SELECT ${operatorColumns}, temporary_until, s.created_at AS started_at, s.seen_at
     FROM sessions s JOIN operators ON operators.id = s.operator_id
     WHERE s.token_sha256 = ? AND disabled = 0 AND held_by IS NULL`,
    tokenSha256,
  );
  if (!row) return undefined;
  return {
    operator: operatorOf(row),
    isPasswordTemporary: row.temporary_until !== null,
    createdMs: msOf(row.started_at),
    seenMs: msOf(row.seen_at),
  };
}

/** What a session is called to its owner: too little of the hash to be found by, and no token. */
const sessionId = 'substr(token_sha256, 1, 32)';

export interface ListedSession {
  readonly id: string;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
  /** Unknown of those opened by an older version. */
  readonly source: string | null;
}

/** Those seen last first. */
export async function listSessions(
  tx: Reader,
  wish: { operatorId: string; seen: Instant; created: Instant; limit: number },
): Promise<ListedSession[]> {
  const { operatorId, seen, created, limit } = wish;
  return tx.all<ListedSession>(
    `SELECT ${sessionId} AS id, created_at AS startedAt, seen_at AS seenAt, source FROM sessions
     WHERE operator_id = ? AND seen_at > ? AND created_at > ? ORDER BY seen_at DESC, id LIMIT ?`,
    ...[operatorId, seen, created, limit],
  );
}

/** @returns true if the operator had such a session. */
export async function deleteSessionOf(
  tx: Transaction,
  { operatorId, id }: { operatorId: string; id: string },
): Promise<boolean> {
  const ended = await tx.run(
    `DELETE FROM sessions WHERE operator_id = ? AND ${sessionId} = ?`,
    ...[operatorId, id],
  );
  return ended > 0;
}

export async function touchSession(tx: Transaction, tokenSha256: string, at: Instant) {
  await tx.run('UPDATE sessions SET seen_at = ? WHERE token_sha256 = ?', at, tokenSha256);
}

export async function deleteSession(tx: Transaction, tokenSha256: string) {
  await tx.run('DELETE FROM sessions WHERE token_sha256 = ?', tokenSha256);
}

export async function deleteSessionsOf(tx: Transaction, operatorId: string) {
  await tx.run('DELETE FROM sessions WHERE operator_id = ?', operatorId);
}

export async function deleteSessionsOfBut(
  tx: Transaction,
  { operatorId, tokenSha256 }: { operatorId: string; tokenSha256: string },
) {
  await tx.run(
    'DELETE FROM sessions WHERE operator_id = ? AND token_sha256 <> ?',
    ...[operatorId, tokenSha256],
  );
}

export async function deleteSessionsBefore(
  tx: Transaction,
  { seen, created }: { seen: Instant; created: Instant },
) {
  await tx.run('DELETE FROM sessions WHERE seen_at < ? OR created_at < ?', seen, created);
}
