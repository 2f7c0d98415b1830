import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, SqlParameter } from '../../shared/store/store.ts';
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
  readonly nameKey: string;
}

/** The last line that was shown. */
export interface SearchPosition {
  readonly msisdn: string;
  readonly nameKey: string;
}

export interface SearchPage {
  readonly after?: SearchPosition | undefined;
  readonly limit: number;
}

const columns = `s.msisdn, s.status, s.moved_to AS movedTo, s.rate_plan AS ratePlan,
  c.number AS customerNumber, c.name, c.name_key AS nameKey`;
/** CROSS JOIN keeps SQLite to this order of tables: the left one carries the index that the search is by. */
const bySubscriber = 'FROM subscribers s CROSS JOIN customers c ON c.id = s.customer';
const byCustomer = 'FROM customers c CROSS JOIN subscribers s ON s.customer = c.id';
/** After every text that begins alike. */
const highest = '\u{10FFFF}';

/** Every search walks one index from where the page before ended: its cost is its page, not the branch's size. */
export function searchSubscribers(
  tx: Reader,
  query: SubscriberQuery,
  { after, limit }: SearchPage,
): Promise<FoundSubscriber[]> {
  const last = after?.msisdn ?? '';
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
    case 'name':
      return byName(tx, query.key, { after, limit });
  }
}

/** First what is left of the name that the page before ended in, then the names behind it. */
async function byName(
  tx: Reader,
  prefix: string,
  { after, limit }: SearchPage,
): Promise<FoundSubscriber[]> {
  const order = 'ORDER BY c.name_key, s.msisdn LIMIT ?';
  const rest = after
    ? await tx.all<FoundSubscriber>(
        `SELECT ${columns} ${byCustomer} WHERE c.name_key = ? AND s.msisdn > ? ${order}`,
        ...[after.nameKey, after.msisdn, limit],
      )
    : [];
  if (rest.length >= limit) return rest;
  const behind = after ? 'c.name_key > ?' : 'c.name_key >= ?';
  const names = await tx.all<FoundSubscriber>(
    `SELECT ${columns} ${byCustomer} WHERE ${behind} AND c.name_key < ? ${order}`,
    ...[after?.nameKey ?? prefix, prefix + highest, limit - rest.length],
  );
  return [...rest, ...names];
}
