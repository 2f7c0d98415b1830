import type { CountedLeg, LegMinute } from './counted-legs-store.ts';

/** The minutes that are not the same on both sides, in order. */
export function differingMinutes(one: readonly LegMinute[], other: readonly LegMinute[]): number[] {
  const theirs = new Map(one.map((each) => [each.minute, each]));
  const ours = new Map(other.map((each) => [each.minute, each]));
  return [...new Set([...theirs.keys(), ...ours.keys()])]
    .filter((minute) => {
      const [a, b] = [theirs.get(minute), ours.get(minute)];
      return a?.count !== b?.count || a?.fingerprint !== b?.fingerprint;
    })
    .sort((a, b) => a - b);
}

export interface DifferingLeg extends Omit<CountedLeg, 'fingerprint'> {
  readonly isTheirs: boolean;
  readonly isOurs: boolean;
}

/** The legs that only one side has, or that are not the same on both. */
export function differingLegs(
  theirs: readonly CountedLeg[],
  ours: readonly CountedLeg[],
): DifferingLeg[] {
  const left = new Map(ours.map((leg) => [keyOf(leg), leg]));
  const found: DifferingLeg[] = [];
  for (const leg of theirs) {
    const own = left.get(keyOf(leg));
    left.delete(keyOf(leg));
    if (own?.fingerprint === leg.fingerprint) continue;
    found.push({ ...placeOf(leg), isTheirs: true, isOurs: own !== undefined });
  }
  for (const leg of left.values()) found.push({ ...placeOf(leg), isTheirs: false, isOurs: true });
  return found;
}

const keyOf = ({ operationId, attempt, point }: CountedLeg) => `${operationId} ${attempt} ${point}`;
const placeOf = ({ operationId, attempt, point }: CountedLeg) => ({ operationId, attempt, point });
