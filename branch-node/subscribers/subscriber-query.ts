import type { NodeCode } from '../../shared/ids/ids.ts';
import { nameKey } from './customer.ts';

/** What a person typed into the one field that finds everything. */
export type SubscriberQuery =
  | { readonly by: 'all' }
  | { readonly by: 'msisdn'; readonly msisdn: string }
  | { readonly by: 'tail'; readonly digits: string }
  | { readonly by: 'iccid'; readonly iccid: string }
  | { readonly by: 'customer'; readonly number: bigint }
  | { readonly by: 'name'; readonly key: string };

const minTailDigits = 4;
const minIccidDigits = 18;
const countryDigits = '7';
const nationalDigits = 10;

/**
 * Numbers are typed as they are read out: `+7 916 123-45-67`, `8 (916) …`, without the country, or
 * their last digits.
 */
export function subscriberQuery(text: string, node: NodeCode): SubscriberQuery {
  const typed = text.trim();
  if (typed === '') return { by: 'all' };
  const customer = /^([a-z]{2,8})-(\d{1,15})$/i.exec(typed);
  if (customer?.[1]?.toUpperCase() === node) {
    return { by: 'customer', number: BigInt(customer[2] ?? '') };
  }
  const digits = typed.replaceAll(/[\s()+-]/g, '');
  if (!/^\d+$/.test(digits)) return { by: 'name', key: nameKey(typed) };
  if (digits.length >= minIccidDigits) return { by: 'iccid', iccid: digits };
  if (digits.length < minTailDigits) return { by: 'customer', number: BigInt(digits) };
  if (digits.length < nationalDigits) return { by: 'tail', digits };
  return { by: 'msisdn', msisdn: internationalDigits(digits) };
}

const minNameLetters = 3;

/** What other branches are asked for as well: a whole number leads to its home by itself. */
export function isAskedElsewhere(query: SubscriberQuery): boolean {
  if (query.by === 'name') return query.key.length >= minNameLetters;
  return query.by === 'tail' || query.by === 'iccid';
}

function internationalDigits(digits: string): string {
  if (digits.length === nationalDigits) return countryDigits + digits;
  const isTrunkPrefixed = digits.length === nationalDigits + 1 && digits.startsWith('8');
  return isTrunkPrefixed ? countryDigits + digits.slice(1) : digits;
}
