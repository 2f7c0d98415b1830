import type { Permission } from '../../shared/access/permissions.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { isInternational } from '../../shared/pages/inputs.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { documentKey, nameKey } from './customer.ts';

/** What a person typed into the one field that finds everything. */
export type SubscriberQuery =
  | { readonly by: 'all' }
  | { readonly by: 'msisdn'; readonly msisdn: string }
  | { readonly by: 'tail'; readonly digits: string }
  | { readonly by: 'iccid'; readonly iccid: string }
  | { readonly by: 'customer'; readonly number: bigint }
  /** A customer number that says itself which branch knows it. */
  | { readonly by: 'customer-elsewhere'; readonly branch: string }
  | { readonly by: 'document'; readonly key: string }
  | { readonly by: 'name'; readonly key: string };

const minTailDigits = 4;
const minIccidDigits = 18;
const countryDigits = '7';
const nationalDigits = 10;
const minDocumentDigits = 6;
/** Series and number as they are written: `45 09 123456`, `4509 123456`, `75 1234567`. */
const groupedDocument = /^(?:\d\d\s?\d\d\s+\d{6}|\d\d\s+\d{7})$/;
const receiptLike = /^[a-z]{2,8}-\d{8}-/i;
/** Ten digits without a gap; a mobile number without its country begins with 9. */
const bareDocument = /^[0-8]\d{9}$/;

/**
 * Numbers are typed as they are read out: `+7 916 123-45-67`, `8 (916) …`, without the country, or
 * their last digits. A document is typed as it is written, or after `№`.
 */
export function subscriberQuery(text: string, node: NodeCode): SubscriberQuery {
  const typed = text.trim();
  if (typed === '') return { by: 'all' };
  const customer = /^([a-z]{2,8})-(\d{1,15})$/i.exec(typed);
  if (customer) {
    const branch = customer[1]?.toUpperCase() ?? '';
    if (branch !== node) return { by: 'customer-elsewhere', branch };
    return { by: 'customer', number: BigInt(customer[2] ?? '') };
  }
  if (isDocument(typed)) return { by: 'document', key: documentKey(typed) };
  const digits = typed.replaceAll(/[\s().+-]/g, '');
  if (!/^\d+$/.test(digits)) return { by: 'name', key: nameKey(typed) };
  if (digits.length >= minIccidDigits) return { by: 'iccid', iccid: digits };
  if (digits.length < minTailDigits) return { by: 'customer', number: BigInt(digits) };
  if (digits.length < nationalDigits) return { by: 'tail', digits };
  const msisdn = isInternational(typed) ? digits : internationalDigits(digits);
  return { by: 'msisdn', msisdn };
}

function isDocument(typed: string): boolean {
  if (receiptLike.test(typed)) return false;
  if (groupedDocument.test(typed) || bareDocument.test(typed)) return true;
  const digits = typed.replaceAll(/\D/g, '').length;
  return digits >= minDocumentDigits && /[\p{L}№]/u.test(typed);
}

/** Who may not see a document may not try its number either. @throws DomainError `not-permitted`. */
export function assertMaySearch(
  query: SubscriberQuery,
  permissions: ReadonlySet<Permission>,
): void {
  if (query.by !== 'document' || permissions.has('subscriber.personal')) return;
  throw new DomainError(
    'not-permitted',
    'A search by document needs the permission subscriber.personal.',
  );
}

const minNameLetters = 3;

/** What every branch may be asked for: a whole number leads to its home by itself. */
const askedEverywhere: ReadonlySet<SubscriberQuery['by']> = new Set(['tail', 'iccid', 'document']);

/** Which of the other branches are asked as well. */
export function isAskedAt(branch: NodeCode, query: SubscriberQuery): boolean {
  if (query.by === 'customer-elsewhere') return query.branch === branch;
  return isNameLongEnough(query) || askedEverywhere.has(query.by);
}

/** What people of other branches are told. */
export function isAnsweredElsewhere(query: SubscriberQuery): boolean {
  return isNameLongEnough(query) || askedEverywhere.has(query.by) || query.by === 'customer';
}

function isNameLongEnough(query: SubscriberQuery): boolean {
  return query.by === 'name' && query.key.length >= minNameLetters;
}

function internationalDigits(digits: string): string {
  if (digits.length === nationalDigits) return countryDigits + digits;
  const isTrunkPrefixed = digits.length === nationalDigits + 1 && digits.startsWith('8');
  return isTrunkPrefixed ? countryDigits + digits.slice(1) : digits;
}
