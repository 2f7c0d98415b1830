import { DomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { type Clock, instantOf, now } from '../time/clock.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import {
  deleteAnswersBefore,
  findAnswer,
  insertAnswer,
  type KeyScope,
} from './idempotency-store.ts';

const keyPattern = /^[\x20-\x7e]{1,128}$/;
/** Callers are promised seven days; a day more for clocks and weekends. */
const keptMs = 8 * 24 * 3_600_000;
const maxPurgedAnswers = 1_000;

/** What a caller named its request with, if it did. */
export interface OperationKey {
  readonly key?: string;
  /** Of the person, the request, the key and the body: what the log may tell of it. */
  readonly sha256?: string;
}

/** The one write of a request, under its `Idempotency-Key` if it has one. */
export interface Idempotency<Answer> {
  /**
   * `store.write`; under a key, the answer of `fn` is stored in the same transaction, and a repeat
   * gets it without `fn` running again. A refusal is not stored: it did nothing, and may be tried
   * again. Call it once a request.
   * @throws DomainError `idempotency-key-reused` for the same key with another body.
   */
  write(fn: (tx: Transaction, key: OperationKey) => Promise<Answer>): Promise<Answer>;
}

/** The answer again for an operation whose log entry names this key. */
export type Recall<Answer> = (tx: Reader, keySha256: string) => Promise<Answer | undefined>;

export interface KeyedRequest<Answer> {
  readonly scope: KeyScope;
  /** The parsed JSON as it came. */
  readonly body: unknown;
  readonly status: number;
  /** Asked when the node holds no answer under the key: a set-back takes keys away, peers give entries back. */
  readonly recall?: Recall<Answer> | undefined;
}

export interface KeyedWrite<Answer> extends Idempotency<Answer> {
  /**
   * What the same request was answered before. To be asked first: what the handler checks before its
   * write, as with another branch, may be refused by now, and the first answer would seem untrue.
   * @throws DomainError `idempotency-key-reused`.
   */
  answered(): Promise<{ readonly answer: Answer } | undefined>;
  /** The status of the first answer, once a repeat was answered with it. */
  readonly replayed: { status: number } | undefined;
}

/** @throws DomainError `invalid-input` naming `Idempotency-Key`. */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || keyPattern.test(header)) return header;
  const message = 'must be 1 to 128 printable ASCII characters';
  throw new DomainError('invalid-input', `Idempotency-Key ${message}.`, {
    errors: [{ field: 'Idempotency-Key', message }],
  });
}

export function createIdempotency({ store, clock }: { store: Store; clock: Clock }) {
  return {
    /** A plain `store.write` without a request: for requests without a key. */
    begin<Answer>(request: KeyedRequest<Answer> | undefined): KeyedWrite<Answer> {
      if (!request) {
        return {
          replayed: undefined,
          answered: async () => undefined,
          write: (fn) => store.write((tx) => fn(tx, {})),
        };
      }
      const { scope, status, recall } = request;
      const bodySha256 = bodyHash(request.body);
      const keySha256 = sha256(canonicalJson({ ...scope, bodySha256 }));
      let replayed: { status: number } | undefined;

      async function earlier(tx: Reader): Promise<{ answer: Answer } | undefined> {
        const before = await findAnswer(tx, scope);
        if (!before) return recalled(tx);
        if (before.bodySha256 !== bodySha256) throw new DomainError('idempotency-key-reused');
        replayed = { status: before.status };
        return { answer: JSON.parse(before.answer) };
      }

      async function recalled(tx: Reader): Promise<{ answer: Answer } | undefined> {
        const answer = await recall?.(tx, keySha256);
        if (answer === undefined) return undefined;
        replayed = { status };
        return { answer };
      }

      return {
        get replayed() {
          return replayed;
        },
        answered: () => store.read(earlier),
        write: (fn) =>
          store.write(async (tx) => {
            const before = await earlier(tx);
            if (before) return before.answer;
            const made = await fn(tx, { key: scope.key, sha256: keySha256 });
            const answer = JSON.stringify(made ?? null);
            await insertAnswer(tx, { ...scope, bodySha256, status, answer, at: now(clock) });
            return made;
          }),
      };
    },

    /** Forgets the oldest answers past their time, a bounded number at once. @returns how many. */
    purge: (tx: Transaction): Promise<number> =>
      deleteAnswersBefore(tx, {
        before: instantOf(clock.nowMs() - keptMs),
        at: now(clock),
        limit: maxPurgedAnswers,
      }),
  };
}

function bodyHash(body: unknown): string {
  try {
    return sha256(canonicalJson(Object(body ?? {})));
  } catch (cause) {
    // RFC 8785, 3.2.2.2: a lone surrogate has no canonical form.
    const errors = [{ field: 'body', message: 'has a text that is not Unicode' }];
    throw new DomainError('invalid-input', undefined, { errors, cause });
  }
}
