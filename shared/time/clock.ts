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

interface Zone {
  readonly format: Intl.DateTimeFormat;
  minute: number;
  day: BusinessDate;
}

const zones = new Map<string, Zone>();
const minuteMs = 60_000;

/** The calendar day at `ms` in an IANA time zone. Formatting is slow; no zone's day begins within a minute. */
export function calendarDay(ms: number, timeZone: string): BusinessDate {
  let zone = zones.get(timeZone);
  if (!zone) {
    // en-CA writes dates as YYYY-MM-DD.
    const format = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' });
    zone = { format, minute: Number.NaN, day: '' };
    zones.set(timeZone, zone);
  }
  const minute = Math.floor(ms / minuteMs);
  if (zone.minute !== minute) {
    zone.day = zone.format.format(ms);
    zone.minute = minute;
  }
  return zone.day;
}

/** The day after a business date. */
export function nextDay(date: BusinessDate): BusinessDate {
  return instantOf(Date.parse(`${date}T00:00:00.000Z`) + 86_400_000).slice(0, 10);
}

/** The date so many days before another. */
export function previousDays(date: BusinessDate, days: number): BusinessDate {
  return instantOf(msOf(`${date}T00:00:00.000Z`) - days * 86_400_000).slice(0, 10);
}

let lastDate: BusinessDate = '';

/** True for a date that the calendar has. Most are the same as the one before. */
export function isBusinessDate(text: string): boolean {
  if (text === lastDate && text !== '') return true;
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : Number.NaN;
  const isDate = !Number.isNaN(ms) && instantOf(ms).slice(0, 10) === text;
  if (isDate) lastDate = text;
  return isDate;
}
