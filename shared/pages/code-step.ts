import type { Ids } from '../ids/ids.ts';
import type { Clock } from '../time/clock.ts';

const ticketBytes = 32;
const stepMs = 3 * 60_000;
const maxWaiting = 1_000;

export interface Typed {
  readonly login: string;
  readonly password: string;
}

/**
 * What somebody typed whose password is right and who still owes a code: in memory alone, for
 * minutes, so that no page has to carry a password.
 */
export function createCodeStep({ clock, ids }: { clock: Clock; ids: Ids }) {
  const waiting = new Map<string, { typed: Typed; untilMs: number }>();

  function forgetOld(): void {
    const nowMs = clock.nowMs();
    for (const [ticket, { untilMs }] of waiting) {
      if (untilMs > nowMs && waiting.size < maxWaiting) break;
      waiting.delete(ticket);
    }
  }

  return {
    begin(typed: Typed): string {
      forgetOld();
      const ticket = ids.secret(ticketBytes);
      waiting.set(ticket, { typed, untilMs: clock.nowMs() + stepMs });
      return ticket;
    },
    typedOf(ticket: string): Typed | undefined {
      forgetOld();
      return waiting.get(ticket)?.typed;
    },
    end: (ticket: string) => void waiting.delete(ticket),
  };
}
