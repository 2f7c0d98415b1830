import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import type { Operation } from '../operations/operation.ts';
import type { Subscriber, SubscriberChange, SubscriberStatus } from './subscriber.ts';

interface SubscriberRow {
  msisdn: string;
  status: SubscriberStatus;
  movedTo: NodeCode | null;
  customerId: string;
  billingAccountId: string;
  currency: string;
  iccid: string;
  imsi: string;
  ratePlan: string;
  services: string;
  activatedAt: string;
}

export async function findSubscriber(tx: Reader, msisdn: string): Promise<Subscriber | undefined> {
  const row = await tx.get<SubscriberRow>(
    `SELECT s.msisdn, s.status, s.moved_to AS movedTo, s.customer AS customerId,
       s.billing_account AS billingAccountId, b.currency, s.iccid, s.imsi,
       s.rate_plan AS ratePlan, s.services, s.activated_at AS activatedAt
     FROM subscribers s JOIN billing_accounts b ON b.id = s.billing_account WHERE s.msisdn = ?`,
    msisdn,
  );
  if (!row) return undefined;
  const { movedTo, services, ...rest } = row;
  return {
    ...rest,
    services: servicesOf(services),
    ...(movedTo === null ? {} : { movedTo }),
  };
}

/** The number that a customer has, if he has one. */
export async function numberOfCustomer(
  tx: Reader,
  customerId: string,
): Promise<string | undefined> {
  const sql = 'SELECT msisdn FROM subscribers WHERE customer = ? LIMIT 1';
  return (await tx.get<{ msisdn: string }>(sql, customerId))?.msisdn;
}

export async function insertBillingAccount(
  tx: Transaction,
  account: { id: string; customerId: string; currency: string; at: string },
): Promise<void> {
  const { id, customerId, currency, at } = account;
  await tx.run(
    `INSERT INTO billing_accounts (id, customer, currency, created_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
    ...[id, customerId, currency, at],
  );
}

/** Writes a subscriber as he is from now on; a number that left or ended may come back. */
export async function saveSubscriber(tx: Transaction, subscriber: Subscriber): Promise<void> {
  const { msisdn, customerId, billingAccountId, iccid, imsi, ratePlan, services } = subscriber;
  await tx.run(
    `INSERT INTO subscribers (msisdn, msisdn_reversed, customer, billing_account, iccid, imsi,
       rate_plan, services, status, moved_to, activated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (msisdn) DO UPDATE SET customer = excluded.customer,
       billing_account = excluded.billing_account, iccid = excluded.iccid, imsi = excluded.imsi,
       rate_plan = excluded.rate_plan, services = excluded.services, status = excluded.status,
       moved_to = excluded.moved_to, activated_at = excluded.activated_at`,
    ...[msisdn, reversed(msisdn), customerId, billingAccountId, iccid, imsi],
    ...[ratePlan, servicesText(services), subscriber.status, subscriber.movedTo ?? null],
    subscriber.activatedAt,
  );
}

/** Once per operation: done again after a set-back, it stands as it stood. */
export async function insertChange(
  tx: Transaction,
  { id, msisdn, actor, serving, occurredAt, businessDate }: Operation,
  { what, before, after }: Pick<SubscriberChange, 'what' | 'before' | 'after'>,
): Promise<void> {
  await tx.run(
    `INSERT INTO subscriber_changes (msisdn, operation_id, what, before, after, actor_name,
       branch, occurred_at, business_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (msisdn, operation_id, what) DO NOTHING`,
    ...[msisdn, id, what, before, after, actor.name, serving, occurredAt, businessDate],
  );
}

/** An operation that changed a subscriber, and its business date. */
interface Changed {
  readonly operationId: string;
  readonly date: BusinessDate;
}

const changed = `operation_id AS operationId,
  COALESCE(business_date, substr(occurred_at, 1, 10)) AS date`;

/** How the subscriber came to the plan that he has. */
export function cameToPlan(
  tx: Reader,
  { msisdn, ratePlan }: Pick<Subscriber, 'msisdn' | 'ratePlan'>,
): Promise<Changed | undefined> {
  return tx.get<Changed>(
    `SELECT ${changed} FROM subscriber_changes
     WHERE msisdn = ? AND what IN ('start', 'rate-plan') AND after = ?
     ORDER BY operation_id DESC LIMIT 1`,
    ...[msisdn, ratePlan],
  );
}

/** On which business date each service came on last, from an operation on. */
export async function servicesOnSince(
  tx: Reader,
  { msisdn, operationId }: { msisdn: string; operationId: string },
): Promise<ReadonlyMap<string, BusinessDate>> {
  const rows = await tx.all<Changed & { before: string; after: string }>(
    `SELECT before, after, ${changed} FROM subscriber_changes
     WHERE msisdn = ? AND what = 'services' AND operation_id >= ? ORDER BY operation_id`,
    ...[msisdn, operationId],
  );
  const dates = new Map<string, BusinessDate>();
  for (const { before, after, date } of rows) {
    const had = servicesOf(before);
    for (const service of servicesOf(after)) if (!had.includes(service)) dates.set(service, date);
  }
  return dates;
}

/** The newest first. */
export function listChanges(
  tx: Reader,
  msisdn: string,
  limit: number,
): Promise<SubscriberChange[]> {
  return tx.all<SubscriberChange>(
    `SELECT what, before, after, operation_id AS operationId, actor_name AS actorName, branch,
       occurred_at AS occurredAt
     FROM subscriber_changes WHERE msisdn = ? ORDER BY operation_id DESC, what LIMIT ?`,
    ...[msisdn, limit],
  );
}

/** Codes hold no spaces, so one text holds them all. */
export function servicesText(services: readonly string[]): string {
  return services.join(' ');
}

function servicesOf(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

export function reversed(digits: string): string {
  return [...digits].reverse().join('');
}
