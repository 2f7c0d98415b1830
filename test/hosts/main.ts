import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { made } from '../../demo/api-client.ts';
import { type BranchDesk, openDesks, seeded, untilQuiet } from '../../demo/business-day.ts';
import { reconcile } from '../../demo/closing.ts';
import { createFederation } from '../../demo/federation.ts';
import { type ListedNode, readFederation, signInAt } from '../../demo/federation-file.ts';
import type { DemoNode } from '../../demo/node-process.ts';
import { branchCodes } from '../../demo/options.ts';
import { totalsOf } from '../../demo/report.ts';
import { projectRoot } from '../../shared/store/assets.ts';
import { createFaults, type FaultTally } from './faults.ts';
import { clockFile, takeOver, writeClock } from './hosts.ts';
import { createJournal, type Entry, type Teller } from './journal.ts';
import { cardFaults, fateFaults, readFates, type Subscriber, subscriberFaults } from './model.ts';
import { checkNetworkTools, createNetwork, type Network } from './network.ts';
import { type Answered, storeFaults } from './stores.ts';
import { playTown, type Town } from './tellers.ts';

/** Seven hosts, a fault every ten seconds, and a model that remembers every answer. */

const portBase = 7400;
const sayEveryMs = 60_000;
const countedMax = 20;
const settleMaxMs = 600_000;
const settlePauseMs = 1_000;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly rate: number;
  readonly branches: number;
  readonly dataDir: string;
}

const started = performance.now();
const say = (line: string): void => {
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  process.stdout.write(`${seconds.padStart(7)} s  ${line}\n`);
};

function parse(argv: readonly string[]): Options {
  const command = new Command('npm run hosts --')
    .description('Plays a federation of hosts of their own, with a fault every ten seconds.')
    .option('--minutes <count>', 'how long', Number, 60)
    .option('--seed <number>', 'the same seed, the same faults and customers', Number, 1)
    .option('--rate <perSecond>', 'operations a second at each branch', Number, 1)
    .option('--branches <count>', 'besides head office', Number, 6)
    .option('--data <dir>', 'is emptied first', join(projectRoot(), 'data', 'hosts'))
    .parse(argv, { from: 'user' });
  const { data, ...options } = command.opts<Omit<Options, 'dataDir'> & { data: string }>();
  return { ...options, dataDir: resolve(data) };
}

function federationOn(network: Network, { dataDir, branches }: Options) {
  const preload = pathToFileURL(join(projectRoot(), 'dist/test/hosts/shifted-clock.js')).href;
  const codes = branchCodes.slice(0, branches);
  return createFederation({ dataDir, branches: codes, portBase, fresh: false }, say, (code) => ({
    host: network.hostOf(code),
    enter: network.enter(code),
    nodeOptions: ['--import', preload],
    env: { CLOCK_OFFSET_FILE: clockFile(dataDir, code), LOG_LEVEL: 'warn' },
  }));
}

async function townsOf(
  desks: readonly BranchDesk[],
  tellers: ReadonlyMap<string, Teller>,
): Promise<Town[]> {
  const towns: Town[] = [];
  for (const { node, client } of desks) {
    const teller = tellers.get(node.code);
    if (!teller) continue;
    // Until now everything that was ever done here is a registration.
    const { items: founding } = await teller.get('/api/v1/operations?limit=200');
    const subscribers = (founding as { msisdn: string }[]).map(({ msisdn }) => msisdn);
    const { items } = made(await client.get('/api/v1/numbers?state=free&limit=200'), 'numbers');
    const freeNumbers = (items as { msisdn: string }[]).map(({ msisdn }) => msisdn);
    towns.push({ teller, subscribers, freeNumbers });
  }
  return towns;
}

async function subscribersOf(towns: readonly Town[]): Promise<Subscriber[]> {
  const all: Subscriber[] = [];
  for (const { teller, subscribers } of towns) {
    for (const msisdn of subscribers) {
      const { sim, ratePlan } = await teller.get(`/api/v1/subscribers/${msisdn}`);
      all.push({ msisdn, home: teller.code, iccid: sim.iccid, ratePlan });
    }
  }
  return all;
}

/** Closes every date that anything happened on, and asks head office what it made of each. */
async function headOfficeFaults(
  nodes: readonly ListedNode[],
  desks: readonly BranchDesk[],
  answered: readonly Answered[],
): Promise<string[]> {
  const [centre] = nodes;
  if (!centre) throw new Error('there is no head office');
  const head = await signInAt(centre, 'manager');
  const dates = [...new Set(answered.map(({ businessDate }) => businessDate))].sort();
  const early = ['business-day-not-over', 'business-day-closed'];
  for (const { client } of desks) {
    for (const date of dates) {
      const answer = await client.post(`/api/v1/business-days/${date}/close`);
      if (!early.includes(String(answer.body.code))) made(answer, `closing ${date}`);
    }
  }
  await untilQuiet(desks, head);
  const faults: string[] = [];
  let counted = 0;
  for (const date of dates) {
    const report = await reconcile(head, date);
    const { count, open, matched, refused, inCase } = totalsOf(report);
    counted += count;
    say(`${date}: ${count} operations, ${matched} matched, ${refused} refused, ${inCase} in case`);
    if (open > 0) faults.push(`${date}: ${open} operations are open and in no case`);
    faults.push(...report.unequal.map((code) => `${date}: the totals of ${code} differ`));
  }
  if (counted !== answered.length) {
    faults.push(`head office counts ${counted} operations, ${answered.length} were answered`);
  }
  const cases = made(await head.get('/api/v1/cases?limit=200'), 'cases').items as View[];
  const open = cases.filter(({ state }) => state !== 'closed');
  say(`cases: ${cases.length}, of them open: ${open.length}`);
  faults.push(...open.map((each) => `case ${each.id} is open: ${each.kind} ${each.state}`));
  return faults;
}

