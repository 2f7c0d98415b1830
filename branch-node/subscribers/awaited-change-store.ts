import { z } from 'zod';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { nodeCode, wireOperation } from '../../shared/wire/peer-messages.ts';
import type { Operation } from '../operations/operation.ts';
import { type Subscriber, subscriberStatuses } from './subscriber.ts';

const awaitedMax = 10_000;

/** What a decision that came back makes of a subscriber once his number is here. */
export interface AwaitedChange {
  readonly number: bigint;
  readonly operation: Operation;
  readonly changed: Partial<Subscriber>;
}

const changes = z
  .strictObject({
    ...{ msisdn: z.string(), status: z.enum(subscriberStatuses), movedTo: nodeCode },
    ...{ customerId: z.string(), billingAccountId: z.string(), currency: z.string() },
    ...{ iccid: z.string(), imsi: z.string(), ratePlan: z.string() },
    ...{ services: z.array(z.string()), activatedAt: z.string() },
  })
  .partial();

/** In the order in which they came back. */
export async function listAwaited(tx: Reader, msisdn: string): Promise<AwaitedChange[]> {
  const rows = await tx.all<{ number: bigint; operation: string; changed: string }>(
    `SELECT number, operation, changed FROM awaited_changes WHERE msisdn = ?
     ORDER BY number LIMIT ?`,
    ...[msisdn, awaitedMax],
  );
  return rows.map(({ number, operation, changed }) => ({
    number,
    operation: wireOperation.parse(JSON.parse(operation)),
    changed: changes.parse(JSON.parse(changed)) as Partial<Subscriber>,
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
