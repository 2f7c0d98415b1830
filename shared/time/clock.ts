/** A UTC instant, `YYYY-MM-DDTHH:mm:ss.sssZ`. */
export type Instant = string;

/** A branch's calendar day, `YYYY-MM-DD`. */
export type BusinessDate = string;

/** The only way to the time of day and to timers; tests and the simulation bring their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump either way. */
  nowMs(): number;
  /** Calls `fn` once after `delayMs`; the answer cancels it. Never keeps the process alive by itself. */
  after(delayMs: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export function instantOf(ms: number): Instant {
  return new Date(ms).toISOString();
}

export function msOf(instant: Instant): number {
  return Date.parse(instant);
}

export function now(clock: Clock): Instant {
  return instantOf(clock.nowMs());
}

export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** The calendar day at `ms` in an IANA time zone. */
export function calendarDay(ms: number, timeZone: string): BusinessDate {
  let format = dateFormats.get(timeZone);
  if (!format) {
    // en-CA writes dates as YYYY-MM-DD.
    format = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' });
    dateFormats.set(timeZone, format);
  }
  return format.format(ms);
}

/** The day after a business date. */
export function nextDay(date: BusinessDate): BusinessDate {
  return instantOf(Date.parse(`${date}T00:00:00.000Z`) + 86_400_000).slice(0, 10);
}

/** The date so many days before another. */
export function previousDays(date: BusinessDate, days: number): BusinessDate {
  return instantOf(msOf(`${date}T00:00:00.000Z`) - days * 86_400_000).slice(0, 10);
}

/** True for a date that the calendar has. */
export function isBusinessDate(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : Number.NaN;
  return !Number.isNaN(ms) && instantOf(ms).slice(0, 10) === text;
}
