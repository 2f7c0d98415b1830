import { z } from 'zod';
import { isBusinessDate } from '../time/clock.ts';
import { type LegTotal, legTotal } from './leg-totals-store.ts';

/** Groups of one branch and date: kinds × points × peers × currencies stays far below. */
const maxTotals = 20_000;

/** Body of `day.closed`: the branch's control totals of a date and the log entry that they reach to, included. */
export const dayClosed = z.strictObject({
  date: z.string().refine(isBusinessDate),
  totals: z.array(legTotal).max(maxTotals),
  reaches: z.strictObject({ epoch: z.string().regex(/^[0-9a-f]{32}$/), seq: z.int().min(0) }),
});
export type DayClosed = z.infer<typeof dayClosed>;

/** A group in which two nodes' control totals are not the same; null where one has nothing. */
export interface TotalsDifference {
  readonly group: string;
  readonly branch: LegTotal | null;
  readonly headOffice: LegTotal | null;
}

/** What differs between a branch's control totals and head office's own; nothing proves that all legs are the same. */
export function differencesOf(
  branch: readonly LegTotal[],
  headOffice: readonly LegTotal[],
): TotalsDifference[] {
  const theirs = new Map(branch.map((total) => [groupOf(total), total]));
  const ours = new Map(headOffice.map((total) => [groupOf(total), total]));
  return [...new Set([...theirs.keys(), ...ours.keys()])].sort().flatMap((group) => {
    const [one, other] = [theirs.get(group), ours.get(group)];
    const isSame =
      one !== undefined &&
      other !== undefined &&
      one.count === other.count &&
      one.sum === other.sum &&
      one.fingerprint === other.fingerprint;
    return isSame ? [] : [{ group, branch: one ?? null, headOffice: other ?? null }];
  });
}

function groupOf({ kind, point, direction, peer, currency }: LegTotal): string {
  return [kind, point, direction, peer, currency || '-'].join(' ');
}
