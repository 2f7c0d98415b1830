import { DomainError, type ProblemCode } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { type Clock, instantOf, now } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Audit } from './audit.ts';
import { createDenialBound } from './denial-bound.ts';
import { normalLogin, type Operator, type OperatorWithPassword } from './operator.ts';
import { findOperator } from './operator-store.ts';
import type { Passwords } from './passwords.ts';
import { checkCode } from './second-factor.ts';
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
  /** Of the second factor: a one-time password or a recovery code. */
  readonly code?: string | undefined;
  /** Where the request came from: an IP address. */
  readonly source: string;
  readonly traceId?: string | undefined;
  /** What the password was asked for, in the audit trail; `session.sign-in` if absent. */
  readonly action?: string;
}

/** What a try is counted by, or the gate that is shut for it. */
interface Approach {
  readonly found: OperatorWithPassword | undefined;
  readonly counted: readonly (readonly [Gate, Tries])[];
  readonly shut?: { readonly gate: Gate['name']; readonly lockedForMs: number };
}

interface SignInDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly passwords: Passwords;
  readonly serverName: string;
}

/**
 * Checks the credentials and hands the operator to `open`, in whose transaction the tries are
 * forgotten.
 * @throws DomainError `wrong-credentials`, `second-factor-required`, `second-factor-wrong`,
 * `locked-out` (with `retryAfterSeconds`), `overloaded`.
 */
export type SignIn = <T>(
  credentials: Credentials,
  open: (tx: Transaction, operator: OperatorWithPassword) => Promise<T>,
  options?: { readonly asksCode: boolean },
) => Promise<T>;

type Refused = Extract<
  ProblemCode,
  'wrong-credentials' | 'second-factor-required' | 'second-factor-wrong'
>;

/**
 * Tells the right password of the right login from everything else, and rests what is being
 * guessed.
 */
export function createSignIn(deps: SignInDeps): { signIn: SignIn } {
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

  async function approach(tx: Reader, credentials: Credentials): Promise<Approach> {
    const login = normalLogin(credentials.login);
    const place = placeOf(credentials.source);
    const nowMs = clock.nowMs();
    const found = await findOperator(tx, login);
    const since = instantOf(nowMs - placeKnownMs);
    const isKnown = found && (await isKnownPlace(tx, { operatorId: found.id, place, since }));
    const gates = gatesOf({ loginSha256: sha256(login), place }, isKnown ?? false);
    const counted: [Gate, Tries][] = [];
    for (const gate of gates) {
      const next = nextTry(await findTries(tx, gate), gate.max, nowMs);
      if ('lockedForMs' in next) return { found, counted, shut: { gate: gate.name, ...next } };
      counted.push([gate, next.tries]);
    }
    return { found, counted };
  }

  /** @throws DomainError `locked-out`, which is written down. */
  async function assertOpen({ found, shut }: Approach, credentials: Credentials): Promise<void> {
    if (!shut) return;
    const unwritten = lockouts.admit(shut.gate);
    const detail = { gate: shut.gate, ...unwritten };
    const denial = { who: found, reason: 'locked-out', credentials, detail } as const;
    if (unwritten) await store.write((tx) => recordDenied(tx, denial));
    throw lockedOut(shut.lockedForMs);
  }

  /** Counts a try whose password is looked at next. */
  async function count(tx: Transaction, credentials: Credentials): Promise<Approach> {
    await forgetTriesBefore(tx, clock.nowMs() - lockoutMs);
    const made = await approach(tx, credentials);
    if (made.shut) return made;
    for (const [gate, tries] of made.counted) await saveTries(tx, gate, tries);
    return made;
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

  /** The second factor, asked of who has one once the password was right. */
  async function codeRefusal(
    tx: Transaction,
    {
      credentials,
      who,
      gates,
    }: { credentials: Credentials; who: Operator; gates: readonly Gate[] },
  ): Promise<Refused | undefined> {
    const { code, traceId } = credentials;
    const check = await checkCode(tx, { operatorId: who.id, code, nowMs: clock.nowMs() });
    if (check === 'recovery') {
      const actor = { id: who.id, name: who.name, node: serverName };
      const action = 'second-factor.use-recovery-code';
      await audit.record(tx, { actor, action, subject: who.login, outcome: 'done', traceId });
    }
    if (check !== 'missing' && check !== 'wrong') return undefined;
    const reason = check === 'missing' ? 'second-factor-required' : 'second-factor-wrong';
    await recordDenied(tx, { who, reason, credentials });
    if (check === 'wrong') return reason;
    // Somebody on his way in: a try of this login until he is, but no stranger to everybody else.
    for (const gate of gates) if (gate.loginSha256 === '') await takeBackTry(tx, gate);
    return reason;
  }

  async function look<T>(
    credentials: Credentials,
    open: (tx: Transaction, operator: OperatorWithPassword) => Promise<T>,
    asksCode: boolean,
  ): Promise<T> {
    const attempt = await store.write((tx) => count(tx, credentials));
    await assertOpen(attempt, credentials);
    const { found } = attempt;
    const gates = attempt.counted.map(([gate]) => gate);
    const isRight = await passwords.verify(credentials.password, found?.passwordHash);

    const outcome = await store.write(async (tx) => {
      // The operator may have been disabled, or the password changed, while this one was hashed.
      const operator = found && (await findOperator(tx, found.login));
      const unchanged = operator?.passwordHash === found?.passwordHash;
      const isOut = operator?.disabled || operator?.heldBy !== undefined;
      const isGood = isRight && operator && !isOut && unchanged;
      const until = operator?.temporaryUntil;
      const isExpired = until !== undefined && until < now(clock);
      if (!isGood || isExpired) {
        const reason = isGood ? 'password-expired' : 'wrong-credentials';
        await recordDenied(tx, { who: found, reason, credentials });
        return { refused: 'wrong-credentials' } as const;
      }
      const refused = asksCode && (await codeRefusal(tx, { credentials, who: operator, gates }));
      if (refused) return { refused };
      await settle(tx, operator, credentials.source, gates);
      return { opened: await open(tx, operator) };
    });
    if ('refused' in outcome) throw new DomainError(outcome.refused);
    return outcome.opened;
  }

  return {
    async signIn(credentials, open, { asksCode } = { asksCode: true }) {
      // Who is locked out takes no room from others.
      await assertOpen(await store.read((tx) => approach(tx, credentials)), credentials);
      // Counted only when its turn has come: of many that are right at once none is a try too many for the next.
      return passwords.turn(() => look(credentials, open, asksCode));
    },
  };
}

function lockedOut(waitMs: number): DomainError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const detail = `Too many failed sign-ins. Try again in ${Math.ceil(waitMs / 60_000)} min.`;
  return new DomainError('locked-out', detail, { members: { retryAfterSeconds } });
}
