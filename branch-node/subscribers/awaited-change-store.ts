import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Operation } from '../operations/operation.ts';
import type { Subscriber } from './subscriber.ts';

/** What a decision that came back makes of a subscriber once his number is here. */
export interface AwaitedChange {
  readonly number: bigint;
  readonly operation: Operation;
  readonly changed: Partial<Subscriber>;
}

/** In the order in which they came back. */
export async function listAwaited(tx: Reader, msisdn: string): Promise<AwaitedChange[]> {
  const rows = await tx.all<{ number: bigint; operation: string; changed: string }>(
    'SELECT number, operation, changed FROM awaited_changes WHERE msisdn = ? ORDER BY number',
    msisdn,
  );
  return rows.map(({ number, operation, changed }) => ({
    ...{ number, operation: JSON.parse(operation), changed: JSON.parse(changed) },
  }));
}

export async function insertAwaited(
  tx: Transaction,
  operation: Operation,
  changed: Partial<Subscriber>,
): Promise<void> {
  await tx.run(
    'INSERT INTO awaited_changes (msisdn, operation, changed) VALUES (?, ?, ?)',
    ...[operation.msisdn, JSON.stringify(operation), JSON.stringify(changed)],
  );
}

export async function deleteAwaited(tx: Transaction, number: bigint): Promise<void> {
  await tx.run('DELETE FROM awaited_changes WHERE number = ?', number);
}
