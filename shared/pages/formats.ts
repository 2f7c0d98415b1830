import { createRequire } from 'node:module';
import type * as PhoneNumbers from 'libphonenumber-js/min';
import { decimalsOf, type WireMoney } from '../money/money.ts';
import { type Instant, msOf } from '../time/clock.ts';
import type { Language } from './language.ts';

const require = createRequire(import.meta.url);
/** Loaded by the first number that is shown. */
const phoneNumbers = (): typeof PhoneNumbers => require('libphonenumber-js/min');

/** How values look to a person of a language, at a node of a time zone. */
export interface Formats {
  /** `1 234,50 ₽`; the digits are never made a float. */
  money(money: WireMoney): string;
  /** How sums of a currency are marked: `₽`. */
  currency(code: string): string;
  /** Day and time to the minute. */
  moment(instant: Instant): string;
  /** Time of the day to the second. */
  time(instant: Instant): string;
  /** A business date. */
  date(date: string): string;
  count(count: number): string;
  /** A part of a whole, in per cent. */
  share(part: number, whole: number): string;
  /** Of milliseconds, in seconds. */
  duration(ms: number): string;
  msisdn(digits: string): string;
}

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', ru: 'ru-RU' };
const made = new Map<string, Formats>();

export function formatsFor(language: Language, timeZone: string): Formats {
  const key = `${language} ${timeZone}`;
  const known = made.get(key);
  if (known) return known;
  const formats = makeFormats(locales[language], timeZone);
  made.set(key, formats);
  return formats;
}

/** A sum as programs are told it, `5000.00 RUB`, as people of the language write it; anything else as it is. */
export function sumText(language: Language, text: string): string {
  const [, amount, currency] = /^(-?\d+(?:\.\d+)?) ([A-Z]{3})$/.exec(text) ?? [];
  if (amount === undefined || currency === undefined) return text;
  return formatsFor(language, 'UTC').money({ amount, currency });
}

function makeFormats(locale: string, timeZone: string): Formats {
  const currencies = new Map<string, Intl.NumberFormat>();
  const moment = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone,
  });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', timeZone });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const seconds = new Intl.NumberFormat(locale, {
    ...{ style: 'unit', unit: 'second', unitDisplay: 'short' },
    maximumSignificantDigits: 2,
  });
  const currencyFormat = (currency: string): Intl.NumberFormat => {
    // Of its own accord it leaves out the minor units that people seldom use, and rounds.
    const decimals = decimalsOf(currency);
    const exact = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    const known =
      currencies.get(currency) ??
      new Intl.NumberFormat(locale, { style: 'currency', currency, ...exact });
    currencies.set(currency, known);
    return known;
  };
  return {
    // ECMA-402: a decimal string is formatted exactly; the type says so since ES2023.
    money: ({ amount, currency }) =>
      currencyFormat(currency).format(amount as Intl.StringNumericLiteral),
    currency: (code) =>
      currencyFormat(code)
        .formatToParts(0)
        .find(({ type }) => type === 'currency')?.value ?? code,
    moment: (instant) => unbroken(moment.format(msOf(instant))),
    time: (instant) => time.format(msOf(instant)),
    date: (day) => unbroken(date.format(msOf(`${day}T00:00:00.000Z`))),
    count: (count) => number.format(count),
    share: (part, whole) => percent.format(whole === 0 ? 0 : part / whole),
    duration: (ms) => seconds.format(ms / msPerSecond),
    msisdn: (digits) => (/^\d+$/.test(digits) ? unbroken(internationalForm(digits)) : digits),
  };
}

const internationalForm = (digits: string) =>
  phoneNumbers().parsePhoneNumberFromString(`+${digits}`)?.formatInternational() ?? `+${digits}`;

/** A date or a number stays on one line. */
const unbroken = (text: string) => text.replaceAll(' ', '\u00A0');

const msPerSecond = 1_000;
const shareDecimals = 4;

/** As programs read them. */
export const plainFormats: Formats = {
  money: ({ amount, currency }) => `${amount} ${currency}`,
  currency: (code) => code,
  moment: (instant) => instant,
  time: (instant) => instant,
  date: (day) => day,
  count: (count) => String(count),
  share: (part, whole) => (whole === 0 ? 0 : part / whole).toFixed(shareDecimals),
  duration: (ms) => String(ms / msPerSecond),
  msisdn: (digits) => digits,
};
