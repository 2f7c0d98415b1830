import { type Clock, type Instant, now } from '../time/clock.ts';

/** Something that a person has to look at; shown by `/readyz`, counted by `/metrics`. */
export interface Alarm {
  readonly code: string;
  readonly detail: string;
  readonly since: Instant;
  readonly count: number;
}

/** Details may be a peer's words: many of one code must not push another code's out. */
const maxAlarmsPerCode = 20;

export type Alarms = ReturnType<typeof createAlarms>;

export function createAlarms(deps: {
  clock: Clock;
  report: (code: string, detail: string) => void;
}) {
  const alarms = new Map<string, Alarm>();

  function makeRoom(code: string): void {
    const alike = [...alarms].filter(([, alarm]) => alarm.code === code);
    const [oldest] = alike;
    if (oldest && alike.length >= maxAlarmsPerCode) alarms.delete(oldest[0]);
  }

  return {
    raise(code: string, detail: string): void {
      const key = `${code} ${detail}`;
      const known = alarms.get(key);
      if (!known) {
        deps.report(code, detail);
        makeRoom(code);
      }
      alarms.set(key, {
        code,
        detail,
        since: known?.since ?? now(deps.clock),
        count: (known?.count ?? 0) + 1,
      });
    },
    /** It is over: one of them, or all with this code. */
    clear(code: string, detail?: string): void {
      for (const [key, alarm] of alarms) {
        const isMeant = alarm.code === code && (detail === undefined || alarm.detail === detail);
        if (isMeant) alarms.delete(key);
      }
    },
    list: (): readonly Alarm[] => [...alarms.values()],
  };
}
