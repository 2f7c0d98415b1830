import type { Federation } from '../../shared/federation/federation.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { dayClosed } from '../../shared/reconciliation/day-closed.ts';
import { type LegTotal, totalsOf } from '../../shared/reconciliation/leg-totals-store.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import {
  type BusinessDate,
  type Clock,
  calendarDay,
  nextDay,
  now,
  previousDays,
} from '../../shared/time/clock.ts';
import type { LogEntry } from '../../shared/wire/peer-messages.ts';
import {
  type ClosedDay,
  daysToCompare,
  findClosedDay,
  firstClosedDate,
  insertClosedDay,
  lastClosedDate,
  openDates,
  replaceTotals,
  toBeTold,
} from './business-day-store.ts';

const entryKind = 'day.closed';
/** The newest closed dates that a recovery may have brought something back for. */
const correctedDays = 60;
/** What a person closes at one sitting. */
const maxDueDays = 60;
const clockAlarm = 'clock-set-back';

export type BusinessDays = ReturnType<typeof createBusinessDays>;

/**
 * The branch's business dates. A date is the branch's own calendar day until it is closed; what comes after that
 * belongs to the next one. So the place of `day.closed` in the log fixes what a date holds.
 */
export function createBusinessDays(deps: {
  node: NodeCode;
  store: Store;
  clock: Clock;
  federation: Federation;
  /** The branch's IANA time zone. */
  timeZone: () => string;
}) {
  const { node, store, clock, federation } = deps;

  const today = () => calendarDay(clock.nowMs(), deps.timeZone());

  /** One date for all that a transaction does: midnight tears nothing apart. */
  const dated = new WeakMap<Reader, BusinessDate>();

  async function current(tx: Reader): Promise<BusinessDate> {
    const known = dated.get(tx);
    if (known !== undefined) return known;
    const closed = await lastClosedDate(tx);
    const day = today();
    const date = closed !== undefined && closed >= day ? nextDay(closed) : day;
    dated.set(tx, date);
    return date;
  }

  async function keepClosed(tx: Transaction, day: ClosedDay): Promise<void> {
    await insertClosedDay(tx, day);
    dated.delete(tx);
  }

  /** Dates that are over and were not closed, the oldest first. */
  async function due(tx: Reader): Promise<BusinessDate[]> {
    const end = today();
    const last = await lastClosedDate(tx);
    const dates = new Set(await openDates(tx, node, end));
    let date = last === undefined ? end : nextDay(last);
    for (let days = 0; date < end && days < maxDueDays; days += 1) {
      dates.add(date);
      date = nextDay(date);
    }
    return [...dates].sort().slice(0, maxDueDays);
  }

  /**
   * Closes a date and tells head office its control totals. What is open before it and holds operations comes first, or
   * nobody would think of it again.
   * @throws DomainError `business-day-closed`, `business-day-not-over`, `business-day-not-next`,
   * `invalid-input`, `recovering`, `clock-held`
   */
  async function close(
    tx: Transaction,
    { date, by }: { date: BusinessDate; by: string },
  ): Promise<{ date: BusinessDate; totals: LegTotal[] }> {
    if (federation.isRecovering()) throw new DomainError('recovering');
    if (await findClosedDay(tx, date)) throw new DomainError('business-day-closed');
    await assertClockRuns(tx);
    if (date > today()) {
      throw new DomainError('business-day-not-over', `${date} has not begun at this branch.`);
    }
    const [next] = await openDates(tx, node, date);
    if (next !== undefined) {
      throw new DomainError('business-day-not-next', `${next} holds operations and is still open.`);
    }
    const totals = await totalsOf(tx, node, date);
    if (totals.length === 0) await assertComes(tx, date);
    const closedAt = now(clock);
    await keepClosed(tx, { date, closedAt, closedBy: by, totals: JSON.stringify(totals) });
    await tell(tx, { date, totals });
    return { date, totals };
  }

  /** No date without operations before all others: each since then would be due, here and at head office, for good. */
  async function assertComes(tx: Reader, date: BusinessDate): Promise<void> {
    const first = (await firstClosedDate(tx)) ?? previousDays(today(), maxDueDays + 1);
    if (date > first) return;
    const message = 'holds no operations, and comes before the dates of this branch';
    const errors = [{ field: 'date', message }];
    throw new DomainError('invalid-input', `${date} ${message}.`, { errors });
  }

  async function tell(
    tx: Transaction,
    { date, totals }: { date: BusinessDate; totals: readonly LegTotal[] },
  ): Promise<void> {
    await federation.log.append(tx, {
      kind: entryKind,
      to: [headOffice],
      occurredAt: now(clock),
      businessDate: date,
      body: { date, totals, reaches: await federation.log.position(tx) },
    });
  }

  /** A date that was closed before a recovery brought back what it holds: head office hears its totals again. */
  async function correct(): Promise<void> {
    await store.write(async (tx) => {
      for (const { date, totals: told } of await daysToCompare(tx, correctedDays)) {
        const totals = await totalsOf(tx, node, date);
        if (JSON.stringify(totals) === told) continue;
        await replaceTotals(tx, { date, totals: JSON.stringify(totals) });
        await tell(tx, { date, totals });
      }
    });
  }

  /** A wrong clock may name a date that is over, or not begun: no date is closed by it. */
  async function assertClockRuns(tx: Reader): Promise<void> {
    const doubt = federation.liveness.clockDoubt(await federation.log.clockSetBackMs(tx));
    if (doubt === undefined) return federation.alarms.clear(clockAlarm);
    federation.alarms.raise(clockAlarm, stateSentences.say('dayHeld', {}));
    throw new DomainError(
      'clock-held',
      `This node's clock is ${doubt}: set it right, then close the day.`,
    );
  }

  /** After a set-back: the date was closed, as head office remembers. */
  async function replay(tx: Transaction, entry: LogEntry): Promise<void> {
    const { date, totals: told } = dayClosed.parse(entry.body);
    // Closed again meanwhile: which of the two head office takes for the later one, this branch cannot know.
    if (await findClosedDay(tx, date)) return replaceTotals(tx, { date, totals: toBeTold });
    const totals = JSON.stringify(told);
    await keepClosed(tx, { date, closedAt: entry.occurredAt, closedBy: 'recovery', totals });
  }

  federation.onReplay(entryKind, replay);
  federation.onRecovered(correct);

  return { current, today, timeZone: deps.timeZone, due, close };
}
