import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { noteApiMetadata } from './api-metadata.ts';
import { countCash } from './cash-count.ts';
import { type Chance, createChance } from './chance.ts';
import { createWork, type WorkKind } from './desk-work.ts';
import { slotNumber, soundDisk } from './disk.ts';
import { forgottenBy, judge, type PaidOut, unrest } from './judge.ts';
import { createMachine, type Machine } from './machine.ts';
import { createNetwork, type Network } from './network.ts';
import { createPeople } from './people.ts';
import { type Template, templateOf } from './template.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTrace, type Trace } from './trace.ts';
import {
  type Climate,
  createTroubles,
  drawClimate,
  hasPlot,
  type TroubleKind,
} from './troubles.ts';
import { openBranchBefore } from './version-before.ts';

/** HQ and branches of the real code in one process, on simulated disks, clocks and network. */

export interface SeedResult {
  readonly seed: number;
  readonly hash: string;
  /** What is wrong at the end; nothing when all is well. */
  readonly faults: readonly string[];
  readonly lines: readonly string[];
  readonly counts: Counts;
}

export interface Counts {
  branches: number;
  wishes: number;
  done: number;
  deaths: number;
  setBacks: number;
  messages: number;
  events: number;
  virtualMs: number;
}

const noCounts: Counts = {
  ...{ branches: 0, wishes: 0, done: 0, deaths: 0, setBacks: 0 },
  ...{ messages: 0, events: 0, virtualMs: 0 },
};
const maxFaults = 20;
/** What the version before does not know is done more often where it runs. */
const newWork: readonly WorkKind[] = ['service-change', 'settlement'];
const warmUpMs = 200;
const afterMaxMs = 3_000;
const restartMinMs = 50;
const restartMaxMs = 4_000;
const checkPauseMs = 250;
const quietMaxMs = 240_000;
const caseGraceMs = 20_000;
/** Most seeds are small: many short stories find more than a few long ones in the same time. */
const branchCounts = [...Array<number>(18).fill(3), 4, 4, 4, 5, 6, 8];
const sizes = [5, 6, 8, 8, 10, 12, 20, 45];
/** An ambush wants something to lose first. */
const ambushedSizes = [30, 45];
const plotPaceMs = 120;
const badDeskLoss = 0.6;
const settledOften = ['head-office-falls', 'settlement-lost'] as const;

/** What happened in promises that nobody waited for is the running seed's. */
let current: ((text: string) => void) | undefined;

export function watchRejections(): void {
  process.on('unhandledRejection', (reason) => {
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    if (current) current(`nobody caught: ${text}`);
    else throw reason;
  });
}

/** What a seed has for certain; everything else is drawn. */
export interface SeedOptions {
  readonly isTraced?: boolean;
  readonly isSmall?: boolean;
  readonly troubles?: readonly TroubleKind[];
  readonly work?: readonly WorkKind[];
}

interface Seed {
  readonly options: SeedOptions;
  readonly chance: Chance;
  readonly climate: Climate;
  readonly template: Template;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly network: Network;
  readonly counts: Counts;
  readonly fault: (text: string) => void;
}

/** The machines of a seed, as the template left them; one that dies is started again after a while. */
async function setUp(seed: Seed): Promise<ReadonlyMap<NodeCode, Machine>> {
  const { chance, template, timeline, trace, network, counts, fault } = seed;
  const versions = chance.fork('versions');
  const isMixed = seed.climate.pauseMs.upgrade !== undefined;
  const restarts = chance.fork('restarts');
  const machines = new Map<NodeCode, Machine>();

  function died(code: NodeCode): void {
    counts.deaths += 1;
    timeline.after(restarts.between(restartMinMs, restartMaxMs), () => {
      const machine = machines.get(code);
      if (!machine || machine.isUp()) return;
      if (restarts.happens(0.7)) machine.disk.faults = soundDisk;
      machine.start();
    });
  }

  for (const [index, code] of [headOffice, ...template.codes].entries()) {
    const isOld = isMixed && code !== headOffice && versions.happens(0.5);
    const machine = createMachine({
      ...{ code, timeline, network, trace, died, fault, caseGraceMs },
      before: isOld ? await openBranchBefore() : undefined,
      slot: slotNumber(index),
      chance: chance.fork(code),
    });
    const snapshot = template.snapshots.get(code);
    if (snapshot) machine.mount(snapshot);
    machines.set(code, machine);
  }
  return machines;
}

