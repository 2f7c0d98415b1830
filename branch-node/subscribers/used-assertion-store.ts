import type { Transaction } from '../../shared/store/store.ts';

const maxForgottenAtOnce = 50;

/**
 * @returns false when the assertion was used before. Forgets some that nobody would believe any
 * more.
 */
export async function rememberAssertion(
  tx: Transaction,
  { jti, expiresAtMs, nowMs }: { jti: string; expiresAtMs: number; nowMs: number },
): Promise<boolean> {
  await tx.run(
    `DELETE FROM used_assertions WHERE jti IN
       (SELECT jti FROM used_assertions WHERE expires_at_ms < ? ORDER BY expires_at_ms LIMIT ?)`,
    ...[nowMs, maxForgottenAtOnce],
  );
  const inserted = await tx.run(
    'INSERT INTO used_assertions (jti, expires_at_ms) VALUES (?, ?) ON CONFLICT (jti) DO NOTHING',
    ...[jti, expiresAtMs],
  );
  return inserted === 1;
}
