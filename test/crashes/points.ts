import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { assetPath } from '../../shared/store/assets.ts';
import { until } from '../support/federation.ts';
import { type DescribedNode, isAlive, type RunningDemo } from '../support/processes.ts';
import { armedFile, crashedFile } from './arming.ts';
import { type Bench, openBench } from './bench.ts';
import { adjustOpenCases, strandedBlock, untilCaseOpens } from './cases.ts';
import type { CrashPoint } from './crash-place.ts';
import { crashPatches } from './crash-points.ts';
import { type Crowd, gatherCrowd } from './crowd.ts';
import { backupOf, judge } from './judge.ts';
import {
  endOfAuthorityAt,
  type KeyChange,
  newAuthorityAt,
  rotationAt,
  successionAt,
  untilChanged,
} from './key-changes.ts';
import { untilQuiet } from './quiet.ts';

/** Every named point under load: the node dies there, is started again, and what was answered is held against the stores. */

const crowdOptions = { people: 6, restMaxMs: 120, settlementPauseMs: 1_000 } as const;
const hitMaxMs = 240_000;
const afterMaxMs = 400;
const awayMs = 7_000;
const armedMs = 300;
const victims = { branch: 'MSK', centre: 'HQ' } as const;
/** Who is away when somebody has to be. */
const absent = 'NSK';

export interface PointPlan {
  readonly points: readonly CrashPoint[];
  /** Points that are passed by themselves are judged so many together. */
  readonly together: number;
  readonly random: () => number;
  say(line: string): void;
}

/**
 * Crashes at every point, in one federation as long as nothing is found in it.
 * @returns what was found, with the points since the last judgement.
 */
export async function crashAtPoints(plan: PointPlan): Promise<string[]> {
  const found: string[] = [];
  let left = [...plan.points];
  while (left.length > 0) {
    const bench = await openBench({ branches: 3, patches: crashPatches });
    const passed: CrashPoint[] = [];
    try {
      await throughPoints(bench, { ...plan, points: left }, passed);
    } catch (error) {
      const names = passed.slice(-plan.together).map(({ name }) => name);
      found.push(`${names.join('; ')}: ${error instanceof Error ? error.message : error}`);
      plan.say(`  FOUND ${found.at(-1)}`);
    } finally {
      await bench.close();
    }
    left = left.slice(passed.length);
  }
  return found;
}

/** Crashes in a federation that is there. @throws Error with every fault that a judgement found. */
export async function throughPoints(
  bench: Stage,
  plan: PointPlan,
  passed: CrashPoint[] = [],
): Promise<void> {
  const { town } = bench;
  const { clerk } = shopOf(bench, victims.branch);
  const old = join(dirname(clerk.node.store), 'old.db');
  copyFileSync(await backupOf(clerk), old);
  let unjudged = 0;
  for (const point of plan.points) {
    passed.push(point);
    await crashAt(bench, { point, old, random: plan.random });
    unjudged += 1;
    plan.say(`  died and was started again: ${point.name}`);
    const isJudgedLater = point.errand === 'nothing' && passed.length < plan.points.length;
    if (isJudgedLater && unjudged < plan.together) continue;
    const faults = await judge(town);
    if (faults.length > 0) throw new Error(faults.join('\n  '));
    plan.say(`  judged: ${town.answered.length} answers, nothing is missing`);
    unjudged = 0;
  }
}

type Stage = Pick<Bench, 'demo' | 'town'>;

interface Deed {
  readonly point: CrashPoint;
  /** An old backup of the branch that dies. */
  readonly old: string;
  readonly random: () => number;
}

async function crashAt(bench: Stage, deed: Deed): Promise<void> {
  const { point, random } = deed;
  const { demo, town } = bench;
  const victim = demo.node(victims[point.node]);
  let crowd: Crowd | undefined;
  const gather = () => {
    crowd = gatherCrowd(town, { ...crowdOptions, random });
  };
  const arm = () => writeFileSync(fileOf(victim, armedFile), JSON.stringify(point));
  const later = await errands[point.errand](bench, { ...deed, victim, gather, arm });
  await untilDead(demo, { victim, point });
  rmSync(fileOf(victim, armedFile));
  await pause(random() * afterMaxMs);
  await demo.restart(victim.code);
  await later?.();
  await crowd?.leave();
}