/** People, and the troubles that they live with. */
function populate(seed: Seed, machines: ReadonlyMap<NodeCode, Machine>) {
  const { chance, climate, template, timeline, trace, network, counts, fault, options } = seed;
  const list = [...machines.values()];
  const setBacks = new Map<NodeCode, number>();
  const paidOut: PaidOut = new Map();
  const unseen = new Set<NodeCode>();
  const isPlotted = hasPlot(climate);
  // Head office is nobody's home, and has no desk.
  const victims = isPlotted ? list.filter(({ code }) => code !== headOffice) : list;
  const victim = chance.fork('victim').pick(victims);
  const inPairs = climate.pauseMs['two-desks'] !== undefined;
  const isCrowded = isPlotted || climate.pauseMs.ambush !== undefined;
  // What was done there, nobody was told, and is forgotten.
  const isUnaware = climate.pauseMs.unaware !== undefined;
  const badDesk = isUnaware && chance.fork('desk').happens(0.5) ? victim.code : undefined;
  let isCalm = false;
  const people = createPeople({
    ...{ timeline, trace, machines, fault, chance: chance.fork('people') },
    setBacksOf: (code) => setBacks.get(code) ?? 0,
    lost: (code) => (isCalm ? 0 : code === badDesk ? badDeskLoss : climate.frontLoss),
  });
  const work = createWork({
    ...{ people, machines, template, chance: chance.fork('work') },
    wanted: [
      ...(options.work ?? []),
      ...(climate.pauseMs.upgrade === undefined ? [] : newWork),
      ...(inPairs ? (['suspense'] as const) : []),
    ],
    inPairs,
    crowded: isCrowded ? victim.code : undefined,
    settlesOften: settledOften.some((kind) => climate.pauseMs[kind] !== undefined),
  });
  const troubles = createTroubles({
    ...{ timeline, trace, network, climate, machines: list, chance: chance.fork('troubles') },
    victim,
    beforeSetBack(machine, to, isSeen) {
      counts.setBacks += 1;
      if (!isSeen) unseen.add(machine.code);
      setBacks.set(machine.code, (setBacks.get(machine.code) ?? 0) + 1);
      const { wishes } = people;
      forgottenBy(machine, { to, machines: list, wishes, paidOut });
    },
  });
  return {
    people,
    work,
    paidOut,
    unseen,
    begin: troubles.begin,
    end(): void {
      isCalm = true;
      troubles.end();
    },
  };
}

async function begin(number: number, options: SeedOptions): Promise<Seed & { faults: string[] }> {
  const chance = createChance(`seed ${number}`);
  const drawn = chance.fork('size').pick(branchCounts);
  const branches = options.isSmall ? 3 : drawn;
  const climate = drawClimate(chance.fork('climate'), options.troubles ?? []);
  const template = await templateOf(branches);
  const startMs = template.endsAtMs;
  const timeline = createTimeline(startMs);
  const trace = createTrace({ nowMs: timeline.nowMs, startMs, isKept: options.isTraced === true });
  const network = createNetwork({ timeline, chance: chance.fork('network'), trace });
  const faults: string[] = [];
  const fault = (text: string) => {
    trace.note('!', text.split('\n', 1)[0] ?? '');
    if (faults.length < maxFaults && !faults.includes(text)) faults.push(text);
  };
  const counts: Counts = { ...noCounts, branches };
  return { options, chance, climate, template, timeline, trace, network, counts, fault, faults };
}

/** One seed from its beginning to its judgement; the same seed is the same trace. */
export async function runSeed(number: number, options: SeedOptions = {}): Promise<SeedResult> {
  const seed = await begin(number, options);
  const { timeline, trace, counts, fault, faults } = seed;
  const { nowMs } = timeline;
  current = fault;
  const machines = await setUp(seed);
  const forgetApiMetadata = noteApiMetadata();
  const list = [...machines.values()];
  const { people, work, paidOut, unseen, ...troubles } = populate(seed, machines);
  const shape = seed.chance.fork('shape');
  const isPlotted = hasPlot(seed.climate);
  const isLong = isPlotted || options.troubles?.includes('ambush');
  const size = shape.pick(isLong ? ambushedSizes : sizes);
  const paceMs = isPlotted ? plotPaceMs : shape.pick([50, 120, 300]);
  for (const machine of list) machine.start();
  await timeline.run(nowMs() + warmUpMs);
  troubles.begin();
  for (let count = 0; count < size; count += 1) {
    await timeline.run(nowMs() + shape.between(1, 2 * paceMs));
    work.one();
  }
  await timeline.run(nowMs() + shape.between(0, afterMaxMs));
  trace.note('*', 'everything works again');
  troubles.end();
  for (const machine of list) machine.start();
  const untilQuiet = async () => {
    const deadline = nowMs() + quietMaxMs;
    let reasons = ['begun'];
    while (reasons.length > 0 && nowMs() < deadline && faults.length === 0) {
      await timeline.run(nowMs() + checkPauseMs);
      reasons = unrest(list, people.wishes);
    }
    return reasons;
  };
  let reasons = await untilQuiet();
  const uncounted = reasons.length === 0 ? countCash(list, { people, paidOut }) : () => [];
  if (people.wishes.some(({ outcome }) => outcome === 'open')) reasons = await untilQuiet();
  if (faults.length === 0) {
    for (const reason of reasons) fault(`never quiet: ${reason}`);
    const found = await timeline.until(judge(list, { wishes: people.wishes, paidOut, unseen }));
    for (const text of [...uncounted(), ...found]) fault(text);
  }
  for (const machine of list) machine.abandon();
  forgetApiMetadata();
  current = undefined;
  counts.wishes = people.wishes.length;
  counts.done = people.wishes.filter(({ outcome }) => outcome === 'done').length;
  counts.messages = seed.network.sent();
  counts.events = timeline.events();
  counts.virtualMs = nowMs() - seed.template.endsAtMs;
  return { seed: number, hash: trace.hash(), faults, lines: trace.lines, counts };
}
