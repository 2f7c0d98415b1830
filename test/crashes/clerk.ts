import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, send } from '../support/federation.ts';
import { authorizationAt, type DescribedNode } from '../support/processes.ts';

/** Somebody at a desk, and what he was answered: that is what the stores are held against. */

const requestMaxMs = 60_000;
const answeredMaxMs = 900_000;
const tryPauseMs = 150;

export interface Wish {
  readonly method?: 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
}

/** One wish under one key, with the answer that ended it. */
export interface Answered {
  readonly node: string;
  readonly wish: Wish;
  readonly key: string;
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails if it is not there
  readonly body: any;
  readonly tries: number;
}

export interface Clerk {
  readonly node: DescribedNode;
  /** Repeats the wish under its key until it is granted or refused. @throws Error when nobody ever answers. */
  ask(wish: Wish, key?: string): Promise<Answered>;
  get(path: string): Promise<Answer>;
  /** Once, and only if somebody answers. */
  tryGet(path: string): Promise<Answer | undefined>;
}

/** What says nothing of the wish yet: no answer, a node that recovers or has too much to do. */
const isAnswer = ({ status }: Answer) => status < 500 && status !== 429;

export async function clerkAt(node: DescribedNode, login = 'manager'): Promise<Clerk> {
  const { code, url } = node;
  const authorization = await authorizationAt(node, login);

  async function once(method: string, path: string, more: { key?: string; body?: object } = {}) {
    const { key, body } = more;
    const headers = { authorization, ...(key === undefined ? {} : { 'idempotency-key': key }) };
    const late = pause(requestMaxMs, undefined, { ref: false });
    const sent = send(url, method, path, { headers, ...(body === undefined ? {} : { body }) });
    return Promise.race([sent.catch(() => undefined), late]);
  }

  async function untilAnswered(
    what: string,
    attempt: () => Promise<Answer | undefined>,
  ): Promise<Answer & { tries: number }> {
    const deadline = performance.now() + answeredMaxMs;
    let last: Answer | undefined;
    for (let tries = 1; performance.now() < deadline; tries += 1) {
      const answer = await attempt();
      if (answer && isAnswer(answer)) return { ...answer, tries };
      last = answer ?? last;
      await pause(tryPauseMs);
    }
    throw new Error(`${code}: ${what} never answered: ${JSON.stringify(last?.body)}`);
  }

  return {
    node,
    async ask(wish, key = randomUUID()) {
      const { method = 'POST', path, body } = wish;
      const more = { key, ...(body === undefined ? {} : { body }) };
      const answer = await untilAnswered(`${method} ${path}`, () => once(method, path, more));
      return { node: code, wish, key, ...answer };
    },
    get: (path) => untilAnswered(`GET ${path}`, () => once('GET', path)),
    tryGet: (path) => once('GET', path),
  };
}
