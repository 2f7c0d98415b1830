import { parseMoney } from '../../shared/money/money.ts';
import type { Answered } from './clerk.ts';
import type { Evidence } from './judge.ts';
import { idOf, type Town } from './town.ts';

/** What people were answered, held against what the branches have stored. */

interface StoredOperation {
  id: string;
  kind: string;
  msisdn: string;
  state: string;
  outcome: string | null;
  result: string | null;
  amount: bigint | null;
}

interface Desk {
  readonly code: string;
  readonly operations: ReadonlyMap<string, StoredOperation>;
  readonly payouts: ReadonlyMap<string, string>;
  readonly closed: ReadonlySet<string>;
  /** What all subscribers hold, and what they paid in fees. */
  readonly credits: bigint;
}

const kindsByPath: Readonly<Record<string, string>> = {
  payments: 'payment',
  cancellation: 'payment-cancellation',
  redirection: 'payment',
  'sim-replacements': 'sim-replacement',
  subscribers: 'registration',
  'rate-plan-changes': 'rate-plan-change',
  'service-changes': 'service-change',
  blocks: 'block',
};

export async function clientFaults(
  town: Pick<Town, 'answered' | 'known'>,
  branches: readonly Evidence[],
): Promise<string[]> {
  const desks = await Promise.all(branches.map(deskOf));
  const granted = town.answered.filter(({ status }) => status < 300);
  return [
    ...desks.flatMap((desk) => {
      const own = granted.filter(({ node }) => node === desk.code);
      return [
        ...operationFaults(desk, own, town.known),
        ...refundFaults(desk, own),
        ...dayFaults(desk, own),
      ];
    }),
    ...creditFaults(desks),
  ];
}

async function deskOf({ code, store }: Evidence): Promise<Desk> {
  return store.read(async (tx) => {
    const operations = await tx.all<StoredOperation>(
      `SELECT o.id, o.kind, o.msisdn, o.state, o.outcome, o.result, p.amount
       FROM operations o LEFT JOIN payments p ON p.operation_id = o.id`,
    );
    const payouts = await tx.all<{ id: string; state: string }>(
      'SELECT payment_id AS id, state FROM payouts',
    );
    const days = await tx.all<{ date: string }>('SELECT date FROM business_days');
    const held = await tx.get<{ sum: bigint }>(
      `SELECT COALESCE(-SUM(balance), 0) AS sum FROM ledger_accounts
       WHERE code LIKE 'subscriber:%' OR code = 'revenue'`,
    );
    return {
      code,
      operations: new Map(operations.map((operation) => [operation.id, operation])),
      payouts: new Map(payouts.map(({ id, state }) => [id, state])),
      closed: new Set(days.map(({ date }) => date)),
      credits: held?.sum ?? 0n,
    };
  });
}

/** Every operation that was answered is stored as it was asked for, and no other is. */
function operationFaults(
  { code, operations }: Desk,
  own: readonly Answered[],
  known: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  const asked = new Map<string, Answered>();
  for (const answered of own) {
    const kind = kindOf(answered);
    if (kind === undefined) continue;
    const id = idOf(answered);
    const stored = operations.get(id);
    const { path } = answered.wish;
    if (asked.has(id)) faults.push(`${code}: ${id} answers two wishes, one of them ${path}`);
    if (!stored) faults.push(`${code}: ${path} was answered with ${id}, which is not stored`);
    else faults.push(...differences(code, stored, { kind, answered }));
    asked.set(id, answered);
  }
  for (const { id, kind } of operations.values()) {
    if (!asked.has(id) && !known.has(id)) {
      faults.push(`${code}: ${kind} ${id} is stored, and nobody was told so`);
    }
  }
  return faults;
}

function kindOf({ wish }: Answered): string | undefined {
  return kindsByPath[wish.path.split('/').at(-1) ?? ''];
}

function differences(
  code: string,
  stored: StoredOperation,
  { kind, answered }: { kind: string; answered: Answered },
): string[] {
  const { id, msisdn, state, amount } = stored;
  const faults: string[] = [];
  if (stored.kind !== kind) faults.push(`${code}: ${id} is a ${stored.kind}, and was a ${kind}`);
  if (msisdn !== answered.body.msisdn) faults.push(`${code}: ${id} is of another number`);
  if (state !== 'concluded') faults.push(`${code}: ${kind} ${id} is still ${state}`);
  if (kind === 'payment' && parseMoney(answered.body.money).amount !== amount) {
    faults.push(`${code}: payment ${id} is stored with ${amount}`);
  }
  return faults;
}

/** Who was told that his money goes back has it, once; and it went from the desk. */
function refundFaults({ code, payouts, operations }: Desk, own: readonly Answered[]): string[] {
  const due = new Set(own.filter(({ wish }) => wish.path.endsWith('/refund')).map(idOf));
  for (const answered of own) {
    const cancellation = operations.get(idOf(answered));
    if (cancellation?.kind !== 'payment-cancellation') continue;
    const [, paymentId = ''] = /payments\/([^/]+)\/cancellation/.exec(answered.wish.path) ?? [];
    if (cancellation.outcome === 'executed') due.add(paymentId);
  }
  const faults = [...due]
    .filter((id) => !['released', 'presumed-paid'].includes(payouts.get(id) ?? ''))
    .map((id) => `${code}: the money of ${id} is to go back and is ${payouts.get(id) ?? 'not'}`);
  for (const id of payouts.keys()) {
    if (!due.has(id)) faults.push(`${code}: ${id} is paid back, and nobody was told so`);
  }
  return faults;
}

function dayFaults({ code, closed }: Desk, own: readonly Answered[]): string[] {
  const told = new Set(own.filter(({ wish }) => wish.path.endsWith('/close')).map(idOf));
  return [
    ...[...told]
      .filter((date) => !closed.has(date))
      .map((date) => `${code}: ${date} is not closed`),
    ...[...closed].filter((date) => !told.has(date)).map((date) => `${code}: ${date} is closed`),
  ];
}

/** What subscribers hold and paid in fees is what was credited to them less what was taken back. */
function creditFaults(desks: readonly Desk[]): string[] {
  const operations = desks.flatMap((desk) => [...desk.operations.values()]);
  const executed = (kind: string) =>
    operations.filter((operation) => operation.kind === kind && operation.outcome === 'executed');
  const sumOf = (amounts: readonly (bigint | null)[]) =>
    amounts.reduce((sum: bigint, amount) => sum + (amount ?? 0n), 0n);
  const credited = sumOf(executed('payment').map(({ amount }) => amount));
  const reversed = sumOf(
    executed('payment-cancellation').map(({ result }) => {
      const { reversed: isReversed, money } = JSON.parse(result ?? '{}');
      return isReversed ? parseMoney(money).amount : 0n;
    }),
  );
  const held = sumOf(desks.map(({ credits }) => credits));
  return held === credited - reversed
    ? []
    : [`subscribers hold ${held}, and were credited ${credited} less ${reversed}`];
}
