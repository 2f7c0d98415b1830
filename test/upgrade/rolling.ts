import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { until } from '../support/federation.ts';
import { type Desk, demoPlace, deskAt, storedFaults, untilCalm } from '../support/processes.ts';

/**
 * `npm run upgrade -- --old FOLDER`: a federation of an older version that was built there, as by
 * `git worktree add FOLDER COMMIT`, `npm ci` and `npm run build`, is brought up to date node by node, while its desks
 * take payments and cancel some.
 */

const workersPerDesk = 2;
const breathMs = 60;
const numbersMax = 50;
const cancelledEvery = 10;
const orders = [
  ['SPB', 'HQ', 'MSK'],
  ['HQ', 'MSK', 'SPB'],
];

const program = new Command('npm run upgrade --')
  .requiredOption('--old <folder>', 'an older version, built')
  .option('--seconds <count>', 'between two nodes', Number, 15)
  .parse();
const options = program.opts<{ old: string; seconds: number }>();
const old = resolve(options.old);
if (!existsSync(join(old, 'dist/demo/main.js'))) throw new Error(`${old} is not built`);

let faults = 0;
for (const order of orders) faults += await upgraded(order);
process.exit(faults === 0 ? 0 : 1);

/** @returns how much is wrong in the end. */
async function upgraded(order: readonly string[]): Promise<number> {
  const place = await demoPlace(order.length, { root: old });
  const demo = await place.up('--branches', '2');
  try {
    const desks = [await deskAt(demo.node('MSK')), await deskAt(demo.node('SPB'))];
    const hq = await deskAt(demo.node('HQ'));
    const work = await beginWork(desks);
    await pause(options.seconds * 1_000);
    for (const code of order) {
      const readyMs = await demo.upgrade(code);
      say(`${code} is up to date, ready after ${readyMs.toFixed(0)} ms; ${work.done()} answered`);
      await pause(options.seconds * 1_000);
    }
    const answered = await work.end();
    await untilCalm([hq, ...desks]);
    const wrong = [...(await openOperations(answered)), ...(await unmatched(hq))];
    await demo.killAll();
    wrong.push(...(await storedFaults(demo.description.nodes)));
    for (const fault of wrong) say(`FAULT ${fault}`);
    say(`${order.join(', ')}: ${answered.length} answered operations, ${wrong.length} faults`);
    return wrong.length;
  } finally {
    await demo.killAll();
    place.remove();
  }
}

interface Answered {
  readonly desk: Desk;
  readonly id: string;
}

/** Payments for numbers of both branches at both desks, each repeated under its key until it is answered. */
async function beginWork(desks: readonly Desk[]) {
  const answered: Answered[] = [];
  let isOver = false;
  const lists = await Promise.all(
    desks.map((desk) => desk.get(`/api/v1/subscribers?limit=${numbersMax}`)),
  );
  const numbers = lists.flatMap(({ items }) =>
    items.map(({ msisdn }: { msisdn: string }) => msisdn),
  );

  async function worker(desk: Desk, first: number): Promise<void> {
    for (let turn = first; !isOver; turn += workersPerDesk) {
      const id = await desk.pay(numbers[(turn * 7) % numbers.length] ?? '', '10.00');
      answered.push({ desk, id });
      if (turn % cancelledEvery === 0) {
        const path = `/api/v1/payments/${id}/cancellation`;
        answered.push({ desk, id: await desk.post(path, { reason: 'wrong number' }) });
      }
      await pause(breathMs);
    }
  }
  const workers = Promise.all(
    desks.flatMap((desk) =>
      Array.from({ length: workersPerDesk }, (_, index) => worker(desk, index)),
    ),
  );
  // Who fails is heard of in the end; until then the nodes go on.
  workers.catch(() => {});
  return {
    done: () => answered.length,
    async end(): Promise<readonly Answered[]> {
      isOver = true;
      await workers;
      return answered;
    },
  };
}

async function openOperations(answered: readonly Answered[]): Promise<string[]> {
  const states = await Promise.all(
    answered.map(async ({ desk, id }) => {
      const { state } = await desk.get(`/api/v1/operations/${id}`);
      return { id, at: desk.code, state };
    }),
  );
  return states
    .filter(({ state }) => state !== 'concluded')
    .map(({ id, at, state }) => `${id} of ${at} is ${state ?? 'unknown'}`);
}

interface Pair {
  readonly serving: string;
  readonly home: string;
  readonly kind: string;
  readonly open: number;
  readonly inCase: number;
}

/** What head office has not matched of today. */
async function unmatched(hq: Desk): Promise<string[]> {
  const today = new Date().toLocaleDateString('en-CA', { timeZone: 'Europe/Moscow' });
  const pairs = async (): Promise<Pair[]> =>
    (await hq.get(`/api/v1/reconciliations/${today}`)).pairs.filter(
      ({ open, inCase }: Pair) => open + inCase > 0,
    );
  await until('all legs are matched', async () => (await pairs()).length === 0).catch(() => {});
  return (await pairs()).map((pair) => `not matched: ${JSON.stringify(pair)}`);
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
