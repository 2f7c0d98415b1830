import type { Ids } from '../ids/ids.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, instantOf } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import {
  isSessionOver,
  type Operator,
  type OperatorWithPassword,
  type Principal,
  sessionEndMs,
  sessionIdleMs,
  sessionMaxMs,
  sessionTouchMs,
  tokenBytes,
  tokenPattern,
} from './operator.ts';
import {
  deleteSession,
  deleteSessionOf,
  deleteSessionsBefore,
  deleteSessionsOf,
  deleteSessionsOfBut,
  findSession,
  insertSession,
  type ListedSession,
  listSessions,
  touchSession,
} from './operator-store.ts';
import type { Permission } from './permissions.ts';
import type { HasDuty } from './roles.ts';
import { createSessionCache, type LiveSession } from './session-cache.ts';

export interface SignedIn {
  /** Bearer token, 43 characters; only its hash is stored. */
  readonly token: string;
  readonly principal: Principal;
  /** When the session ends if it is never used again. */
  readonly expiresAt: Instant;
}

export interface SessionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The same set as long as the role may do the same. */
  readonly permissionsOf: (role: string) => ReadonlySet<Permission>;
  readonly hasDuty: HasDuty;
}

/** A session as its owner sees it. */
export interface OwnSession extends ListedSession {
  readonly isCurrent: boolean;
}

const maxListedSessions = 200;

/** Opaque bearer tokens and whose they are. The hot path, a known token, touches no store. */
export function createSessions(deps: SessionDeps) {
  const { store, clock, ids, permissionsOf, hasDuty } = deps;
  const cache = createSessionCache();

  function principalOf(
    { id, login, name, role, hasSecondFactor }: Operator,
    mustChangePassword: boolean,
  ): Principal {
    const permissions = permissionsOf(role);
    const person = { operatorId: id, login, name, role, permissions, mustChangePassword };
    return { ...person, hasSecondFactor, ...owedBy(role, hasSecondFactor) };
  }

  function owedBy(role: string, hasSecondFactor: boolean) {
    return {
      mustSetUpSecondFactor: !hasSecondFactor && hasDuty(role, 'second-factor.required'),
      needsSecondPerson: hasDuty(role, 'second-person.required'),
    };
  }

  async function load(token: string): Promise<LiveSession | undefined> {
    const ends = cache.ends();
    const stored = await store.read((tx) => findSession(tx, sha256(token)));
    if (!stored) return undefined;
    const { operator, isPasswordTemporary, ...times } = stored;
    const principal = principalOf(operator, isPasswordTemporary);
    const session = { principal, ...times, storedSeenMs: times.seenMs };
    if (cache.ends() === ends) cache.put(token, session);
    return session;
  }

  function touch(token: string, session: LiveSession) {
    session.storedSeenMs = session.seenMs;
    const at = instantOf(session.seenMs);
    // Nobody waits for it, and a store that cannot take it now is told again in a minute.
    store.write((tx) => touchSession(tx, sha256(token), at)).catch(() => undefined);
  }

  return {
    async open(tx: Transaction, operator: OperatorWithPassword, source: string): Promise<SignedIn> {
      const nowMs = clock.nowMs();
      const token = ids.secret(tokenBytes);
      await deleteSessionsBefore(tx, sessionHorizon(nowMs));
      await insertSession(tx, {
        tokenSha256: sha256(token),
        operatorId: operator.id,
        source,
        at: instantOf(nowMs),
      });
      const principal = principalOf(operator, operator.temporaryUntil !== undefined);
      const times = { createdMs: nowMs, seenMs: nowMs };
      tx.afterCommit(() => cache.put(token, { principal, ...times, storedSeenMs: nowMs }));
      return { token, principal, expiresAt: instantOf(sessionEndMs(times)) };
    },

    /** The session of a token that is still good; using it keeps it so. */
    async find(
      token: string,
      { isUse = true }: { isUse?: boolean } = {},
    ): Promise<LiveSession | undefined> {
      if (!tokenPattern.test(token)) return undefined;
      const session = cache.get(token) ?? (await load(token));
      if (!session) return undefined;
      const nowMs = clock.nowMs();
      if (isSessionOver(session, nowMs)) {
        cache.forget(token);
        return undefined;
      }
      if (isUse) session.seenMs = Math.max(session.seenMs, nowMs);
      const { role, hasSecondFactor, permissions: before } = session.principal;
      const permissions = permissionsOf(role);
      // A release may have changed the role since the session was opened.
      if (permissions !== before) {
        const owed = owedBy(role, hasSecondFactor);
        session.principal = { ...session.principal, permissions, ...owed };
      }
      if (session.seenMs - session.storedSeenMs >= sessionTouchMs) touch(token, session);
      return session;
    },

    async end(tx: Transaction, token: string) {
      await deleteSession(tx, sha256(token));
      tx.afterCommit(() => cache.forget(token));
    },

    async list(tx: Reader, operatorId: string, token: string): Promise<OwnSession[]> {
      const horizon = sessionHorizon(clock.nowMs());
      const found = await listSessions(tx, { operatorId, ...horizon, limit: maxListedSessions });
      const current = sha256(token);
      return found.map((each) => ({ ...each, isCurrent: current.startsWith(each.id) }));
    },

    /** @returns true if the operator had such a session. */
    async endOne(tx: Transaction, operatorId: string, id: string): Promise<boolean> {
      tx.afterCommit(() => cache.forgetOperator(operatorId));
      return deleteSessionOf(tx, { operatorId, id });
    },

    /** Ends all but that of the token; what is known of the operator is read anew. */
    async endOthersOf(tx: Transaction, operatorId: string, token: string) {
      await deleteSessionsOfBut(tx, { operatorId, tokenSha256: sha256(token) });
      tx.afterCommit(() => cache.forgetOperator(operatorId));
    },

    async endAllOf(tx: Transaction, operatorId: string) {
      await deleteSessionsOf(tx, operatorId);
      tx.afterCommit(() => cache.forgetOperator(operatorId));
    },
  };
}

function sessionHorizon(nowMs: number) {
  return { seen: instantOf(nowMs - sessionIdleMs), created: instantOf(nowMs - sessionMaxMs) };
}
