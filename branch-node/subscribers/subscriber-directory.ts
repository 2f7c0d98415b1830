import { z } from 'zod';
import type { Principal } from '../../shared/access/operator.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import { nodeCode } from '../../shared/wire/peer-messages.ts';
import type { CustomerData } from './customer.ts';
import type { HomeQuestions } from './home-questions.ts';
import {
  type Payability,
  type SubscriberCard,
  type SubscriberHistory,
  subscriberCard,
  subscriberHistory,
  verifiedPayability,
} from './subscriber-card.ts';
import { type ListedSubscriber, searchAnswer, searchPath } from './subscriber-list-view.ts';
import type { SubscriberService } from './subscriber-service.ts';

/** How often a number that moved is followed. */
const maxMoves = 3;

const enteredCustomer = z.object({ customerId: z.string().max(64), msisdn: z.string() });

/** How a question is answered by this branch, and by another one. */
interface Places<Answer> {
  here(tx: Reader): Promise<Answer>;
  elsewhere(home: NodeCode): Promise<Answer>;
}

const get = (path: string) => ({ method: 'GET', path }) as const;

export type SubscriberDirectory = ReturnType<typeof createSubscriberDirectory>;

/**
 * Any subscriber of the federation: the own ones from the store, the others live from their home
 * branch.
 */
export function createSubscriberDirectory(deps: {
  node: NodeCode;
  store: Store;
  subscribers: SubscriberService;
  questions: HomeQuestions;
}) {
  const { node, store, subscribers, questions } = deps;

  /** Looks where the number lives, and where it has moved to. */
  async function look<Answer>(msisdn: string, at: Places<Answer>): Promise<Answer> {
    let home: NodeCode | undefined;
    for (let moves = 0; ; moves += 1) {
      try {
        if (home !== undefined && home !== node) return await at.elsewhere(home);
        const found: { answer: Answer } | { home: NodeCode } = await store.read(async (tx) => {
          const there = home ?? (await subscribers.homeOf(tx, msisdn));
          return there === node ? { answer: await at.here(tx) } : { home: there };
        });
        if ('answer' in found) return found.answer;
        home = found.home;
        return await at.elsewhere(home);
      } catch (error) {
        if (!isDomainError(error, 'subscriber-moved') || moves === maxMoves) throw error;
        const movedTo = nodeCode.safeParse(error.members.movedTo).data;
        if (movedTo === undefined || movedTo === home) throw error;
        home = movedTo;
      }
    }
  }

  /**
   * A subscriber's card, as far as the person's permissions allow.
   * @throws DomainError `unknown-number`, `foreign-number`, `home-unreachable`.
   */
  function card(msisdn: string, principal: Principal): Promise<SubscriberCard> {
    return look(msisdn, {
      here: (tx) => subscribers.cardOf(tx, msisdn, principal.permissions),
      elsewhere: async (home) => {
        const path = `/peer/v1/subscribers/${msisdn}`;
        return readAnswer(subscriberCard, await questions.ask(home, principal, get(path)));
      },
    });
  }

  /**
   * What became of a subscriber, as his home branch tells it.
   * @throws DomainError `unknown-number`, `foreign-number`, `home-unreachable`.
   */
  function history(msisdn: string, principal: Principal): Promise<SubscriberHistory> {
    return look(msisdn, {
      here: (tx) => subscribers.historyOf(tx, msisdn, principal.permissions),
      elsewhere: async (home) => {
        const path = `/peer/v1/subscribers/${msisdn}/changes`;
        return readAnswer(subscriberHistory, await questions.ask(home, principal, get(path)));
      },
    });
  }

  /**
   * May this number be paid, and whose is it (masked)? Unverified when its home branch does not
   * say.
   * @throws DomainError `unknown-number`, `foreign-number`.
   */
  async function payability(msisdn: string, principal: Principal): Promise<Payability> {
    try {
      return await look<Payability>(msisdn, {
        here: (tx) => subscribers.payabilityOf(tx, msisdn),
        elsewhere: async (home) => {
          const path = `/peer/v1/subscribers/${msisdn}/payability`;
          return readAnswer(verifiedPayability, await questions.ask(home, principal, get(path)));
        },
      });
    } catch (error) {
      if (isDomainError(error, 'home-unreachable')) return { verified: false };
      throw error;
    }
  }

  /**
   * Whom another branch finds; nothing of it stays here.
   * @throws DomainError `home-unreachable`, `invalid-input`.
   */
  async function searchAt(
    branch: NodeCode,
    query: string,
    principal: Principal,
  ): Promise<ListedSubscriber[]> {
    const asked = { method: 'POST', path: searchPath, body: { query } } as const;
    return readAnswer(searchAnswer, await questions.ask(branch, principal, asked)).items;
  }

  /**
   * Gives personal data to the home branch, which keeps it and a number for it; nothing of it stays
   * here.
   * @throws DomainError `home-unreachable`, `number-taken`, `invalid-input`.
   */
  async function enterCustomer(
    home: NodeCode,
    principal: Principal,
    entry: { requestId: string; customer: CustomerData; msisdn?: string | undefined },
  ): Promise<{ customerId: string; msisdn: string }> {
    const path = '/peer/v1/customers';
    const answer = await questions.ask(home, principal, { method: 'POST', path, body: entry });
    return readAnswer(enteredCustomer, answer);
  }

  return { card, history, payability, searchAt, enterCustomer };
}

function readAnswer<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new DomainError('home-unreachable', 'The home branch answers what this node cannot read.');
}
