import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import { askApi, type PersonAnswer, signIn } from './template.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** What a person asks a node for, and what came of it. */
export interface Wish {
  readonly number: number;
  readonly code: NodeCode;
  readonly what: string;
  readonly login: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
  readonly key?: string;
  tries: number;
  readonly begunAtMs: number;
  /** How often the node had been set back when it was first asked: nobody repeats a request over that. */
  readonly setBacks: number;
  outcome: 'open' | 'done' | 'refused' | 'unknown';
  /** A try whose answer was lost may have been done. */
  isUnsure: boolean;
  answer?: PersonAnswer;
  answeredAtMs?: number;
  /** It was durable at one node only, and that was set back: the receipt says so. */
  isForgotten: boolean;
}

export type WishDraft = Pick<Wish, 'code' | 'what' | 'path'> &
  Partial<Pick<Wish, 'login' | 'method' | 'body'>>;

const maxTries = 4;
const patienceMs = 4_000;
const retryMinMs = 100;
const retryMaxMs = 1_500;

export type People = ReturnType<typeof createPeople>;

/** Persons at the desks: they repeat what was not answered, under the same key, and give up some time. */
export function createPeople(deps: {
  timeline: Timeline;
  chance: Chance;
  trace: Trace;
  machines: ReadonlyMap<NodeCode, Machine>;
  setBacksOf: (code: NodeCode) => number;
  /** Share of requests, and of answers, that are lost between a desk and its own node. */
  lost: (code: NodeCode) => number;
  fault: (text: string) => void;
}) {
  const { timeline, chance, trace, machines } = deps;
  const wishes: Wish[] = [];

  function wish(draft: WishDraft, then: (wish: Wish) => void = () => {}): Wish {
    const made: Wish = {
      ...{ login: 'manager', method: 'POST', ...draft },
      number: wishes.length + 1,
      key: `key-${chance.hex(6)}`,
      ...{ tries: 0, outcome: 'open', isUnsure: false, isForgotten: false },
      begunAtMs: timeline.nowMs(),
      setBacks: deps.setBacksOf(draft.code),
    };
    wishes.push(made);
    ask(made, then);
    return made;
  }

  function again(made: Wish, then: (wish: Wish) => void): void {
    if (made.tries >= maxTries) return void end(made, 'unknown', then);
    timeline.after(chance.between(retryMinMs, retryMaxMs), () => ask(made, then));
  }

  function end(made: Wish, outcome: Wish['outcome'], then: (wish: Wish) => void): void {
    made.outcome = outcome;
    made.answeredAtMs = timeline.nowMs();
    const { status, body } = made.answer ?? {};
    const said = outcome === 'unknown' ? '' : ` ${status} ${body?.code ?? body?.state ?? ''}`;
    trace.note(made.code, `wish ${made.number} ${made.what} ${outcome}${said}`);
    then(made);
  }

  function ask(made: Wish, then: (wish: Wish) => void): void {
    if (deps.setBacksOf(made.code) !== made.setBacks) return void end(made, 'unknown', then);
    made.tries += 1;
    const node = machines.get(made.code)?.node();
    if (!node || chance.happens(deps.lost(made.code))) return void again(made, then);
    let isOver = false;
    const cancel = timeline.after(patienceMs, () => {
      isOver = true;
      made.isUnsure = true;
      again(made, then);
    });
    const isLost = chance.happens(deps.lost(made.code));
    askApi(node, made).then(
      (answer) => {
        if (isOver || isLost) return;
        isOver = true;
        cancel();
        made.answer = answer;
        take(made, answer, then);
      },
      (error: unknown) => deps.fault(`${made.code} ${made.what} threw ${String(error)}`),
    );
  }

  function take(made: Wish, answer: PersonAnswer, then: (wish: Wish) => void): void {
    const { status, body } = answer;
    if (status < 300) return void end(made, 'done', then);
    if (status === 500) deps.fault(`${made.code} answers 500 to ${made.what}`);
    if (status === 401) {
      const node = machines.get(made.code)?.node();
      // A store that fails now is asked again with the request itself.
      if (node) signIn(node, made.login).catch(() => undefined);
      return void again(made, then);
    }
    if (status >= 500 && body?.code !== 'home-unreachable') {
      made.isUnsure = true;
      return void again(made, then);
    }
    return void end(made, 'refused', then);
  }

  return { wishes, wish };
}

export const isBranchCode = (code: NodeCode): boolean => code !== headOffice;
