import { DomainError, type ProblemCode } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Clock, instantOf } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Audit } from './audit.ts';
import {
  lockoutMs,
  nextTry,
  normalLogin,
  type Operator,
  type OperatorWithPassword,
} from './operator.ts';
import {
  deleteTries,
  deleteTriesBefore,
  findOperator,
  findTries,
  saveTries,
} from './operator-store.ts';
import type { Passwords } from './passwords.ts';
import { createRateLimit } from './rate-limit.ts';

/** An office signs in from one address; a guesser does not get far with this many. */
const maxFailedTriesPerSource = 50;
const maxSources = 10_000;

export interface Credentials {
  readonly login: string;
  readonly password: string;
  /** Where the request came from: an IP address. */
  readonly source: string;
  readonly traceId?: string | undefined;
}

type Attempt = { readonly lockedForMs: number } | { readonly found?: OperatorWithPassword };

interface SignInDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly passwords: Passwords;
  readonly serverName: string;
}

/**
 * Tells the right password of the right login from everything else, and rests logins that are being
 * guessed.
 */
export function createSignIn(deps: SignInDeps) {
  const { store, clock, passwords } = deps;
  const sources = createRateLimit({
    clock,
    maxPerWindow: maxFailedTriesPerSource,
    windowMs: lockoutMs,
    maxKeys: maxSources,
  });

  return {
    /**
     * Checks the credentials and hands the operator to `open`, in whose transaction the tries are
     * forgotten.
     * @throws DomainError `wrong-credentials`, `locked-out` (with `retryAfterSeconds`),
     * `overloaded`.
     */
    async signIn<T>(
      credentials: Credentials,
      open: (tx: Transaction, operator: Operator) => Promise<T>,
    ): Promise<T> {
      const { login, password, source } = credentials;
      passwords.admit();
      const waitMs = sources.take(source);
      if (waitMs > 0) throw lockedOut(waitMs);
      const attempt = await store.write((tx) => begin(deps, tx, credentials));
      if ('lockedForMs' in attempt) throw lockedOut(attempt.lockedForMs);
      const { found } = attempt;
      const isRight = await passwords.verify(password, found?.passwordHash);

      const opened = await store.write(async (tx) => {
        // The operator may have been disabled, or the password changed, while this one was hashed.
        const operator = found && (await findOperator(tx, found.login));
        const unchanged = operator?.passwordHash === found?.passwordHash;
        if (!isRight || !operator || operator.disabled || !unchanged) {
          await recordDenied(deps, tx, { who: found, reason: 'wrong-credentials', credentials });
          return undefined;
        }
        await deleteTries(tx, sha256(normalLogin(login)));
        return { session: await open(tx, operator) };
      });
      if (!opened) throw new DomainError('wrong-credentials');
      sources.giveBack(source);
      return opened.session;
    },
  };
}

async function begin(
  deps: SignInDeps,
  tx: Transaction,
  credentials: Credentials,
): Promise<Attempt> {
  const login = normalLogin(credentials.login);
  const key = sha256(login);
  const nowMs = deps.clock.nowMs();
  await deleteTriesBefore(tx, instantOf(nowMs - lockoutMs));
  const found = await findOperator(tx, login);
  const next = nextTry(await findTries(tx, key), nowMs);
  if ('lockedForMs' in next) {
    await recordDenied(deps, tx, { who: found, reason: 'locked-out', credentials });
    return next;
  }
  await saveTries(tx, key, next.tries);
  return found ? { found } : {};
}

async function recordDenied(
  { audit, serverName }: SignInDeps,
  tx: Transaction,
  denial: { who: Operator | undefined; reason: ProblemCode; credentials: Credentials },
) {
  const { who, reason, credentials } = denial;
  const { source, traceId } = credentials;
  // What was typed as an unknown login may be a password: it is not written down.
  const actor = { id: who?.id ?? '-', name: who?.name ?? 'unknown login', node: serverName };
  await audit.record(tx, {
    ...{ actor, action: 'session.sign-in', subject: who?.login, outcome: 'denied' },
    ...{ detail: { reason, source }, traceId },
  });
}

function lockedOut(waitMs: number): DomainError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const detail = `Too many failed sign-ins. Try again in ${Math.ceil(waitMs / 60_000)} min.`;
  return new DomainError('locked-out', detail, { members: { retryAfterSeconds } });
}
