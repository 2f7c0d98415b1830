import type { Reader, Transaction } from '../store/store.ts';
import type { Instant } from '../time/clock.ts';

export interface KeyScope {
  readonly principal: string;
  /** Method and path. */
  readonly request: string;
  readonly key: string;
}

export interface StoredAnswer {
  readonly bodySha256: string;
  readonly status: number;
  /** JSON text. */
  readonly answer: string;
}

export async function findAnswer(tx: Reader, scope: KeyScope): Promise<StoredAnswer | undefined> {
  const row = await tx.get<{ body_sha256: string; status: bigint; answer: string }>(
    `SELECT body_sha256, status, answer FROM idempotency_keys
     WHERE principal = ? AND request = ? AND key = ?`,
    ...[scope.principal, scope.request, scope.key],
  );
  return row && { bodySha256: row.body_sha256, status: Number(row.status), answer: row.answer };
}

export async function insertAnswer(
  tx: Transaction,
  {
    principal,
    request,
    key,
    bodySha256,
    status,
    answer,
    at,
  }: KeyScope & StoredAnswer & { at: Instant },
) {
  await tx.run(
    `INSERT INTO idempotency_keys (principal, request, key, body_sha256, status, answer, stored_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[principal, request, key, bodySha256, status, answer, at],
  );
}

/**
 * Deletes the oldest answers stored before `before`, at most `limit`. None that came after one that is kept: a clock that
 * was behind dated it too early. What one ahead has dated waits for its time, and keeps nothing behind it.
 */
export function deleteAnswersBefore(
  tx: Transaction,
  { before, at, limit }: { before: Instant; at: Instant; limit: number },
): Promise<number> {
  return tx.run(
    `WITH oldest AS
       (SELECT rowid AS place, stored_at FROM idempotency_keys
        WHERE stored_at <= ? ORDER BY rowid LIMIT ?),
     kept AS
       (SELECT min(place) AS place FROM oldest WHERE stored_at >= ?)
     DELETE FROM idempotency_keys WHERE rowid IN
       (SELECT oldest.place FROM oldest, kept
        WHERE stored_at < ? AND (kept.place IS NULL OR oldest.place < kept.place))`,
    ...[at, limit, before, before],
  );
}
