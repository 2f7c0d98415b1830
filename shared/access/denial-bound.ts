import type { Clock } from '../time/clock.ts';
import { createRateLimit } from './rate-limit.ts';

const windowMs = 60_000;
const maxKeys = 10_000;

/** What a written denial says of those before it that were not. */
export interface Unwritten {
  readonly unwrittenBefore?: number;
}

/**
 * Keeps denials from filling the audit trail: so many a minute for each key are written, and the
 * next one that is written says how many were not. A storm under one key hides nothing under
 * another.
 */
export function createDenialBound({ clock, maxPerMinute }: { clock: Clock; maxPerMinute: number }) {
  const limit = createRateLimit({ clock, maxPerWindow: maxPerMinute, windowMs, maxKeys });
  const unwritten = new Map<string, number>();
  return {
    /** What to add to the detail of the denial; undefined when it is not to be written. */
    admit(key: string): Unwritten | undefined {
      const before = unwritten.get(key) ?? 0;
      if (limit.take(key) > 0) {
        if (before > 0 || unwritten.size < maxKeys) unwritten.set(key, before + 1);
        return undefined;
      }
      unwritten.delete(key);
      return before === 0 ? {} : { unwrittenBefore: before };
    },
  };
}
