import type { Clock } from '../time/clock.ts';

/**
 * For lines that a fault makes come by the thousand: one a pause of each name is written, with how many were left out
 * since the one before.
 */
export function createSparingLog({ clock, pauseMs }: { clock: Clock; pauseMs: number }) {
  const lines = new Map<string, { nextMs: number; leftOut: number }>();

  return (name: string, write: (leftOut: number) => void): void => {
    const nowMs = clock.nowMs();
    const line = lines.get(name) ?? { nextMs: nowMs, leftOut: 0 };
    lines.set(name, line);
    // A clock that was set back must not silence it.
    const isDue = nowMs >= line.nextMs || nowMs < line.nextMs - pauseMs;
    if (!isDue) {
      line.leftOut += 1;
      return;
    }
    const { leftOut } = line;
    Object.assign(line, { nextMs: nowMs + pauseMs, leftOut: 0 });
    write(leftOut);
  };
}
