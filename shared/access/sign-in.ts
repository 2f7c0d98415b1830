import { DomainError, type ProblemCode } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Clock, instantOf, now } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Audit } from './audit.ts';
import { createDenialBound } from './denial-bound.ts';
import { normalLogin, type Operator, type OperatorWithPassword } from './operator.ts';
import { findOperator } from './operator-store.ts';
import type { Passwords } from './passwords.ts';
import { type Gate, gatesOf, lockoutMs, nextTry, placeOf, type Tries } from './sign-in-gates.ts';
import {
  findTries,
  forgetTries,
  forgetTriesBefore,
  isKnownPlace,
  rememberPlace,
  saveTries,
  takeBackTry,
} from './sign-in-store.ts';

/** How long a place stays known without a sign-in, and how many of an operator's are. */
const placeKnownMs = 30 * 24 * 3_600_000;
const maxKnownPlaces = 20;
/** Of each gate; wrong passwords, which the gates bound, are all written. */
const maxWrittenLockoutsPerMinute = 60;

export interface Credentials {
  readonly login: string;
  readonly password: string;
  /** Where the request came from: an IP address. */
  readonly source: string;
  readonly traceId?: string | undefined;
  /** What the password was asked for, in the audit trail; `session.sign-in` if absent. */
  readonly action?: string;
}

type Attempt =
  | { readonly lockedForMs: number }
  | { readonly found: OperatorWithPassword | undefined; readonly gates: readonly Gate[] };

interface SignInDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly passwords: Passwords;
  readonly serverName: string;
}

/**
 * Tells the right password of the right login from everything else, and rests what is being
 * guessed.
 */
export function createSignIn(deps: SignInDeps) {
  const { store, clock, audit, passwords, serverName } = deps;
  const lockouts = createDenialBound({ clock, maxPerMinute: maxWrittenLockoutsPerMinute });

  async function recordDenied(
    tx: Transaction,
    denial: {
      who: Operator | undefined;
      reason: ProblemCode | 'password-expired';
      credentials: Credentials;
      detail?: object;
    },
  ) {
    const { who, reason, credentials } = denial;
    const { source, traceId, action = 'session.sign-in' } = credentials;
    // What was typed as an unknown login may be a password: it is not written down.
    const actor = { id: who?.id ?? '-', name: who?.name ?? 'unknown login', node: serverName };
    await audit.record(tx, {
      ...{ actor, action, subject: who?.login, outcome: 'denied' },
      ...{ detail: { reason, source, ...denial.detail }, traceId },
    });
  }

  async function begin(tx: Transaction, credentials: Credentials): Promise<Attempt> {
    const login = normalLogin(credentials.login);
    const place = placeOf(credentials.source);
    const nowMs = clock.nowMs();
    await forgetTriesBefore(tx, nowMs - lockoutMs);
    const found = await findOperator(tx, login);
    const since = instantOf(nowMs - placeKnownMs);
    const isKnown = found && (await isKnownPlace(tx, { operatorId: found.id, place, since }));
    const gates = gatesOf({ loginSha256: sha256(login), place }, isKnown ?? false);
    const counted: [Gate, Tries][] = [];
    for (const gate of gates) {
      const next = nextTry(await findTries(tx, gate), gate.max, nowMs);
      if ('lockedForMs' in next) {
        const unwritten = lockouts.admit(gate.name);
        const detail = { gate: gate.name, ...unwritten };
        const denial = { who: found, reason: 'locked-out', credentials, detail } as const;
        if (unwritten) await recordDenied(tx, denial);
        return next;
      }
      counted.push([gate, next.tries]);
    }
    for (const [gate, tries] of counted) await saveTries(tx, gate, tries);
    return { found, gates };
  }

  /** A right password is no try, and its place is known from now on. */
  async function settle(
    tx: Transaction,
    operator: Operator,
    source: string,
    gates: readonly Gate[],
  ) {
    for (const gate of gates) {
      await (gate.loginSha256 === '' ? takeBackTry(tx, gate) : forgetTries(tx, gate));
    }
    const place = placeOf(source);
    const at = now(clock);
    await rememberPlace(tx, { operatorId: operator.id, place, at, max: maxKnownPlaces });
  }

  return {
    /**
     * Checks the credentials and hands the operator to `open`, in whose transaction the tries are
     * forgotten.
     * @throws DomainError `wrong-credentials`, `locked-out` (with `retryAfterSeconds`),
     * `overloaded`.
     */
    async signIn<T>(
      credentials: Credentials,
      open: (tx: Transaction, operator: OperatorWithPassword) => Promise<T>,
    ): Promise<T> {
      const { password, source } = credentials;
      passwords.admit();
      const attempt = await store.write((tx) => begin(tx, credentials));
      if ('lockedForMs' in attempt) throw lockedOut(attempt.lockedForMs);
      const { found, gates } = attempt;
      const isRight = await passwords.verify(password, found?.passwordHash);

      const opened = await store.write(async (tx) => {
        // The operator may have been disabled, or the password changed, while this one was hashed.
        const operator = found && (await findOperator(tx, found.login));
        const unchanged = operator?.passwordHash === found?.passwordHash;
        const isGood = isRight && operator && !operator.disabled && unchanged;
        const until = operator?.temporaryUntil;
        const isExpired = until !== undefined && until < now(clock);
        if (!isGood || isExpired) {
          const reason = isGood ? 'password-expired' : 'wrong-credentials';
          await recordDenied(tx, { who: found, reason, credentials });
          return undefined;
        }
        await settle(tx, operator, source, gates);
        return { session: await open(tx, operator) };
      });
      if (!opened) throw new DomainError('wrong-credentials');
      return opened.session;
    },
  };
}

function lockedOut(waitMs: number): DomainError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const detail = `Too many failed sign-ins. Try again in ${Math.ceil(waitMs / 60_000)} min.`;
  return new DomainError('locked-out', detail, { members: { retryAfterSeconds } });
}
