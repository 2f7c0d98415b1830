import { setTimeout as pause } from 'node:timers/promises';
import { luhnDigit } from '../../shared/ids/ids.ts';
import type { Teller, Wish } from './journal.ts';

/** What the people at the desks of one branch do all day. */

const handsPerDesk = 6;
const deliveredCards = 1_500;
const firstSerial = 100_000;
const remembered = 200;

/** Of a thousand turns; the rest are payments. */
const perMille = {
  cancellation: 90,
  simReplacement: 50,
  ratePlanChange: 40,
  wrongNumber: 40,
  suspense: 40,
  registration: 15,
} as const;

const ratePlans = ['BASIC', 'SMART', 'UNLIMITED', 'SENIOR', 'FAMILY-PLUS', 'BUSINESS'];

export interface Town {
  readonly teller: Teller;
  /** Its own subscribers at the beginning. */
  readonly subscribers: readonly string[];
  /** Numbers of its own that nobody has; the first half stays so. */
  readonly freeNumbers: readonly string[];
}

export interface DeskDeps {
  readonly towns: readonly Town[];
  readonly random: () => number;
  /** Of one branch, in a second. */
  readonly perSecond: number;
  readonly isOver: () => boolean;
}

export async function playTown(town: Town, index: number, deps: DeskDeps): Promise<void> {
  const { towns, random, perSecond, isOver } = deps;
  const { teller } = town;
  const between = (low: number, high: number) => Math.floor(low + random() * (high - low));
  const pick = <T>(items: readonly T[]): T | undefined => items[between(0, items.length)];
  const cards = await receiveCards(teller, index);
  const pool = town.freeNumbers.slice(Math.floor(town.freeNumbers.length / 2));
  const taken: string[] = [];

  const anybody = () => pick(pick(towns)?.subscribers ?? []) ?? '';
  const payTo = (what: 'payment' | 'wrong-number', msisdn: string): Wish => ({
    what,
    path: '/api/v1/payments',
    body: {
      msisdn,
      money: { amount: `${between(1, 3_000)}.${between(10, 100)}`, currency: 'RUB' },
      tender: { kind: pick(['cash', 'card']) },
    },
  });

  async function workOffSuspense(): Promise<Wish | undefined> {
    const { items } = await teller.get('/api/v1/suspense?limit=20');
    const id = pick<{ operationId: string }>(items ?? [])?.operationId;
    if (id === undefined) return undefined;
    const path = `/api/v1/suspense/${id}`;
    return random() < 0.5
      ? { what: 'refund', path: `${path}/refund`, body: {} }
      : { what: 'redirection', path: `${path}/redirection`, body: { msisdn: anybody() } };
  }

  const turns: Record<keyof typeof perMille, () => Wish | undefined | Promise<Wish | undefined>> = {
    cancellation() {
      const id = pick(taken);
      if (id === undefined) return undefined;
      const path = `/api/v1/payments/${id}/cancellation`;
      return { what: 'cancellation', path, body: { reason: 'wrong sum' } };
    },
    simReplacement() {
      const iccid = cards.pop();
      if (iccid === undefined) return undefined;
      const body = { msisdn: anybody(), iccid };
      return { what: 'sim-replacement', path: '/api/v1/sim-replacements', body };
    },
    ratePlanChange: () => ({
      what: 'rate-plan-change',
      path: '/api/v1/rate-plan-changes',
      body: { msisdn: anybody(), ratePlan: pick(ratePlans) },
    }),
    wrongNumber() {
      const free = pick(towns)?.freeNumbers ?? [];
      return payTo('wrong-number', pick(free.slice(0, free.length / 2)) ?? '');
    },
    suspense: workOffSuspense,
    registration() {
      const [iccid, msisdn] = [cards.pop(), pool.pop()];
      if (iccid === undefined || msisdn === undefined) return undefined;
      const document = { type: 'passport-rf', number: `4501 ${between(100_000, 999_999)}` };
      const customer = { name: 'Новикова Анна', document };
      const body = { msisdn, iccid, ratePlan: 'BASIC', customer };
      return { what: 'registration', path: '/api/v1/subscribers', body };
    },
  };

  async function wish(): Promise<Wish | undefined> {
    let roll = random() * 1_000;
    for (const [name, share] of Object.entries(perMille)) {
      // The table's own keys.
      if (roll < share) return turns[name as keyof typeof perMille]();
      roll -= share;
    }
    return payTo('payment', anybody());
  }

  async function hand(): Promise<void> {
    while (!isOver()) {
      // Exponential: customers come one by one, not in step.
      await pause((-Math.log(1 - random()) * 1_000 * handsPerDesk) / perSecond);
      if (isOver()) break;
      const next = await wish();
      if (!next) continue;
      const { status, answer } = await teller.ask(next);
      if (status !== 201 || next.path !== '/api/v1/payments') continue;
      taken.push(String(answer.operationId));
      if (taken.length > remembered) taken.shift();
    }
  }

  await Promise.all(Array.from({ length: handsPerDesk }, hand));
}

/** Cards of a series that the demo does not use. */
async function receiveCards(teller: Teller, index: number): Promise<string[]> {
  const serials = Array.from({ length: deliveredCards }, (_, each) => firstSerial + each);
  const cards = serials.map((serial) => {
    const digits = `8970299${String(index).padStart(2, '0')}${String(serial).padStart(9, '0')}`;
    const imsi = `25002${String(index).padStart(2, '0')}${String(serial).padStart(8, '0')}`;
    return { iccid: digits + luhnDigit(digits), imsi };
  });
  // Not a wish of a customer: it stands in the journal like one, for the stock is counted.
  const delivery = { what: 'delivery', path: '/api/v1/sim-cards', body: { cards } } as const;
  await teller.ask(delivery);
  return cards.map(({ iccid }) => iccid);
}
