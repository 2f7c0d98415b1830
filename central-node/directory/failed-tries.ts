import type { Clock } from '../../shared/time/clock.ts';

const maxFailedTries = 5;
const windowMs = 60_000;
const maxSources = 10_000;

/**
 * Counts failed tries per source, in memory: at most five a minute. When it knows too many
 * sources it forgets the oldest; a 256-bit secret is not guessed that way either.
 */
export function createFailedTries(deps: { clock: Clock }) {
  const tries = new Map<string, number[]>();

  function recent(source: string): number[] {
    const after = deps.clock.nowMs() - windowMs;
    return (tries.get(source) ?? []).filter((ms) => ms > after);
  }

  return {
    exhausted(source: string): boolean {
      return recent(source).length >= maxFailedTries;
    },
    record(source: string): void {
      const kept = [...recent(source), deps.clock.nowMs()];
      tries.delete(source);
      const oldest = tries.keys().next();
      if (tries.size >= maxSources && !oldest.done) tries.delete(oldest.value);
      tries.set(source, kept);
    },
  };
}
