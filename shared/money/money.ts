import { DomainError } from '../problem/problem.ts';

/** Minor units (kopecks, cents) of one ISO 4217 currency. Never a float, never a bare number. */
export interface Money {
  readonly amount: bigint;
  readonly currency: string;
}

/** Money as it travels: exactly the currency's decimals, e.g. `{"amount":"500.00","currency":"RUB"}`. */
export interface WireMoney {
  readonly amount: string;
  readonly currency: string;
}

/** Source: ISO 4217 list one; every currency that is not listed has two decimals. */
const decimalsByCurrency: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'
      .split(' ')
      .map((code) => [code, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3])),
  CLF: 4,
  UYW: 4,
};
const defaultDecimals = 2;

/** Within SQLite's 64-bit INTEGER with room to add up a million of them. */
export const maxMinorUnits = 1_000_000_000_000n;
const maxAmountLength = 20;

export const currencyPattern = /^[A-Z]{3}$/;

/** How many decimals a currency has; `RUB` has 2, `JPY` 0. */
export function decimalsOf(currency: string): number {
  return Object.hasOwn(decimalsByCurrency, currency)
    ? (decimalsByCurrency[currency] ?? defaultDecimals)
    : defaultDecimals;
}

/**
 * Parses money at the border.
 * @throws DomainError `invalid-money` for anything but digits with exactly the currency's decimals.
 */
export function parseMoney(wire: WireMoney, field = 'money'): Money {
  const { amount, currency } = wire;
  if (!currencyPattern.test(currency)) {
    throw invalidMoney(`${field}.currency`, 'is not a three-letter ISO 4217 code');
  }
  const decimals = decimalsOf(currency);
  if (amount.length > maxAmountLength || !shapeOf(decimals).test(amount)) {
    throw invalidMoney(
      `${field}.amount`,
      `must be digits with exactly ${decimals} decimals for ${currency}`,
    );
  }
  const minor = BigInt(amount.replace('.', ''));
  if (minor > maxMinorUnits || minor < -maxMinorUnits) {
    throw invalidMoney(`${field}.amount`, 'is too large');
  }
  return { amount: minor, currency };
}

const shapes = new Map<number, RegExp>([[0, /^-?\d+$/]]);

function shapeOf(decimals: number): RegExp {
  const known = shapes.get(decimals) ?? new RegExp(`^-?\\d+\\.\\d{${decimals}}$`);
  shapes.set(decimals, known);
  return known;
}

function invalidMoney(field: string, message: string): DomainError {
  return new DomainError('invalid-money', `${field} ${message}.`, { errors: [{ field, message }] });
}

/** The wire form of money; the inverse of `parseMoney`. */
export function formatMoney({ amount, currency }: Money): WireMoney {
  return { amount: formatAmount(amount, currency), currency };
}

/** Minor units as a decimal string, e.g. `-12.05`. */
export function formatAmount(amount: bigint, currency: string): string {
  const decimals = decimalsOf(currency);
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/**
 * The share of `amount` at `rateBasisPoints` (1/100 of a per cent), rounded half up and away from zero:
 * the rounding that tariffs name. `shareOf(333n, 150n)` is `5n`.
 */
export function shareOf(amount: bigint, rateBasisPoints: bigint): bigint {
  const basis = 10_000n;
  const product = amount * rateBasisPoints;
  const half = product < 0n ? -basis / 2n : basis / 2n;
  return (product + half) / basis;
}
