import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, cash, send, until } from './federation.ts';

/** One payment under one key, with everything that was said about it; `undefined` where nobody answered. */
export interface Tried {
  readonly key: string;
  readonly msisdn: string;
  readonly answers: (Answer | undefined)[];
}

export interface Recorder {
  readonly tried: readonly Tried[];
  granted(): readonly Tried[];
  /** Nobody begins anything new; what was not granted is asked again until it is. */
  end(): Promise<void>;
}

const retryPauseMs = 50;
const grantedMaxMs = 120_000;

export const idOf = ({ answers }: Tried): string | undefined =>
  answers.find((answer) => answer?.status === 201)?.body.operationId;

/** People at one desk who pay without a break, and whose programs write down each answer. */
export function recordPayments(
  { url, authorization }: { url: string; authorization: string },
  { people, numbers }: { people: number; numbers: readonly string[] },
): Recorder {
  const tried: Tried[] = [];
  let over = false;
  async function attempt({ key, msisdn, answers }: Tried): Promise<boolean> {
    const headers = { authorization, 'idempotency-key': key };
    const body = { msisdn, ...cash('1.00') };
    const sent = send(url, 'POST', '/api/v1/payments', { headers, body });
    const answer = await sent.catch(() => undefined);
    answers.push(answer);
    if (answer?.status !== 201) await pause(retryPauseMs);
    return answer?.status === 201;
  }
  async function person(from: number): Promise<void> {
    for (let turn = from; !over; turn += people) {
      const msisdn = String(numbers[turn % numbers.length]);
      const wish = { key: randomUUID(), msisdn, answers: [] };
      tried.push(wish);
      while (!(await attempt(wish)) && !over);
    }
  }
  const all = Array.from({ length: people }, (_, index) => person(index));
  const granted = () => tried.filter((wish) => idOf(wish) !== undefined);
  return {
    tried,
    granted,
    async end(): Promise<void> {
      over = true;
      await Promise.all(all);
      for (const wish of tried.filter((each) => idOf(each) === undefined)) {
        await until('it is granted', () => attempt(wish), grantedMaxMs);
      }
    },
  };
}
