import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, SqlParameter } from '../../shared/store/store.ts';
import { notOfThisList } from '../../shared/web/cursor.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import type { SubscriberStatus } from './subscriber.ts';
import type { SubscriberQuery } from './subscriber-query.ts';
import { reversed } from './subscriber-store.ts';

/** One line of a list. */
export interface FoundSubscriber {
  readonly msisdn: string;
  readonly status: SubscriberStatus;
  readonly movedTo: NodeCode | null;
  readonly ratePlan: string;
  readonly customerNumber: bigint;
  readonly name: string;
}

export interface SearchPage {
  /** The last number that was shown: a cursor that travels tells no name. */
  readonly after?: string | undefined;
  /** `nameMark` of the customer who had it. */
  readonly nameMark?: string | undefined;
  readonly limit: number;
}

/** Tells whether a name has changed, and too little to tell the name. */
export const nameMark = (name: string): string => sha256(name).slice(0, 4);

const columns = `s.msisdn, s.status, s.moved_to AS movedTo, s.rate_plan AS ratePlan,
  c.number AS customerNumber, c.name`;
/**
 * CROSS JOIN keeps SQLite to this order of tables: the left one carries the index that the search
 * is by.
 */
const bySubscriber = 'FROM subscribers s CROSS JOIN customers c ON c.id = s.customer';
const byCustomer = 'FROM customers c CROSS JOIN subscribers s ON s.customer = c.id';
/** As `documentKey` makes it, and as the index on it is written. */
const documentKey =
  "upper(replace(replace(replace(c.document_number, ' ', ''), '-', ''), '№', ''))";
/** After every text that begins alike. */
const highest = '\u{10FFFF}';

/**
 * Every search walks one index from where the page before ended: its cost is its page, not the
 * branch's size.
 */
export function searchSubscribers(
  tx: Reader,
  query: SubscriberQuery,
  page: SearchPage,
): Promise<FoundSubscriber[]> {
  const { after, limit } = page;
  const last = after ?? '';
  const select = (rest: string, ...params: SqlParameter[]) =>
    tx.all<FoundSubscriber>(`SELECT ${columns} ${rest} LIMIT ?`, ...params, limit);
  switch (query.by) {
    case 'all':
      return select(`${bySubscriber} WHERE s.msisdn > ? ORDER BY s.msisdn`, last);
    case 'msisdn':
      return select(`${bySubscriber} WHERE s.msisdn = ? AND s.msisdn > ?`, query.msisdn, last);
    case 'tail': {
      const from = reversed(query.digits);
      return select(
        `${bySubscriber} WHERE s.msisdn_reversed >= ? AND s.msisdn_reversed < ?
           AND s.msisdn_reversed > ? ORDER BY s.msisdn_reversed`,
        ...[from, from + highest, reversed(last)],
      );
    }
    case 'iccid':
      return select(
        `${bySubscriber} WHERE s.iccid = ? AND s.msisdn > ? ORDER BY s.msisdn`,
        ...[query.iccid, last],
      );
    case 'customer':
      return select(
        `${byCustomer} WHERE c.number = ? AND s.msisdn > ? ORDER BY s.msisdn`,
        ...[query.number, last],
      );
    case 'customer-elsewhere':
      return Promise.resolve([]);
    case 'document':
      return select(
        `${byCustomer} WHERE ${documentKey} = ? AND s.msisdn > ? ORDER BY s.msisdn`,
        ...[query.key, last],
      );
    case 'name':
      return byName(tx, query.key, page);
  }
}

/**
 * First what is left of the name that the page before ended in, then the names behind it.
 * @throws DomainError `invalid-input` for a cursor whose customer has another name by now: what is behind it is not known.
 */
async function byName(
  tx: Reader,
  prefix: string,
  { after, nameMark: mark, limit }: SearchPage,
): Promise<FoundSubscriber[]> {
  const order = 'ORDER BY c.name_key, s.msisdn LIMIT ?';
  if (after === undefined) {
    return tx.all<FoundSubscriber>(
      `SELECT ${columns} ${byCustomer} WHERE c.name_key >= ? AND c.name_key < ? ${order}`,
      ...[prefix, prefix + highest, limit],
    );
  }
  const { name, nameKey: last } = (await nameOf(tx, after)) ?? {};
  const isRenamed = mark !== undefined && name !== undefined && mark !== nameMark(name);
  if (!last?.startsWith(prefix) || isRenamed) throw notOfThisList();
  const rest = await tx.all<FoundSubscriber>(
    `SELECT ${columns} ${byCustomer} WHERE c.name_key = ? AND s.msisdn > ? ${order}`,
    ...[last, after, limit],
  );
  if (rest.length >= limit) return rest;
  const behind = await tx.all<FoundSubscriber>(
    `SELECT ${columns} ${byCustomer} WHERE c.name_key > ? AND c.name_key < ? ${order}`,
    ...[last, prefix + highest, limit - rest.length],
  );
  return [...rest, ...behind];
}

function nameOf(tx: Reader, msisdn: string) {
  return tx.get<{ name: string; nameKey: string }>(
    `SELECT c.name, c.name_key AS nameKey ${bySubscriber} WHERE s.msisdn = ?`,
    msisdn,
  );
}