// biome-ignore lint/suspicious/noExplicitAny: the API's answers, read member by member
type View = any;

function figures(entries: readonly Entry[], repeats: number, { counts }: FaultTally): void {
  const sums: Record<string, number> = {};
  for (const { what, status } of entries) {
    const name = `${what} ${status}`;
    sums[name] = (sums[name] ?? 0) + 1;
  }
  const list = (table: Readonly<Record<string, number>>) =>
    Object.entries(table)
      .sort()
      .map(([name, count]) => `${count} ${name}`)
      .join(', ');
  const late = entries.filter(({ tries }) => tries > 1).length;
  say(`requests: ${entries.length}; ${late} of them asked more than once, ${repeats} repeats`);
  say(`answers: ${list(sums)}`);
  say(`faults: ${list(counts)}`);
}

async function play(options: Options, network: Network): Promise<string[]> {
  const { dataDir, seed, minutes, rate } = options;
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  for (const code of ['HQ', ...branchCodes]) writeClock(dataDir, code, 0);
  const federation = federationOn(network, options);
  await federation.start();
  const hosts = takeOver(dataDir, federation.nodes);
  try {
    const nodes = await readFederation(dataDir);
    const branches = nodes.filter(({ role }) => role === 'branch');
    const journal = createJournal(join(dataDir, 'journal.jsonl'));
    const tellers = tellersOf(federation.nodes, journal);
    const firstDesks = await openDesks(branches);
    const towns = await townsOf(firstDesks, tellers);
    const subscribers = await subscribersOf(towns);
    const founded = await foundingOf(towns);

    const deadline = performance.now() + minutes * 60_000;
    const isOver = () => performance.now() >= deadline;
    const faults = createFaults({ hosts, network, random: seeded(seed), say });
    const telling = setInterval(() => say(`${journal.entries.length} answers`), sayEveryMs);
    const day = towns.map((town, index) =>
      playTown(town, index, { towns, random: seeded(seed + 1 + index), perSecond: rate, isOver }),
    );
    await faults.runUntil(deadline);
    say('everything heals');
    await faults.heal();
    await Promise.all(day);
    clearInterval(telling);

    const head = await patiently(() => signInAgain(nodes));
    const desks = await patiently(() => openDesks(branches));
    await patiently(() => untilQuiet(desks, head));
    figures(journal.entries, journal.repeats, faults.tally());
    const { entries } = journal;
    const fates = await readFates(entries, tellers);
    const made = fates.map(({ entry, id, view }) => ({
      ...{ id, branch: entry.branch, businessDate: String(view?.businessDate) },
    }));
    const answered = [...founded, ...made];
    const found = [
      ...hosts.ends,
      ...fateFaults(fates, entries),
      ...(await subscriberFaults(subscribers, fates, tellers)),
      ...(await cardFaults(fates, entries, tellers)),
      ...(await headOfficeFaults(nodes, desks, answered)),
    ];
    await federation.stop();
    return [...found, ...(await storeFaults(federation.nodes, answered))];
  } finally {
    await federation.stop();
    await hosts.dismiss();
  }
}

/** Nodes that have just been started, on a machine that may be busy: tried until there has been time enough. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + settleMaxMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(settlePauseMs);
    }
  }
}

async function signInAgain(nodes: readonly ListedNode[]) {
  const [centre] = nodes;
  if (!centre) throw new Error('there is no head office');
  return signInAt(centre, 'manager');
}

function tellersOf(nodes: readonly DemoNode[], journal: ReturnType<typeof createJournal>) {
  const branches = nodes.filter(({ role }) => role === 'branch');
  return new Map(branches.map((node) => [node.code, journal.teller(node)]));
}

/** The registrations that were there before the first customer of the journal. */
async function foundingOf(towns: readonly Town[]): Promise<Answered[]> {
  const all: Answered[] = [];
  for (const { teller } of towns) {
    const { items } = await teller.get('/api/v1/operations?limit=200');
    for (const { operationId, businessDate } of items) {
      all.push({ id: operationId, branch: teller.code, businessDate });
    }
  }
  return all;
}

const options = parse(process.argv.slice(2));
try {
  checkNetworkTools();
  const network = createNetwork(['HQ', ...branchCodes.slice(0, options.branches)]);
  say(`${options.minutes} min, seed ${options.seed}, ${options.rate} operations a second a branch`);
  const faults = await play(options, network).finally(network.remove);
  for (const fault of faults.slice(0, countedMax)) say(`FAULT: ${fault}`);
  say(
    faults.length === 0 ? 'Nothing was lost and nothing counted twice.' : `${faults.length} faults`,
  );
  process.exit(faults.length === 0 ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
