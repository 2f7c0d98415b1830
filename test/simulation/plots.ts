import { headOffice } from '../../shared/ids/ids.ts';
import type { Chance } from './chance.ts';
import { type DiskFaults, soundDisk } from './disk.ts';
import type { Machine, Snapshot } from './machine.ts';
import { calm, type Network, type Weather } from './network.ts';
import { rowsOf } from './rows.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/**
 * Histories that chance draws too seldom: each leaves one rule alone between a set-back and a loss. A victim is copied,
 * works on, is set back to the copy with its sentinel kept, and recovers while something is in the way.
 */

export const plotKinds = [
  'head-office-last',
  'late-batch',
  'old-answers',
  'two-recover',
  'head-office-falls',
  'settlement-lost',
  'nobody-there',
  'unaware',
  'another-witness',
  'late-answers',
  'held-payouts',
  'bad-disk',
  'two-desks',
] as const;
export type PlotKind = (typeof plotKinds)[number];

export function isPlotKind(kind: string): kind is PlotKind {
  return plotKinds.some((each) => each === kind);
}

/** Batches that are on their way when their sender dies, and arrive after its next start. */
const latePost: Weather = { ...calm, delayMaxMs: 3_000 };
/** Then the newer ones race them. */
const unevenPost: Weather = { ...calm, delayMaxMs: 600 };
/** What is told at the same time arrives at different times. */
const scatteredPost: Weather = { ...calm, delayMaxMs: 300 };
/** Who asks again hears what he was answered before. */
const oldAnswers: Weather = { ...calm, stale: 1 };

const settlementWaitMs = 10_000;
const settlementLookMs = 10;
const settlementsDone = "SELECT id FROM settlements WHERE state = 'SETTLED'";

/** What was taken is known to whoever sent it long after. */
const lateAnswers: Weather = { ...calm, answersLateMs: 2_500 };

export interface HowSetBack {
  readonly others?: readonly Machine[];
  /** With its sentinel: nothing but its peers can tell it. */
  readonly isUnaware?: boolean;
}