interface Scene extends Deed {
  readonly victim: DescribedNode;
  gather(): void;
  arm(): void;
}

/** Brings the victim to its point. @returns what is left to do once it is up again. */
type Errand = (bench: Stage, scene: Scene) => Promise<undefined | (() => Promise<void>)>;

const errands: Readonly<Record<CrashPoint['errand'], Errand>> = {
  async nothing({ demo }, { gather, arm, victim }) {
    gather();
    arm();
    demo.signal(victim.code, 'SIGUSR2');
    return undefined;
  },
  async restart({ demo }, { gather, arm, victim }) {
    gather();
    await demo.kill(victim.code);
    arm();
    demo.start(victim.code);
    return undefined;
  },
  /** While it waits for the one who is away, people go on paying at its desk. */
  async restore({ demo, town }, { gather, arm, victim, old }) {
    await untilQuiet(town);
    await demo.kill(victim.code);
    await demo.kill(absent);
    for (const end of ['-wal', '-shm']) rmSync(victim.store + end, { force: true });
    copyFileSync(old, victim.store);
    arm();
    const started = demo.start(victim.code);
    gather();
    // It may die before it is ready, or live until all have answered.
    await demo.untilReady(victim.code, started).catch(() => {});
    await pause(awayMs);
    demo.start(absent);
    return undefined;
  },
  async stop({ demo }, { gather, arm, victim }) {
    gather();
    arm();
    demo.signal(victim.code, 'SIGUSR2');
    await pause(afterMaxMs);
    demo.signal(victim.code, 'SIGTERM');
    return undefined;
  },
  async backup(bench, { gather, arm, victim }) {
    gather();
    arm();
    bench.demo.signal(victim.code, 'SIGUSR2');
    const made = backupOf(shopOf(bench, victim.code).clerk);
    return async () => void (await made);
  },
  'new keys': (bench, scene) =>
    changingKeys(bench, scene, rotationAt(shopOf(bench, victims.branch).clerk)),
  'new key of head office': (bench, scene) =>
    changingKeys(bench, scene, successionAt(bench.town.maker)),
  async 'new authority'(bench, scene) {
    const { maker } = bench.town;
    // One of before is still believed.
    await untilChanged(endOfAuthorityAt(maker));
    return changingKeys(bench, scene, newAuthorityAt(maker));
  },
  async 'end of an authority'(bench, scene) {
    const { maker } = bench.town;
    // Two are believed from here on, and no more than two.
    await untilChanged(endOfAuthorityAt(maker));
    await untilChanged(newAuthorityAt(maker));
    return changingKeys(bench, scene, endOfAuthorityAt(maker));
  },
  /** A leg waits too long for one who is away. */
  async case({ demo, town }, { gather, arm, victim }) {
    gather();
    await demo.kill(absent);
    arm();
    demo.signal(victim.code, 'SIGUSR2');
    await strandedBlock(town, { serving: 'SPB', home: absent });
    return () => demo.restart(absent);
  },
  /** He is back, and the case ends by itself. */
  async 'end of a case'({ demo, town }, { gather, arm, victim }) {
    gather();
    await demo.kill(absent);
    await strandedBlock(town, { serving: 'SPB', home: absent });
    await untilCaseOpens(town);
    arm();
    demo.signal(victim.code, 'SIGUSR2');
    demo.start(absent);
    return undefined;
  },
  /** People end a case whose legs come after all, and then the case that this makes. */
  async adjustment(bench, { arm, victim }) {
    const { demo, town } = bench;
    await untilQuiet(town);
    await demo.kill(absent);
    town.adjusted.add(await strandedBlock(town, { serving: 'SPB', home: absent }));
    await untilCaseOpens(town);
    arm();
    demo.signal(victim.code, 'SIGUSR2');
    const adjusted = adjustOpenCases(town);
    // Looked at once the victim has died and is up again.
    adjusted.catch(() => {});
    return async () => {
      await adjusted;
      await demo.restart(absent);
      await untilQuiet(town);
      await adjustOpenCases(town);
    };
  },
};

