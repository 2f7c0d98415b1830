import { decimalsOf } from '../money/money.ts';

const nationalLength = 10;
const countryCode = '7';

/** The digits of a number as people type it; undefined if it cannot be one. */
export function msisdnInput(typed: string): string | undefined {
  const digits = typed.replaceAll(/[\s().+-]/g, '');
  if (!/^\d{10,15}$/.test(digits)) return undefined;
  if (isInternational(typed)) return digits;
  if (digits.length === nationalLength) return countryCode + digits;
  const isTrunk = digits.length === nationalLength + 1 && digits.startsWith('8');
  return isTrunk ? countryCode + digits.slice(1) : digits;
}

/** With a plus in front its country is said: none is to be guessed. */
export const isInternational = (typed: string): boolean => typed.trimStart().startsWith('+');

/** A sum as people type it, `500`, `500,5` or `1 500.50`, as the API takes it; undefined if it is none. */
export function moneyInput(typed: string, currency: string): string | undefined {
  const decimals = decimalsOf(currency);
  const text = typed.replaceAll(/[\s\u00A0\u202F]/g, '').replace(',', '.');
  const [, whole, part = ''] = /^(\d{1,12})(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined || part.length > decimals) return undefined;
  return decimals === 0 ? whole : `${whole}.${part.padEnd(decimals, '0')}`;
}
