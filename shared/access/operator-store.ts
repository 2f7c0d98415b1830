import type { Reader, Transaction } from '../store/store.ts';
import { type Instant, instantOf, msOf } from '../time/clock.ts';
import type { Operator, OperatorWithPassword, Tries } from './operator.ts';
import type { PasswordHash } from './passwords.ts';

interface OperatorRow {
  id: string;
  login: string;
  name: string;
  role: string;
  disabled: bigint;
  created_at: string;
}

const operatorColumns = 'id, login, name, role, disabled, created_at';

function operatorOf(row: OperatorRow): Operator {
  const { id, login, name, role } = row;
  return { id, login, name, role, disabled: row.disabled === 1n, createdAt: row.created_at };
}

export async function insertOperator(tx: Transaction, operator: OperatorWithPassword) {
  const { id, login, name, passwordHash, role, disabled, createdAt } = operator;
  await tx.run(
    `INSERT INTO operators (id, login, name, password_hash, role, disabled, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[id, login, name, passwordHash, role, disabled ? 1 : 0, createdAt],
  );
}

export async function findOperator(
  tx: Reader,
  login: string,
): Promise<OperatorWithPassword | undefined> {
  const row = await tx.get<OperatorRow & { password_hash: PasswordHash }>(
    `SELECT ${operatorColumns}, password_hash FROM operators WHERE login = ?`,
    login,
  );
  return row && { ...operatorOf(row), passwordHash: row.password_hash };
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

export async function updatePassword(tx: Transaction, id: string, hash: PasswordHash) {
  await tx.run('UPDATE operators SET password_hash = ? WHERE id = ?', hash, id);
}

export async function updateDisabled(tx: Transaction, id: string) {
  await tx.run('UPDATE operators SET disabled = 1 WHERE id = ?', id);
}

export interface StoredSession {
  readonly operator: Operator;
  readonly createdMs: number;
  readonly seenMs: number;
}

export async function insertSession(
  tx: Transaction,
  session: { tokenSha256: string; operatorId: string; at: Instant },
) {
  const { tokenSha256, operatorId, at } = session;
  await tx.run(
    'INSERT INTO sessions (token_sha256, operator_id, created_at, seen_at) VALUES (?, ?, ?, ?)',
    ...[tokenSha256, operatorId, at, at],
  );
}

/** The session with its operator, unless that is disabled. */
export async function findSession(
  tx: Reader,
  tokenSha256: string,
): Promise<StoredSession | undefined> {
  const row = await tx.get<OperatorRow & { started_at: string; seen_at: string }>(
    `SELECT o.id, o.login, o.name, o.role, o.disabled, o.created_at,
       s.created_at AS started_at, s.seen_at
     FROM sessions s JOIN operators o ON o.id = s.operator_id
     WHERE s.token_sha256 = ? AND o.disabled = 0`,
    tokenSha256,
  );
  if (!row) return undefined;
  return { operator: operatorOf(row), createdMs: msOf(row.started_at), seenMs: msOf(row.seen_at) };
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

export async function deleteSessionsBefore(
  tx: Transaction,
  { seen, created }: { seen: Instant; created: Instant },
) {
  await tx.run('DELETE FROM sessions WHERE seen_at < ? OR created_at < ?', seen, created);
}

export async function findTries(tx: Reader, loginSha256: string): Promise<Tries | undefined> {
  const row = await tx.get<{ count: bigint; last_at: string }>(
    'SELECT count, last_at FROM sign_in_tries WHERE login_sha256 = ?',
    loginSha256,
  );
  return row && { count: Number(row.count), lastMs: msOf(row.last_at) };
}

export async function saveTries(tx: Transaction, loginSha256: string, tries: Tries) {
  await tx.run(
    `INSERT INTO sign_in_tries (login_sha256, count, last_at) VALUES (?, ?, ?)
     ON CONFLICT (login_sha256) DO UPDATE SET count = excluded.count, last_at = excluded.last_at`,
    ...[loginSha256, tries.count, instantOf(tries.lastMs)],
  );
}

export async function deleteTries(tx: Transaction, loginSha256: string) {
  await tx.run('DELETE FROM sign_in_tries WHERE login_sha256 = ?', loginSha256);
}

export async function deleteTriesBefore(tx: Transaction, last: Instant) {
  await tx.run('DELETE FROM sign_in_tries WHERE last_at < ?', last);
}
