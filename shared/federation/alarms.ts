import { type Clock, type Instant, now } from '../time/clock.ts';

/** Something that a person has to look at; shown by `/readyz`, counted by `/metrics`. */
export interface Alarm {
  readonly code: string;
  readonly detail: string;
  readonly since: Instant;
  readonly count: number;
}

const maxAlarms = 200;

export type Alarms = ReturnType<typeof createAlarms>;

export function createAlarms(deps: {
  clock: Clock;
  report: (code: string, detail: string) => void;
}) {
  const alarms = new Map<string, Alarm>();
  return {
    raise(code: string, detail: string): void {
      const key = `${code} ${detail}`;
      const known = alarms.get(key);
      if (!known) {
        deps.report(code, detail);
        if (alarms.size >= maxAlarms) alarms.delete(alarms.keys().next().value ?? '');
      }
      alarms.set(key, {
        code,
        detail,
        since: known?.since ?? now(deps.clock),
        count: (known?.count ?? 0) + 1,
      });
    },
    clear(code: string): void {
      for (const [key, alarm] of alarms) if (alarm.code === code) alarms.delete(key);
    },
    list: (): readonly Alarm[] => [...alarms.values()],
  };
}
