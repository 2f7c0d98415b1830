import type { Reader, Transaction } from '../store/store.ts';

export interface SecondFactor {
  /** Base32. */
  readonly secret: string;
  readonly lastStep: number;
}

export async function findSecondFactor(
  tx: Reader,
  operatorId: string,
): Promise<SecondFactor | undefined> {
  const row = await tx.get<{ secret: string; last_step: bigint }>(
    'SELECT secret, last_step FROM second_factors WHERE operator_id = ?',
    operatorId,
  );
  return row && { secret: row.secret, lastStep: Number(row.last_step) };
}

/** Instead of any that was there. */
export async function saveSecondFactor(
  tx: Transaction,
  made: SecondFactor & { operatorId: string; recoverySha256: readonly string[] },
) {
  const { operatorId, secret, lastStep, recoverySha256 } = made;
  await deleteSecondFactor(tx, operatorId);
  await tx.run(
    'INSERT INTO second_factors (operator_id, secret, last_step) VALUES (?, ?, ?)',
    ...[operatorId, secret, lastStep],
  );
  for (const sha256 of recoverySha256) {
    await tx.run(
      'INSERT INTO recovery_codes (code_sha256, operator_id) VALUES (?, ?)',
      ...[sha256, operatorId],
    );
  }
}

export async function updateLastStep(tx: Transaction, operatorId: string, lastStep: number) {
  await tx.run(
    'UPDATE second_factors SET last_step = ? WHERE operator_id = ?',
    ...[lastStep, operatorId],
  );
}

/** @returns true if there was such a code; it is gone now. */
export async function takeRecoveryCode(
  tx: Transaction,
  { operatorId, sha256 }: { operatorId: string; sha256: string },
): Promise<boolean> {
  const taken = await tx.run(
    'DELETE FROM recovery_codes WHERE code_sha256 = ? AND operator_id = ?',
    ...[sha256, operatorId],
  );
  return taken > 0;
}

export async function countRecoveryCodes(tx: Reader, operatorId: string): Promise<number> {
  const row = await tx.get<{ count: bigint }>(
    'SELECT COUNT(*) AS count FROM recovery_codes WHERE operator_id = ?',
    operatorId,
  );
  return Number(row?.count ?? 0);
}

export async function deleteSecondFactor(tx: Transaction, operatorId: string) {
  await tx.run('DELETE FROM recovery_codes WHERE operator_id = ?', operatorId);
  await tx.run('DELETE FROM second_factors WHERE operator_id = ?', operatorId);
}
