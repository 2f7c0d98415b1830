import { setTimeout as pause } from 'node:timers/promises';
import type { Hosts } from './hosts.ts';
import type { Network } from './network.ts';

/** A fault every ten seconds, of a kind and at a place that the seed chooses; several last at once. */

const everyMs = 10_000;
const lastsMinMs = 2_000;
const lastsMaxMs = 28_000;
const kbitsMin = 48;
const kbitsMax = 400;
/** A little, as clocks drift; more than an assertion or a statement lives. */
const clockStepsMs = [1_500, 5_000, 45_000, 20 * 60_000];
const clockReachMs = 40 * 60_000;

const weights = { kill: 30, pause: 18, cut: 22, slow: 12, clock: 16, blackout: 2 } as const;
type FaultKind = keyof typeof weights;

export interface FaultTally {
  readonly counts: Readonly<Record<string, number>>;
  /** The furthest that any clock was ahead. */
  readonly aheadMs: number;
}

export interface FaultDeps {
  readonly hosts: Hosts;
  readonly network: Network;
  readonly random: () => number;
  readonly say: (line: string) => void;
}

export function createFaults({ hosts, network, random, say }: FaultDeps) {
  const counts: Record<string, number> = {};
  const healing = new Set<Promise<void>>();
  let aheadMs = 0;
  const between = (low: number, high: number) => Math.floor(low + random() * (high - low));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[between(0, items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };

  /** Undoes it after a while that the seed chooses. */
  function later(lasts: number, undo: () => void | Promise<void>): void {
    const done = pause(lasts).then(undo);
    healing.add(done);
    void done.finally(() => healing.delete(done));
  }

  function others(code: string): string[] {
    return hosts.codes.filter((each) => each !== code);
  }

  function cutPairs(pairs: readonly (readonly [string, string])[], lasts: number): void {
    for (const [from, to] of pairs) network.cut(from, to);
    later(lasts, () => {
      for (const [from, to] of pairs) network.mend(from, to);
    });
  }

  const acts: Record<FaultKind, (code: string, lasts: number) => string> = {
    kill(code, lasts) {
      hosts.kill(code);
      later(lasts / 2, () => hosts.start(code));
      return `kill ${code}`;
    },
    pause(code, lasts) {
      hosts.pause(code);
      later(lasts / 2, () => hosts.resume(code));
      return `pause ${code}`;
    },
    cut(code, lasts) {
      const peers = pick([others(code), [pick(others(code))], others(code).slice(0, 3)]);
      const out = peers.map((peer) => [code, peer] as const);
      const back = peers.map((peer) => [peer, code] as const);
      const way = pick(['out', 'in', 'both']);
      cutPairs([...(way === 'in' ? [] : out), ...(way === 'out' ? [] : back)], lasts);
      return `cut ${code} ${way} ${peers.join(',')}`;
    },
    slow(code, lasts) {
      const kbits = between(kbitsMin, kbitsMax);
      network.slow(code, kbits);
      later(lasts, () => network.quicken(code));
      return `slow ${code} to ${kbits} kbit/s`;
    },
    clock(code) {
      const step = pick(clockStepsMs) * pick([-1, 1]);
      const offset = hosts.clockOf(code) + step;
      const held = Math.abs(offset) > clockReachMs ? 0 : offset;
      aheadMs = Math.max(aheadMs, held);
      hosts.setClock(code, held);
      return `clock ${code} to ${held / 1000} s`;
    },
    blackout(_, lasts) {
      const up = hosts.codes.filter(hosts.isUp);
      for (const code of up) hosts.kill(code);
      later(lasts / 2, async () => {
        for (const code of up) await hosts.start(code);
      });
      return `blackout of ${up.length}`;
    },
  };

  function kindOf(roll: number): FaultKind {
    let left = roll;
    for (const [kind, weight] of Object.entries(weights)) {
      // The weights' own keys.
      if (left < weight) return kind as FaultKind;
      left -= weight;
    }
    return 'kill';
  }

  return {
    tally: (): FaultTally => ({ counts, aheadMs }),
    async runUntil(deadline: number): Promise<void> {
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      while (performance.now() + everyMs < deadline) {
        await pause(everyMs);
        const kind = kindOf(random() * total);
        const up = hosts.codes.filter(hosts.isUp);
        const code = pick(up.length > 0 ? up : hosts.codes);
        const done = acts[kind](code, between(lastsMinMs, lastsMaxMs));
        counts[kind] = (counts[kind] ?? 0) + 1;
        say(done);
      }
    },
    /** All that was broken is whole, and everybody's clock shows one time, later than any has shown. */
    async heal(): Promise<void> {
      await Promise.all(healing);
      for (const code of hosts.codes) {
        network.quicken(code);
        for (const peer of others(code)) network.mend(code, peer);
        hosts.resume(code);
        hosts.setClock(code, aheadMs);
        await hosts.start(code);
      }
    },
  };
}
