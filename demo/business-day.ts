import { setTimeout as pause } from 'node:timers/promises';
import { type ApiClient, made } from './api-client.ts';
import { type ListedNode, signInAt, startAgain } from './federation-file.ts';

/** A business day, played by many hands at all branches at once. */

const handsAtOnce = 48;
const pollMs = 200;
const waitMaxMs = 180_000;
/** Of a thousand turns: what is not a plain payment. */
const perMille = {
  wrongNumber: 12,
  foreignNumber: 8,
  cancellation: 20,
  simReplacement: 6,
} as const;
const outageFrom = 0.35;
const outageTo = 0.6;

export interface BranchDesk {
  readonly node: ListedNode;
  client: ApiClient;
  readonly subscribers: readonly string[];
  readonly spareCards: string[];
}

export interface DayTally {
  readonly taken: number;
  readonly crossBranch: number;
  readonly acceptedUnverified: number;
  readonly refusedAtOnce: Readonly<Record<string, number>>;
  readonly cancellations: number;
  readonly simReplacements: number;
  readonly notReached: number;
  readonly outage: string;
  readonly seconds: number;
}

/** A small seeded generator (mulberry32): the same seed plays the same day. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export async function openDesks(branches: readonly ListedNode[]): Promise<BranchDesk[]> {
  return Promise.all(
    branches.map(async (node) => {
      const client = await signInAt(node, 'manager');
      const subscribers = await listAll(client, '/api/v1/subscribers?query=7&limit=200', 'msisdn');
      const cards = await listAll(client, '/api/v1/sim-cards?state=in-stock&limit=200', 'iccid');
      return { node, client, subscribers, spareCards: cards.slice(0, 100) };
    }),
  );
}

async function listAll(client: ApiClient, path: string, member: string): Promise<string[]> {
  const { items } = made(await client.get(path), path) as { items: Record<string, string>[] };
  return items.flatMap((item) => item[member] ?? []);
}

export async function playDay(
  desks: readonly BranchDesk[],
  { payments, seed, say }: { payments: number; seed: number; say: (line: string) => void },
): Promise<DayTally> {
  const random = seeded(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const victim = pick(desks);
  const refusedAtOnce: Record<string, number> = {};
  const tally = {
    ...{ taken: 0, crossBranch: 0, acceptedUnverified: 0, cancellations: 0 },
    ...{ simReplacements: 0, notReached: 0 },
  };
  const started = performance.now();
  let turn = 0;
  let outage: Promise<void> = Promise.resolve();
  let isDown = false;

  async function oneTurn(): Promise<void> {
    turn += 1;
    if (turn === Math.floor(payments * outageFrom)) {
      isDown = true;
      process.kill(victim.node.pid, 'SIGKILL');
      say(`  ${victim.node.code} is killed after ${turn} payments`);
    }
    if (turn === Math.floor(payments * outageTo)) {
      startAgain(victim.node);
      say(`  ${victim.node.code} is started again after ${turn} payments`);
      outage = untilReady(victim).then(() => {
        isDown = false;
      });
    }
    const desk = pick(desks.filter((each) => each !== victim || !isDown));
    const home = pick(desks);
    const subscriber = pick(home.subscribers);
    const roll = Math.floor(random() * 1_000);
    const roubles = 10 + Math.floor(random() * 1_990);
    await serve(desk, { home, msisdn: numberFor(roll, subscriber), roubles, roll });
  }

  async function serve(
    desk: BranchDesk,
    what: { home: BranchDesk; msisdn: string; roubles: number; roll: number },
  ): Promise<void> {
    const answer = await desk.client
      .post('/api/v1/payments', {
        msisdn: what.msisdn,
        money: { amount: `${what.roubles}.00`, currency: 'RUB' },
        tender: { kind: what.roll % 3 === 0 ? 'card' : 'cash' },
      })
      .catch(() => undefined);
    if (!answer) {
      tally.notReached += 1;
      return;
    }
    if (answer.status !== 201) {
      const code = String(answer.body.code);
      refusedAtOnce[code] = (refusedAtOnce[code] ?? 0) + 1;
      return;
    }
    tally.taken += 1;
    if (desk !== what.home) tally.crossBranch += 1;
    if (isDown && what.home === victim) tally.acceptedUnverified += 1;
    await followUp(desk, what, String(answer.body.operationId));
  }

  /** Some payments are cancelled again, some subscribers get another card. */
  async function followUp(
    desk: BranchDesk,
    { msisdn, roll }: { msisdn: string; roll: number },
    operationId: string,
  ): Promise<void> {
    const { cancellation, simReplacement } = perMille;
    if (roll >= 1_000 - cancellation) {
      const path = `/api/v1/payments/${operationId}/cancellation`;
      const answer = await desk.client
        .post(path, { reason: 'wrong amount' })
        .catch(() => undefined);
      if (answer?.status === 201) tally.cancellations += 1;
    } else if (roll >= 1_000 - cancellation - simReplacement) {
      const iccid = desk.spareCards.pop();
      if (!iccid) return;
      const wish = { msisdn, iccid };
      const answer = await desk.client
        .post('/api/v1/sim-replacements', wish)
        .catch(() => undefined);
      if (answer?.status === 201) tally.simReplacements += 1;
    }
  }

  const hands = Array.from({ length: handsAtOnce }, async () => {
    while (turn < payments) await oneTurn();
  });
  await Promise.all(hands);
  await outage;
  const seconds = (performance.now() - started) / 1_000;
  return { ...tally, refusedAtOnce, outage: victim.node.code, seconds };
}

/** A few numbers are wrong: nobody has them, or another operator has. */
function numberFor(roll: number, subscriber: string): string {
  if (roll < perMille.wrongNumber) return `${subscriber.slice(0, 7)}9${subscriber.slice(8)}`;
  if (roll < perMille.wrongNumber + perMille.foreignNumber) return '79000000001';
  return subscriber;
}

async function untilReady(desk: BranchDesk): Promise<void> {
  await until(`${desk.node.code} is ready`, async () => {
    const answer = await fetch(`${desk.node.url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  });
  desk.client = await signInAt(desk.node, 'manager');
}

/** Every operation has its answer, and every stream nothing left to say. */
export async function untilQuiet(desks: readonly BranchDesk[], head: ApiClient): Promise<void> {
  await until('everything is quiet', async () => {
    for (const client of [...desks.map((desk) => desk.client), head]) {
      const streams = made(await client.get('/api/v1/streams'), 'streams');
      const items = streams.items as { behind: number; recovering?: boolean }[];
      if (items.some(({ behind, recovering }) => behind > 0 || recovering)) return false;
    }
    for (const { client } of desks) {
      const waiting = made(
        await client.get('/api/v1/operations?state=accepted&limit=1'),
        'waiting',
      );
      if ((waiting.items as unknown[]).length > 0) return false;
    }
    return true;
  });
}

export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + waitMaxMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`${waitMaxMs / 1000} s and still not: ${what}`);
    await pause(pollMs);
  }
}
