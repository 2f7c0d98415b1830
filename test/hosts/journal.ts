import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { DemoNode } from '../../demo/node-process.ts';
import { staffOf } from '../../demo/staff.ts';

/** What was asked at every desk, and what was answered: a request is repeated under its key until it has its answer. */

const requestMaxMs = 15_000;
const retryMs = 500;

export interface Wish {
  readonly what: 'payment' | 'wrong-number' | 'cancellation' | 'refund' | 'redirection' | Order;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Order = 'delivery' | 'sim-replacement' | 'rate-plan-change' | 'registration';

export interface Entry extends Wish {
  readonly branch: string;
  readonly key: string;
  readonly tries: number;
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is judged against the model
  readonly answer: any;
}

export interface Teller {
  readonly code: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is judged against the model
  get(path: string): Promise<any>;
  ask(wish: Wish): Promise<Entry>;
}

export interface Journal {
  readonly entries: readonly Entry[];
  readonly repeats: number;
  teller(node: DemoNode, login?: string): Teller;
}

/** Neither done nor refused: nobody knows until it is asked again. 408 is the HTTP server's, not the branch's. */
const isOpen = (status: number) => [401, 408, 429].includes(status) || status >= 500;

export function createJournal(file: string): Journal {
  const entries: Entry[] = [];
  let repeats = 0;

  function teller(node: DemoNode, login = 'manager'): Teller {
    let token: string | undefined;

    async function call(method: string, path: string, request: { body?: object; key?: string }) {
      const response = await fetch(node.url + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(request.key === undefined ? {} : { 'idempotency-key': request.key }),
          ...(request.body ? { 'content-type': 'application/json' } : {}),
        },
        ...(request.body ? { body: JSON.stringify(request.body) } : {}),
        signal: AbortSignal.timeout(requestMaxMs),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
    }

    async function signIn(): Promise<void> {
      const operator = staffOf(node).find((each) => each.login === login);
      const body = { login, password: operator?.password };
      const session = await call('POST', '/api/v1/sessions', { body });
      token = session.status === 201 ? String(session.body.token) : undefined;
    }

    async function answered(
      method: string,
      path: string,
      request: { body?: object; key?: string },
    ) {
      for (let tries = 1; ; tries += 1) {
        try {
          if (token === undefined) await signIn();
          const answer = await call(method, path, request);
          if (!isOpen(answer.status)) return { ...answer, tries };
          if (answer.status === 401) token = undefined;
        } catch {
          // Not reached, cut off, or too late: the same again.
        }
        repeats += 1;
        await pause(retryMs);
      }
    }

    return {
      code: node.code,
      get: async (path) => (await answered('GET', path, {})).body,
      async ask(wish) {
        const key = randomUUID();
        const { status, body, tries } = await answered('POST', wish.path, { body: wish.body, key });
        const entry = { ...wish, branch: node.code, key, tries, status, answer: body };
        entries.push(entry);
        appendFileSync(file, `${JSON.stringify(entry)}\n`);
        return entry;
      },
    };
  }

  return {
    entries,
    get repeats() {
      return repeats;
    },
    teller,
  };
}
