import { luhnDigit } from '../../shared/ids/ids.ts';
import { customer } from '../support/federation.ts';
import type { DescribedNode } from '../support/processes.ts';
import { type Answered, type Clerk, clerkAt, type Wish } from './clerk.ts';

/** Who works where, whom they serve and with what, and everything that they were answered. */

const deliverySize = 1_500;
const firstSerial = 500_000;

export interface Shop {
  readonly code: string;
  readonly clerk: Clerk;
  readonly subscribers: string[];
  readonly cards: string[];
  /** Payments that were taken here and nobody asked back yet. */
  readonly payments: string[];
  /** The next date back in time that is not closed yet. */
  nextDate: Date;
}

export interface Town {
  readonly shops: readonly Shop[];
  readonly maker: Clerk;
  readonly checker: Clerk;
  readonly answered: Answered[];
  /** What no store has to show: two answers to one question. */
  readonly faults: string[];
  /** Operations whose case people ended: they are not matched any more. */
  readonly adjusted: Set<string>;
  /** Operations that were there before anybody asked. */
  readonly known: ReadonlySet<string>;
}

export async function settleTown(nodes: readonly DescribedNode[]): Promise<Town> {
  const [centre, ...branches] = nodes;
  if (!centre) throw new Error('no head office');
  const shops = await Promise.all(branches.map((node, index) => openShop(node, index)));
  const known = new Set<string>();
  for (const { clerk } of shops) for (const id of await operationsOf(clerk)) known.add(id);
  const [maker, checker] = [await clerkAt(centre), await clerkAt(centre, 'deputy')];
  return { shops, maker, checker, answered: [], faults: [], adjusted: new Set(), known };
}

async function operationsOf(clerk: Clerk): Promise<string[]> {
  const ids: string[] = [];
  let next = '';
  do {
    const { body } = await clerk.get(`/api/v1/operations?limit=200${next}`);
    ids.push(...body.items.map(({ operationId }: { operationId: string }) => operationId));
    next = body.next === null ? '' : `&cursor=${encodeURIComponent(body.next)}`;
  } while (next !== '');
  return ids;
}

async function openShop(node: DescribedNode, index: number): Promise<Shop> {
  const clerk = await clerkAt(node);
  const { items } = (await clerk.get('/api/v1/subscribers?query=7&limit=200')).body;
  const subscribers = items.map(({ msisdn }: { msisdn: string }) => msisdn);
  const last = Math.max(...subscribers.map(Number));
  const cards = Array.from({ length: deliverySize }, (_, nth) => newCard(index, firstSerial + nth));
  const stocked = await clerk.ask({ path: '/api/v1/sim-cards', body: { cards } });
  const numbers = cards.map((_, nth) => String(last + 10_000 + nth));
  const added = await clerk.ask({ path: '/api/v1/numbers', body: { numbers } });
  if (stocked.status !== 201 || added.status !== 201) {
    throw new Error(JSON.stringify([stocked.body, added.body]));
  }
  return {
    ...{ code: node.code, clerk, subscribers, cards: cards.map(({ iccid }) => iccid) },
    ...{ payments: [], nextDate: new Date(Date.now() - 10 * 86_400_000) },
  };
}

function newCard(index: number, serial: number) {
  const digits = `8970299${String(60 + index)}${String(serial).padStart(9, '0')}`;
  return {
    iccid: digits + luhnDigit(digits),
    imsi: `25002${String(60 + index)}${String(serial).padStart(8, '0')}`,
  };
}

export type Pick = <T>(items: readonly T[]) => T;

/** Asks, keeps the answer, and now and then asks the same again as if it had been lost. */
export async function asked(
  town: Town,
  clerk: Clerk,
  { wish, isRepeated = false }: { wish: Wish; isRepeated?: boolean },
): Promise<Answered> {
  const first = await clerk.ask(wish);
  town.answered.push(first);
  if (!isRepeated || first.status >= 300) return first;
  const second = await clerk.ask(wish, first.key);
  if (second.status !== first.status || idOf(second) !== idOf(first)) {
    const said = `${second.status} ${JSON.stringify(second.body).slice(0, 200)}`;
    town.faults.push(`${first.node}: ${wish.path} ${idOf(first)}, asked again: ${said}`);
  }
  return first;
}

export function idOf({ body }: Answered): string {
  return String(body?.operationId ?? body?.id ?? body?.date ?? '');
}

/** What people come for at a shop, and how often of a thousand. */
export const errands: readonly {
  readonly perMille: number;
  wish(shop: Shop, town: Town, pick: Pick): Wish | undefined;
}[] = [
  { perMille: 500, wish: (_, { shops }, pick) => payment(pick(pick(shops).subscribers), pick) },
  { perMille: 150, wish: (shop, _, pick) => payment(pick(shop.subscribers), pick) },
  // Nobody has this number: refused at once, or later if its home branch cannot be asked.
  {
    perMille: 70,
    wish: (_, { shops }, pick) =>
      payment(String(Number(pick(pick(shops).subscribers)) + 400_000), pick),
  },
  {
    perMille: 80,
    wish: ({ payments }) => {
      const id = payments.shift();
      if (id === undefined) return undefined;
      return { path: `/api/v1/payments/${id}/cancellation`, body: { reason: 'wrong sum' } };
    },
  },
  {
    perMille: 40,
    wish: ({ cards }, { shops }, pick) => {
      const iccid = cards.shift();
      if (iccid === undefined) return undefined;
      const msisdn = pick(pick(shops).subscribers);
      return { path: '/api/v1/sim-replacements', body: { msisdn, iccid } };
    },
  },
  {
    perMille: 40,
    wish: ({ cards, code }, { shops }, pick) => {
      const iccid = cards.shift();
      if (iccid === undefined) return undefined;
      const homeBranch = pick([code, pick(shops).code]);
      const ratePlan = pick(['BASIC', 'UNLIMITED']);
      return { path: '/api/v1/subscribers', body: { homeBranch, iccid, ratePlan, customer } };
    },
  },
  {
    perMille: 40,
    wish: (_, { shops }, pick) => {
      const msisdn = pick(pick(shops).subscribers);
      const ratePlan = pick(['BASIC', 'UNLIMITED', 'SENIOR']);
      return { path: '/api/v1/rate-plan-changes', body: { msisdn, ratePlan } };
    },
  },
  {
    perMille: 30,
    wish: (_, { shops }, pick) => {
      const [msisdn, action] = [pick(pick(shops).subscribers), pick(['on', 'off'])];
      return { path: '/api/v1/service-changes', body: { msisdn, service: 'VOICEMAIL', action } };
    },
  },
  {
    perMille: 30,
    wish: (_, { shops }, pick) => {
      const [msisdn, action] = [pick(pick(shops).subscribers), pick(['block', 'unblock'])];
      return { path: '/api/v1/blocks', body: { msisdn, action } };
    },
  },
  {
    perMille: 20,
    wish: (shop) => {
      const date = shop.nextDate.toISOString().slice(0, 10);
      shop.nextDate = new Date(shop.nextDate.getTime() - 86_400_000);
      return { path: `/api/v1/business-days/${date}/close` };
    },
  },
];

function payment(msisdn: string, pick: Pick): Wish {
  const amount = `${10 + pick([...Array(90).keys()])}.00`;
  const money = { amount, currency: 'RUB' };
  return {
    path: '/api/v1/payments',
    body: { msisdn, money, tender: { kind: pick(['cash', 'card']) } },
  };
}
