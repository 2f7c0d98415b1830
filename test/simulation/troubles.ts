import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Chance } from './chance.ts';
import { type DiskFaults, type Outcome, soundDisk } from './disk.ts';
import type { Machine, Snapshot } from './machine.ts';
import { calm, type Network, type Weather } from './network.ts';
import { createPlots, isPlotKind, plotKinds } from './plots.ts';
import { rowsOf } from './rows.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** What goes wrong in a seed, and how strongly: drawn once, before anything happens. */
export interface Climate {
  readonly weather: Weather;
  /** Of what is asked at a desk. */
  readonly frontLoss: number;
  /** Mean pause between two troubles of a kind; absent for none of it. */
  readonly pauseMs: Readonly<Partial<Record<TroubleKind, number>>>;
}

const kinds = [
  'storm',
  'wall',
  'cut-off',
  'crash',
  'disk',
  'clock',
  'set-back',
  'certificate',
  'ambush',
  'upgrade',
  ...plotKinds,
] as const;
export type TroubleKind = (typeof kinds)[number];

const hourMs = 3_600_000;
/** How many seeds have a kind of trouble, where that is not every other one. */
const rates: Readonly<Partial<Record<(typeof kinds)[number], number>>> = {
  ambush: 0.3,
  upgrade: 0.15,
  ...Object.fromEntries(plotKinds.map((kind) => [kind, 0.02])),
};
/** A plot is for a day on which little else goes wrong. */
const otherwiseCalm = 0.7;
/** What is sent now arrives when its sender may be another one. */
const latePost: Weather = { ...calm, delayMaxMs: 15_000 };
/** Who asks again hears what he was answered before. */
const stalePost: Weather = { ...calm, stale: 0.8, delayMaxMs: 200 };

const untold =
  'SELECT 1 AS one FROM outbound_streams WHERE acknowledged < position AND peer LIKE ?';

const setAside = 'SELECT kind FROM set_aside_entries ORDER BY kind';

export function isTroubleKind(text: string): text is TroubleKind {
  return kinds.some((kind) => kind === text);
}

/** @param wanted kinds that this climate has for certain. */
export function drawClimate(chance: Chance, wanted: readonly TroubleKind[]): Climate {
  const strength = (most: number) => (chance.happens(0.35) ? 0 : chance.fraction() * most);
  const weather: Weather = {
    lost: strength(0.4),
    doubled: strength(0.3),
    cut: strength(0.15),
    stale: strength(0.5),
    delayMaxMs: chance.pick([10, 50, 200, 800]),
    straggler: strength(0.1),
    stragglerMaxMs: chance.pick([1_000, 5_000, 20_000]),
    answersLateMs: 0,
  };
  const pauseMs: Partial<Record<TroubleKind, number>> = {};
  for (const kind of kinds) {
    // A source of its own: the seeds without it stay what they were.
    const source = kind === 'upgrade' || isPlotKind(kind) ? chance.fork(kind) : chance;
    const isDrawn = source.happens(rates[kind] ?? 0.5);
    if (isDrawn || wanted.includes(kind)) pauseMs[kind] = source.between(200, 3_000);
  }
  const climate = { weather, frontLoss: strength(0.2), pauseMs };
  if (!hasPlot(climate) || !chance.fork('plot').happens(otherwiseCalm)) return climate;
  const plots = Object.entries(pauseMs).filter(([kind]) => isPlotKind(kind));
  return { weather: calm, frontLoss: 0, pauseMs: Object.fromEntries(plots) };
}

/** Somebody is the victim of it. */
export const hasPlot = ({ pauseMs }: Climate): boolean =>
  plotKinds.some((kind) => pauseMs[kind] !== undefined);

export type Troubles = ReturnType<typeof createTroubles>;