export function createPlots(deps: {
  timeline: Timeline;
  chance: Chance;
  trace: Trace;
  network: Network;
  machines: readonly Machine[];
  victim: Machine;
  /** @returns whether that was possible now; `others` may be set back and not whole again. */
  setBack: (machine: Machine, to: Snapshot, how: HowSetBack) => boolean;
}): Record<PlotKind, () => void> {
  const { timeline, chance, network, machines, victim } = deps;
  const peers = machines.filter(({ code }) => code !== victim.code && code !== headOffice);
  const halfOfTheCommits: DiskFaults = {
    ...soundDisk,
    beforeCommit: () => (chance.happens(0.5) ? 'fail' : 'go'),
  };
  const soon = (fromMs: number, toMs: number, run: () => void) =>
    timeline.after(chance.between(fromMs, toMs), run);

  function block(one: Machine, other: string): () => void {
    const walls = [`${one.code}>${other}`, `${other}>${one.code}`];
    for (const wall of walls) network.wall(wall);
    return () => walls.forEach(network.open);
  }

  /** Set back, and soon running again. */
  function fall(machine: Machine, to: Snapshot, how: HowSetBack = {}): boolean {
    if (!deps.setBack(machine, to, how)) return false;
    soon(20, 200, machine.start);
    return true;
  }

  return {
    /** All is told; then head office, which alone holds what concerns no other branch, answers last. */
    'head-office-last'() {
      deps.trace.note(victim.code, 'will hear head office last');
      const copy = victim.snapshot();
      if (chance.happens(0.5)) network.wall(victim.code);
      soon(800, 2_000, () => {
        network.open(victim.code);
        soon(400, 1_500, () => {
          const reopen = block(victim, headOffice);
          if (!fall(victim, copy)) return reopen();
          // Then most often one peer is there.
          const open = chance.happens(0.6) ? block(victim, chance.pick(peers).code) : () => {};
          soon(1_500, 3_500, () => {
            open();
            reopen();
          });
        });
      });
    },
    'late-batch'() {
      deps.trace.note(victim.code, 'will die with batches on their way');
      const copy = victim.snapshot();
      soon(500, 1_500, () => {
        network.setWeather(latePost);
        soon(200, 800, () => {
          if (!fall(victim, copy)) return network.setWeather(calm);
          network.setWeather(chance.happens(0.5) ? unevenPost : calm);
          soon(2_000, 3_000, () => network.setWeather(calm));
        });
      });
    },
    'old-answers'() {
      deps.trace.note(victim.code, 'will hear old answers');
      const copy = victim.snapshot();
      soon(800, 2_000, () => {
        if (!fall(victim, copy)) return;
        network.setWeather(oldAnswers);
        soon(1_500, 3_000, () => network.setWeather(calm));
      });
    },
    /** What the victim told one peer alone, that peer can tell it, though it recovers itself: it forgot nothing of it. */
    'two-recover'() {
      const peer = chance.pick(peers);
      deps.trace.note(victim.code, `will recover together with ${peer.code}`);
      const copy = victim.snapshot();
      const others = machines.filter((each) => each !== victim && each !== peer);
      const reopen = others.map(({ code }) => block(victim, code));
      soon(1_000, 2_000, () => {
        const freshCopy = peer.snapshot();
        const open = block(victim, peer.code);
        soon(300, 1_000, () => {
          const isBack = fall(victim, copy);
          const isAlso = isBack && fall(peer, freshCopy, { others: [victim] });
          for (const each of [...reopen, open]) each();
          if (!isAlso) return;
          network.setWeather(oldAnswers);
          const released = others.map(({ code }) => block(peer, code));
          soon(1_500, 3_000, () => {
            network.setWeather(calm);
            for (const each of released) each();
          });
        });
      });
    },
    /** Head office is set back, and does not hear a branch, while people go on settling and publishing. */
    'head-office-falls'() {
      const centre = machines.find(({ code }) => code === headOffice);
      if (!centre) return;
      deps.trace.note(centre.code, 'will be set back');
      const copy = centre.snapshot();
      soon(1_000, 2_500, () => {
        const reopen = block(centre, victim.code);
        if (!fall(centre, copy)) return reopen();
        soon(1_500, 3_500, reopen);
      });
    },
    /** Head office completes a settlement, tells it, and forgets it before everybody has asked what it was. */
    'settlement-lost'() {
      const centre = machines.find(({ code }) => code === headOffice);
      if (!centre) return;
      deps.trace.note(centre.code, 'will forget a settlement');
      const copy = centre.snapshot();
      const settled = () => rowsOf(centre.disk.slot.db, settlementsDone).length;
      const before = settled();
      const untilMs = timeline.nowMs() + settlementWaitMs;
      const look = () => {
        if (settled() > before) {
          network.setWeather(scatteredPost);
          // Often it has told all of them, or one alone.
          const unheard = chance.pick([[], [victim], peers]);
          const walls = unheard.map(({ code }) => block(centre, code));
          const reopen = () => {
            for (const open of walls) open();
          };
          soon(20, 900, () => {
            // Now and then nothing but its peers can tell it, and it hears none of them while people settle.
            const isUnaware = chance.happens(0.4);
            if (fall(centre, copy, { isUnaware }) && isUnaware) network.wall(centre.code);
            network.setWeather(calm);
            soon(isUnaware ? 1_500 : 0, 3_000, () => {
              network.open(centre.code);
              reopen();
            });
          });
        } else if (timeline.nowMs() < untilMs) timeline.after(settlementLookMs, look);
      };
      look();
    },
    /** All is told; then only the sentinel can say that it is forgotten. */
    'nobody-there'() {
      deps.trace.note(victim.code, 'will find nobody there');
      const copy = victim.snapshot();
      soon(1_500, 3_000, () => {
        if (!fall(victim, copy)) return;
        network.wall(victim.code);
        soon(1_500, 3_000, () => network.open(victim.code));
      });
    },
    /** What peers answered waits for it; it hears that before it hears that it was set back. */
    unaware() {
      deps.trace.note(victim.code, 'will not know');
      const copy = victim.snapshot();
      soon(100, 500, () => {
        const unheard = peers.map(({ code }) => `${code}>${victim.code}`);
        for (const wall of unheard) network.wall(wall);
        soon(800, 2_000, () => {
          const isBack = fall(victim, copy, { isUnaware: true });
          if (isBack) network.wall(victim.code);
          unheard.forEach(network.open);
          soon(500, 2_000, () => network.open(victim.code));
        });
      });
    },
    /** What only one knows of its payouts is asked for again when all are there but that one. */
    'another-witness'() {
      const holder = chance.happens(0.5) ? headOffice : chance.pick(peers).code;
      deps.trace.note(victim.code, `will be heard by ${holder} alone, and not know`);
      const copy = victim.snapshot();
      const others = machines.filter(({ code }) => code !== victim.code && code !== holder);
      const reopen = others.map(({ code }) => block(victim, code));
      soon(2_000, 4_000, () => {
        const open = block(victim, holder);
        const isBack = fall(victim, copy, { isUnaware: true });
        soon(isBack ? 300 : 0, isBack ? 1_500 : 0, () => {
          for (const each of reopen) each();
          soon(isBack ? 1_500 : 0, isBack ? 4_000 : 0, open);
        });
      });
    },
    /** It has taken what it was told, and forgets it before that is known. */
    'late-answers'() {
      const machine = chance.pick(machines);
      deps.trace.note(machine.code, 'will answer late, and forget');
      const copy = machine.snapshot();
      soon(1_500, 4_000, () => {
        network.setWeather(lateAnswers);
        soon(100, 600, () => {
          fall(machine, copy);
          network.setWeather(calm);
        });
      });
    },
    /** Payouts that nobody else holds are in the copy; somebody does before the recovery ends. */
    'held-payouts'() {
      deps.trace.note(victim.code, 'will be set back with payouts that wait');
      network.wall(victim.code);
      soon(1_500, 3_000, () => {
        const copy = victim.snapshot();
        soon(200, 800, () => {
          const reopen = block(victim, headOffice);
          const isBack = fall(victim, copy);
          network.open(victim.code);
          if (isBack) soon(1_000, 2_500, reopen);
          else reopen();
        });
      });
    },
    /** What is to follow the recovery fails at first. */
    'bad-disk'() {
      deps.trace.note(victim.code, 'will recover on a bad disk');
      const copy = victim.snapshot();
      soon(800, 2_000, () => {
        const reopen = block(victim, headOffice);
        if (!fall(victim, copy)) return reopen();
        soon(1_500, 3_500, () => {
          victim.disk.faults = halfOfTheCommits;
          reopen();
          const look = () => {
            const isBack = victim.node()?.federation.isRecovering() === false;
            if (!isBack) return timeline.after(20, look);
            return soon(50, 400, () => {
              victim.disk.faults = soundDisk;
            });
          };
          look();
        });
      });
    },
    /** Money comes into suspense, and two people work off the same list. */
    'two-desks'() {
      const [, home] = machines;
      if (!home) return;
      deps.trace.note(home.code, 'cannot be asked');
      network.wall(home.code);
      soon(1_000, 2_000, () => network.open(home.code));
    },
  };
}