/** What was begun ends by itself; what the crash came before is asked for again. */
async function changingKeys(
  { demo }: Stage,
  { gather, arm, victim }: Scene,
  change: KeyChange,
): Promise<() => Promise<void>> {
  gather();
  const begun = await change.begun();
  arm();
  demo.signal(victim.code, 'SIGUSR2');
  await pause(armedMs);
  // Who dies of it does not answer.
  change.ask().catch(() => {});
  return () => untilChanged({ ...change, begun: async () => begun });
}

/** @throws Error when it did not come by, or died of something else. */
async function untilDead(
  demo: RunningDemo,
  { victim, point }: { victim: DescribedNode; point: CrashPoint },
): Promise<void> {
  const mark = fileOf(victim, crashedFile);
  await until(
    `${victim.code} dies at "${point.name}"`,
    () => !isAlive(demo.pid(victim.code)),
    hitMaxMs,
  );
  const died = existsSync(mark) ? readFileSync(mark, 'utf8') : 'of something else';
  rmSync(mark, { force: true });
  if (died !== point.name) throw new Error(`${victim.code} died ${died}, not at ${point.name}`);
}

function shopOf({ town }: Stage, code: string) {
  const shop = town.shops.find((each) => each.code === code);
  if (!shop) throw new Error(`no shop ${code}`);
  return shop;
}

function fileOf({ store }: DescribedNode, name: string): string {
  return join(dirname(store), name);
}

/** A store of its own is opened by a command, which dies while it migrates; the next opening goes on from there. */
export async function crashInMigrations(
  points: readonly CrashPoint[],
  say: (line: string) => void,
): Promise<void> {
  const bench = await openBench({ branches: 1, patches: crashPatches });
  try {
    const { start } = bench.demo.node(victims.branch);
    const main = start.args.at(-1) ?? '';
    const cli = join(dirname(main), 'cli.js');
    const stores = ['a new store', 'a store of version 0.1.0'] as const;
    for (const [point, kind] of points.flatMap((each) => stores.map((on) => [each, on] as const))) {
      const folder = mkdtempSync(join(tmpdir(), 'sbms-migration-'));
      const isOld = kind !== stores[0];
      // An empty file is a new store.
      writeFileSync(join(folder, 'store.db'), isOld ? oldStore() : '', { mode: 0o600 });
      const env = {
        ...start.env,
        ...bench.env,
        DATA_DIR: folder,
        STORE_SENTINEL: join(folder, 'sentinel'),
        IDENTITY_DIR: join(String(start.env.DATA_DIR), 'identity'),
      };
      const run = (...args: string[]) =>
        spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8', input: aPassword });
      const open = () =>
        run('add-operator', '--login', 'opener', '--name', 'Opener', '--role', 'branch-admin');
      // An old one has fewer of them before it.
      const armed = isOld ? { ...point, passings: 1 } : point;
      writeFileSync(join(folder, armedFile), JSON.stringify(armed));
      const { signal } = open();
      rmSync(join(folder, armedFile));
      const [again, verified] = [open(), run('verify')];
      rmSync(folder, { recursive: true });
      if (signal !== 'SIGKILL') throw new Error(`${point.name} was not passed by ${kind}`);
      for (const { status, stdout, stderr } of [again, verified]) {
        if (status !== 0) throw new Error(`${point.name}: ${stdout}${stderr}`);
      }
      say(`  died and opened again: ${point.name}, ${kind}: ${verified.stdout.trim()}`);
    }
  } finally {
    await bench.close();
  }
}

const aPassword = 'a password of nobody';
const oldStore = () => gunzipSync(readFileSync(assetPath('test/upgrade/0.1.0/msk.gz')));
