import type { NodeCode } from '../../shared/ids/ids.ts';
import { fingerprintText } from '../../shared/reconciliation/leg.ts';
import type { SqlParameter, Store } from '../../shared/store/store.ts';

/** A business date of one branch with as many legs as wanted, as both sides have counted them. */

export const branch = 'MSK' as NodeCode;
/** A date of its own for each size. */
export const dateOf = (legs: number): string => (legs > 100_000 ? '2026-11-20' : '2026-11-19');

const minutesPerDay = 1_440;
const minuteMs = 60_000;
const rowsPerStatement = 100;

type Limbs = [number, number, number, number];
const zero: Limbs = [0, 0, 0, 0];

export interface DaySize {
  readonly legs: number;
  readonly differing: number;
}

/**
 * Legs whose fingerprints follow from their number, with the totals and minutes that counting them one by one would have
 * made; the differing ones are not the same on this side.
 */
export async function fillDay(store: Store, size: DaySize): Promise<void> {
  const { legs, differing } = size;
  const businessDate = dateOf(legs);
  const firstMinute = Math.floor(Date.parse(`${businessDate}T00:00:00Z`) / minuteMs);
  const legsPerMinute = Math.ceil(legs / minutesPerDay);
  const isOther = (index: number) => differing > 0 && index % (legs / differing) === 7;

  const minutes = new Map<number, { count: number; limbs: Limbs }>();
  for (let start = 0; start < legs; start += 100 * rowsPerStatement) {
    await store.write(async (tx) => {
      for (let from = start; from < start + 100 * rowsPerStatement; from += rowsPerStatement) {
        const values: SqlParameter[] = [];
        for (let index = from; index < from + rowsPerStatement; index += 1) {
          const minute = firstMinute + Math.floor(index / legsPerMinute);
          const limbs = limbsOf(isOther(index) ? index + legs : index);
          const sum = minutes.get(minute) ?? { count: 0, limbs: zero };
          minutes.set(minute, { count: sum.count + 1, limbs: added(sum.limbs, limbs) });
          values.push(...[branch, businessDate, minute, idOf(minute, index), 1, 'accepted']);
          values.push(fingerprintText(limbs));
        }
        const rows = Array.from({ length: rowsPerStatement }, () => '(?, ?, ?, ?, ?, ?, ?)');
        await tx.run(
          `INSERT INTO counted_legs (branch, business_date, minute, operation_id, attempt, point,
             fingerprint) VALUES ${rows.join(', ')}`,
          ...values,
        );
      }
    });
  }
  await store.write(async (tx) => {
    const all = [...minutes.values()].reduce<Limbs>((sum, each) => added(sum, each.limbs), zero);
    await tx.run(
      `INSERT INTO leg_totals (branch, business_date, kind, point, direction, peer, currency,
         count, sum, h0, h1, h2, h3)
       VALUES (?, ?, 'payment', 'accepted', 'served', 'SPB', 'RUB', ?, ?, ?, ?, ?, ?)`,
      ...[branch, businessDate, legs, legs, ...all],
    );
    for (const [minute, { count, limbs }] of minutes) {
      await tx.run(
        `INSERT INTO leg_minutes (branch, business_date, minute, count, h0, h1, h2, h3)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[branch, businessDate, minute, count, ...limbs],
      );
    }
  });
}

function idOf(minute: number, index: number): string {
  const time = (minute * minuteMs).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
}

const limbsOf = (index: number): Limbs => [
  Math.imul(index, 2_654_435_761) >>> 0,
  Math.imul(index, 2_246_822_519) >>> 0,
  Math.imul(index, 3_266_489_917) >>> 0,
  index,
];
const added = (one: Limbs, other: Limbs): Limbs =>
  one.map((limb, place) => (limb + (other[place] ?? 0)) >>> 0) as Limbs;
