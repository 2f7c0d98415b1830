import { setTimeout as pause } from 'node:timers/promises';
import { type Bench, openBench } from './bench.ts';
import { gatherCrowd, pickWith } from './crowd.ts';
import { judge } from './judge.ts';

/** SIGKILL at random moments of random nodes, under load; judged now and then. */

const crowdOptions = { people: 5, restMaxMs: 400, settlementPauseMs: 4_000 } as const;
const restBeforeMaxMs = 800;
const staggerMaxMs = 300;
/** The others die at one moment, as if their power had failed. */
const staggeredShare = 0.7;
const downMaxMs = 500;
/** Of the time that the last start took: some are killed right after they were ready. */
const startedShareMax = 1.2;
/** A node may be killed while it starts several times in a row. */
const killedWhileStartingShare = 0.5;
const victimsMax = 3;

export interface KillPlan {
  readonly kills: number;
  readonly branches: number;
  readonly judgeEvery: number;
  readonly random: () => number;
  say(line: string): void;
}

export interface KillTally {
  readonly kills: number;
  readonly byNode: Readonly<Record<string, number>>;
  readonly whileStarting: number;
  readonly answered: number;
  readonly repeats: number;
  readonly judgements: number;
}

/** A federation of its own through so many kills. */
export async function killAtRandom(plan: KillPlan): Promise<KillTally> {
  const bench = await openBench({ branches: plan.branches, patches: [] });
  try {
    return await killThrough(bench, plan);
  } finally {
    await bench.close();
  }
}

/** Kills in a federation that is there. @throws Error with every fault that a judgement found. */
export async function killThrough(
  { demo, town }: Pick<Bench, 'demo' | 'town'>,
  plan: Omit<KillPlan, 'branches'>,
): Promise<KillTally> {
  const { random, say } = plan;
  const pick = pickWith(random);
  const codes = demo.description.nodes.map(({ code }) => code);
  const byNode: Record<string, number> = Object.fromEntries(codes.map((code) => [code, 0]));
  const startMs = new Map<string, number>();
  let kills = 0;
  let whileStarting = 0;
  let judgements = 0;

  async function kill(code: string): Promise<void> {
    await demo.kill(code);
    kills += 1;
    byNode[code] = (byNode[code] ?? 0) + 1;
  }

  async function killAndStart(code: string, staggerMs: number): Promise<void> {
    await pause(random() * staggerMs);
    await kill(code);
    await pause(random() * downMaxMs);
    while (random() < killedWhileStartingShare) {
      demo.start(code);
      await pause(random() * startedShareMax * (startMs.get(code) ?? 0));
      await kill(code);
      whileStarting += 1;
    }
    const began = performance.now();
    await demo.restart(code);
    startMs.set(code, performance.now() - began);
  }

  while (kills < plan.kills) {
    const until = Math.min(plan.kills, kills + plan.judgeEvery);
    const crowd = gatherCrowd(town, { ...crowdOptions, random });
    while (kills < until) {
      await pause(random() * restBeforeMaxMs);
      const count = 1 + Math.floor(random() * victimsMax);
      const victims = new Set(Array.from({ length: count }, () => pick(codes)));
      const staggerMs = random() < staggeredShare ? staggerMaxMs : 0;
      await Promise.all([...victims].map((code) => killAndStart(code, staggerMs)));
    }
    await crowd.leave();
    const faults = await judge(town);
    judgements += 1;
    if (faults.length > 0) throw new Error(`after ${kills} kills:\n  ${faults.join('\n  ')}`);
    say(`  ${kills} kills, ${town.answered.length} answers held against the stores: all is there`);
  }
  const repeats = town.answered.filter(({ tries }) => tries > 1).length;
  return { kills, byNode, whileStarting, answered: town.answered.length, repeats, judgements };
}