/** Breaks things at random times, as strongly as this seed's climate says, until it is told to stop. */
export function createTroubles(deps: {
  timeline: Timeline;
  chance: Chance;
  trace: Trace;
  network: Network;
  machines: readonly Machine[];
  climate: Climate;
  /** Whom ambushes are for: people crowd there, too. */
  victim: Machine;
  /** A machine is about to be set back to this: what is then known elsewhere is looked at. */
  beforeSetBack: (machine: Machine, to: Snapshot, isSeen: boolean) => void;
}) {
  const { timeline, chance, trace, network, machines, climate } = deps;
  const backups = new Map<NodeCode, { snapshot: Snapshot; atMs: number }[]>();
  let setBack: readonly Machine[] = [];
  let isOver = false;
  const cutOff: Machine[] = [];

  const soon = (fromMs: number, toMs: number, run: () => void) =>
    timeline.after(chance.between(fromMs, toMs), run);

  const plots = createPlots({
    ...{ timeline, trace, network, machines, victim: deps.victim, chance: chance.fork('plot') },
    setBack(machine, to, { others, isUnaware = false }) {
      const may = mayGoBack(others);
      if (may) fall(machine, to, isUnaware ? 'set back too' : 'kept');
      return may;
    },
  });

  const troubles: Record<TroubleKind, () => void> = {
    storm() {
      network.setWeather(climate.weather);
      soon(500, 6_000, () => network.setWeather(calm));
    },
    wall() {
      const [one, other] = [chance.pick(machines).code, chance.pick(machines).code];
      const walls = chance.happens(0.5)
        ? [`${one}>${other}`]
        : [`${one}>${other}`, `${other}>${one}`];
      for (const wall of walls) network.wall(wall);
      trace.note(one, `is walled off: ${walls}`);
      soon(300, 8_000, () => walls.forEach(network.open));
    },
    'cut-off'() {
      // One after another.
      const { code } = cutOff.pop() ?? chance.pick(machines);
      if (cutOff.length === 0) cutOff.push(...machines);
      network.wall(code);
      trace.note(code, 'is cut off');
      soon(300, 6_000, () => network.open(code));
    },
    crash() {
      const machine = chance.pick(machines);
      if (chance.happens(0.4)) return machine.kill('of a power cut');
      machine.disk.faults = crashAt(chance);
    },
    disk() {
      const machine = chance.pick(machines);
      machine.disk.faults = failing(chance);
      trace.note(machine.code, 'has a bad disk');
      soon(200, 4_000, () => {
        machine.disk.faults = soundDisk;
      });
    },
    clock() {
      const machine = chance.pick(machines);
      const roll = chance.fraction();
      if (roll < 0.2) machine.time.freeze();
      else if (roll < 0.5) machine.time.shift(-chance.between(1_000, 5 * hourMs));
      else machine.time.shift(chance.between(1_000, roll < 0.9 ? 9 * hourMs : 100 * hourMs));
      trace.note(machine.code, `has a clock that says ${machine.time.nowMs()}`);
      soon(500, 15_000, machine.time.setRight);
    },
    'set-back': () => void goBack(chance.pick(machines)),
    ambush,
    ...plots,
    certificate() {
      const machine = chance.pick(machines);
      const notAfter = timeline.nowMs() - 1;
      machine.showCertificate({ notAfter });
      trace.note(machine.code, 'has an expired certificate');
      soon(500, 8_000, () => machine.showCertificate({}));
    },
    upgrade() {
      const machine = chance.pick(machines);
      if (machine.isOld()) upgrade(machine);
    },
  };

  function upgrade(machine: Machine): void {
    const left = rowsOf(machine.disk.slot.db, setAside).map(({ kind }) => kind);
    machine.kill(`to be upgraded, ${left.length} entries set aside: ${left}`);
    machine.upgrade();
  }

  /** The victim works on without the others, or its post is late; then it is set back, and somebody is missing. */
  function ambush(): void {
    const { victim } = deps;
    if (chance.happens(0.5)) backUp(victim);
    const way = chance.pick(['alone', 'late post', 'at once'] as const);
    if (way === 'alone') network.wall(victim.code);
    if (way === 'late post') network.setWeather(latePost);
    trace.note(victim.code, `is ambushed, ${way}`);
    soon(1, way === 'at once' ? 1 : 3_000, () => {
      const isBack = !isOver && goBack(victim);
      network.setWeather(isBack && chance.happens(0.3) ? stalePost : calm);
      network.open(victim.code);
      if (!isBack || chance.happens(0.4)) return;
      const { code } = chance.pick(machines);
      if (code === victim.code) return;
      network.wall(code);
      soon(1_000, 8_000, () => network.open(code));
    });
  }

  /** One at a time: what two nodes forgot together, nobody can tell. */
  function goBack(machine: Machine): boolean {
    const known = backups.get(machine.code) ?? [];
    if (!mayGoBack() || known.length === 0) return false;
    const { snapshot } = chance.pick(known);
    fall(machine, snapshot, chance.pick(['kept', 'kept', 'set back too', 'lost'] as const));
    return true;
  }

  function mayGoBack(others: readonly Machine[] = []): boolean {
    if (isOver || !setBack.every((each) => others.includes(each) || isWhole(each))) return false;
    return !machines.some((each) => each.node()?.federation.isRecovering());
  }

  function fall(machine: Machine, to: Snapshot, way: 'kept' | 'set back too' | 'lost'): void {
    machine.kill('to be set back');
    deps.beforeSetBack(machine, to, way !== 'set back too');
    const kept = machine.disk.sentinel;
    const sentinel = way === 'kept' ? kept : way === 'lost' ? undefined : to.sentinel;
    machine.mount({ image: to.image, sentinel });
    trace.note(machine.code, `is set back, its sentinel ${way}`);
    setBack = [...setBack.filter((each) => !isWhole(each)), machine];
  }

  /** It has started, recovered, and everybody has told it again what it forgot. */
  function isWhole(machine: Machine): boolean {
    const node = machine.node();
    if (!node || node.federation.isRecovering()) return false;
    return machines.every(({ code, disk }) => {
      const peer = code === machine.code ? '%' : machine.code;
      return rowsOf(disk.slot.db, untold, peer).length === 0;
    });
  }

  function backUp(machine: Machine): void {
    const list = backups.get(machine.code) ?? [];
    list.push({ snapshot: machine.snapshot(), atMs: timeline.nowMs() });
    backups.set(machine.code, list);
  }

  function repeat(kind: TroubleKind, pauseMs: number): void {
    const next = () => {
      if (isOver) return;
      troubles[kind]();
      timeline.after(chance.between(1, 2 * pauseMs), next);
    };
    timeline.after(chance.between(1, 2 * pauseMs), next);
  }

  return {
    begin(): void {
      for (const kind of kinds) {
        const pauseMs = climate.pauseMs[kind];
        if (pauseMs !== undefined && isPlotKind(kind)) soon(100, 1_000, troubles[kind]);
        else if (pauseMs !== undefined) repeat(kind, pauseMs);
      }
      if ((climate.pauseMs['set-back'] ?? climate.pauseMs.ambush) === undefined) return;
      for (const machine of machines) {
        backUp(machine);
        for (let count = chance.below(3); count > 0; count -= 1) {
          soon(100, 10_000, () => backUp(machine));
        }
      }
    },
    /** Everything works again, for good. */
    end(): void {
      isOver = true;
      network.calmDown();
      for (const machine of machines) {
        machine.disk.faults = soundDisk;
        machine.time.setRight();
        machine.showCertificate({});
        if (machine.isOld()) upgrade(machine);
      }
    },
  };
}

/** The machine dies at one of its next commits, at one of its edges. */
function crashAt(chance: Chance): DiskFaults {
  let left = chance.below(12);
  const edge = chance.pick(['beforeCommit', 'afterCommit', 'record', 'answer'] as const);
  const due = (here: typeof edge): Outcome => (edge === here && left <= 0 ? 'crash' : 'go');
  return {
    statement: () => 'go',
    beforeCommit() {
      left -= 1;
      return due('beforeCommit');
    },
    afterCommit: () => due('afterCommit'),
    beforeRecord: () => due('record'),
    afterRecord: () => due('answer'),
  };
}

function failing(chance: Chance): DiskFaults {
  const share = chance.pick([0.05, 0.3, 1]);
  const what = chance.pick(['statement', 'commit', 'record', 'all'] as const);
  const at = (here: typeof what, rate: number): Outcome =>
    (what === here || what === 'all') && chance.happens(rate) ? 'fail' : 'go';
  return {
    statement: () => at('statement', share / 20),
    beforeCommit: () => at('commit', share),
    afterCommit: () => 'go',
    beforeRecord: () => at('record', share),
    afterRecord: () => 'go',
  };
}
