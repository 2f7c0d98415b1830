import type { NodeCode } from '../ids/ids.ts';
import type { Clock } from '../time/clock.ts';
import type { LogEntry } from '../wire/peer-messages.ts';

/** A stream waits no longer than this for a release. */
export const catchUpMaxMs = 2_000;

/**
 * Before a node applies operations that were priced by a newer release than it has, it fetches that: once for each
 * version that a peer names, for at most `catchUpMaxMs`. Then it goes on with what it has, whatever happened.
 */
export function createReleaseCatchUp(deps: {
  clock: Clock;
  /** The highest version held; 0 for none. */
  held: () => number;
  /** May throw. Several may be under way; `from` is who named the version, and has it. */
  follow: (named: { from: NodeCode; version: number }) => Promise<void>;
}) {
  const { clock, held, follow } = deps;
  // By peer: one that names a version which does not exist stops nobody else's from being fetched.
  const tried = new Map<NodeCode, number>();

  function attempt(named: { from: NodeCode; version: number }): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(catchUpMaxMs, resolve);
      const goOn = () => {
        cancel();
        resolve();
      };
      follow(named).then(goOn, goOn);
    });
  }

  return async (from: NodeCode, entries: readonly LogEntry[]): Promise<void> => {
    const version = entries.reduce((highest, entry) => Math.max(highest, releaseOf(entry)), 0);
    if (version <= Math.max(held(), tried.get(from) ?? 0)) return;
    tried.set(from, version);
    await attempt({ from, version });
  };
}

/** The release that the operation of an entry was priced by; 0 for an entry without one. */
function releaseOf({ body }: LogEntry): number {
  const release: unknown = Reflect.get(Object(body.operation), 'release');
  return typeof release === 'number' ? release : 0;
}
