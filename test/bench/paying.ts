import { randomUUID } from 'node:crypto';
import type { Branch } from '../../branch-node/branch.ts';
import type { Msisdn } from '../../shared/ids/ids.ts';
import { cash } from '../support/federation.ts';
import { authorizationAt, type DescribedNode, deskAt } from '../support/processes.ts';
import type { Load } from './load.ts';

/** Numbers of a branch's subscribers. */
export async function numbersOf(node: DescribedNode): Promise<string[]> {
  const desk = await deskAt(node, 'manager');
  const { items } = await desk.get('/api/v1/subscribers?limit=50');
  return items.map((item: { msisdn: string }) => item.msisdn);
}

/** Payments at a branch's desk, over HTTP, in turn for each of the numbers. */
export async function payingAt(
  node: DescribedNode,
  numbers: readonly string[],
): Promise<Load['request']> {
  return paymentRequests(await authorizationAt(node, 'manager'), numbers);
}

export function paymentRequests(
  authorization: string,
  numbers: readonly string[],
): Load['request'] {
  const headers = { 'content-type': 'application/json', authorization };
  return (turn) => ({
    path: '/api/v1/payments',
    headers: { ...headers, 'idempotency-key': randomUUID() },
    body: paymentBody(numbers, turn),
  });
}

export const paymentBody = (numbers: readonly string[], turn: number) =>
  JSON.stringify({ msisdn: numbers[turn % numbers.length], ...cash('1.00') });

const paymentsPerTransaction = 100;
const oneRouble = { amount: 100n, currency: 'RUB' };

/** As many payments as an outage or a day leaves behind, without a person who asks for each. */
export async function takeMany(
  branch: Pick<Branch, 'store' | 'payments'>,
  { numbers, count }: { numbers: readonly string[]; count: number },
): Promise<void> {
  const actor = { operatorId: 'bench', name: 'bench' };
  for (let done = 0; done < count; done += paymentsPerTransaction) {
    await branch.store.write(async (tx) => {
      for (let turn = done; turn < Math.min(count, done + paymentsPerTransaction); turn += 1) {
        await branch.payments.take(tx, {
          actor,
          msisdn: (numbers[turn % numbers.length] ?? '') as Msisdn,
          money: oneRouble,
          tender: { kind: 'cash' },
          isVerified: true,
        });
      }
    });
  }
}
