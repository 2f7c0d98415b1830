import type { Reader, Transaction } from '../store/store.ts';
import type { Instant } from '../time/clock.ts';
import type { Gate, Tries } from './sign-in-gates.ts';

export async function findTries(
  tx: Reader,
  { loginSha256, place }: Gate,
): Promise<Tries | undefined> {
  const row = await tx.get<{ count: bigint; since_ms: bigint }>(
    'SELECT count, since_ms FROM sign_in_counts WHERE login_sha256 = ? AND place = ?',
    ...[loginSha256, place],
  );
  return row && { count: Number(row.count), sinceMs: Number(row.since_ms) };
}

export async function saveTries(tx: Transaction, { loginSha256, place }: Gate, tries: Tries) {
  await tx.run(
    `INSERT INTO sign_in_counts (login_sha256, place, count, since_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (login_sha256, place)
     DO UPDATE SET count = excluded.count, since_ms = excluded.since_ms`,
    ...[loginSha256, place, tries.count, tries.sinceMs],
  );
}

/** Takes one try back that turned out to be right. */
export async function takeBackTry(tx: Transaction, { loginSha256, place }: Gate) {
  await tx.run(
    `UPDATE sign_in_counts SET count = count - 1
     WHERE login_sha256 = ? AND place = ? AND count > 0`,
    ...[loginSha256, place],
  );
}

export async function forgetTries(tx: Transaction, { loginSha256, place }: Gate) {
  await tx.run(
    'DELETE FROM sign_in_counts WHERE login_sha256 = ? AND place = ?',
    ...[loginSha256, place],
  );
}

/** Ends every lockout of a login. */
export async function forgetTriesOf(tx: Transaction, loginSha256: string) {
  await tx.run('DELETE FROM sign_in_counts WHERE login_sha256 = ?', loginSha256);
}

export async function forgetTriesBefore(tx: Transaction, sinceMs: number) {
  await tx.run('DELETE FROM sign_in_counts WHERE since_ms < ?', sinceMs);
}

export async function isKnownPlace(
  tx: Reader,
  { operatorId, place, since }: { operatorId: string; place: string; since: Instant },
): Promise<boolean> {
  const row = await tx.get(
    'SELECT 1 FROM known_places WHERE operator_id = ? AND place = ? AND seen_at >= ?',
    ...[operatorId, place, since],
  );
  return row !== undefined;
}

/** Keeps the operator's `max` newest places. */
export async function rememberPlace(
  tx: Transaction,
  { operatorId, place, at, max }: { operatorId: string; place: string; at: Instant; max: number },
) {
  await tx.run(
    `INSERT INTO known_places (operator_id, place, seen_at) VALUES (?, ?, ?)
     ON CONFLICT (operator_id, place) DO UPDATE SET seen_at = excluded.seen_at`,
    ...[operatorId, place, at],
  );
  await tx.run(
    `DELETE FROM known_places WHERE operator_id = ? AND place NOT IN
       (SELECT place FROM known_places WHERE operator_id = ? ORDER BY seen_at DESC LIMIT ?)`,
    ...[operatorId, operatorId, max],
  );
}

export async function forgetPlacesOf(tx: Transaction, operatorId: string) {
  await tx.run('DELETE FROM known_places WHERE operator_id = ?', operatorId);
}
