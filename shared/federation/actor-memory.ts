import type { Clock } from '../time/clock.ts';

const maxRememberedAssertions = 200_000;

/**
 * Remembers used actor assertions in memory, at most 200,000: when full it refuses new ones
 * rather than forget one that could be replayed. A restart forgets; what was signed before it
 * can be replayed for a minute and a half, by its own signer only, as it is bound to its caller.
 */
export function createActorMemory(deps: { clock: Clock }) {
  const expiries = new Map<string, number>();

  // Lives are alike, so the oldest insertions expire first, give or take the skew.
  function forgetExpired(nowMs: number): void {
    for (const [jti, expiresAtMs] of expiries) {
      if (expiresAtMs > nowMs) return;
      expiries.delete(jti);
    }
  }

  return {
    /** @returns false when `jti` was seen before, or there is no room to remember it. */
    remember(jti: string, expiresAtMs: number): boolean {
      forgetExpired(deps.clock.nowMs());
      if (expiries.has(jti) || expiries.size >= maxRememberedAssertions) return false;
      expiries.set(jti, expiresAtMs);
      return true;
    },
  };
}
