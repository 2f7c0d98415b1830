import type { Clock } from '../time/clock.ts';

export interface RateLimit {
  /** Counts one; answers 0, or how many milliseconds to wait when the window is full. */
  take(key: string): number;
  /** Takes one back that turned out harmless. */
  giveBack(key: string): void;
}

/** So many per key in a fixed window, in memory; the oldest keys are forgotten over `maxKeys`. */
export function createRateLimit(deps: {
  clock: Clock;
  maxPerWindow: number;
  windowMs: number;
  maxKeys: number;
}): RateLimit {
  const { clock, maxPerWindow, windowMs, maxKeys } = deps;
  const windows = new Map<string, { startMs: number; count: number }>();

  function current(key: string, nowMs: number) {
    const found = windows.get(key);
    // A clock that was set back must not hold a window open for longer than its length.
    if (found && nowMs >= found.startMs && nowMs < found.startMs + windowMs) return found;
    windows.delete(key);
    for (const oldest of windows.keys()) {
      if (windows.size < maxKeys) break;
      windows.delete(oldest);
    }
    const started = { startMs: nowMs, count: 0 };
    windows.set(key, started);
    return started;
  }

  return {
    take(key) {
      const nowMs = clock.nowMs();
      const window = current(key, nowMs);
      if (window.count >= maxPerWindow) return window.startMs + windowMs - nowMs;
      window.count += 1;
      return 0;
    },
    giveBack(key) {
      const window = windows.get(key);
      if (window && window.count > 0) window.count -= 1;
    },
  };
}
