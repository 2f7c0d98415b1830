import type { Ids } from '../ids/ids.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, instantOf } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import {
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
  deleteSessionsBefore,
  deleteSessionsOf,
  findSession,
  insertSession,
  touchSession,
} from './operator-store.ts';
import type { Permission } from './permissions.ts';
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
}

/** Opaque bearer tokens and whose they are. The hot path, a known token, touches no store. */
export function createSessions({ store, clock, ids, permissionsOf }: SessionDeps) {
  const cache = createSessionCache();

  function principalOf(
    { id, login, name, role }: Operator,
    mustChangePassword: boolean,
  ): Principal {
    const permissions = permissionsOf(role);
    return { operatorId: id, login, name, role, permissions, mustChangePassword };
  }

  function load(token: string): Promise<LiveSession | undefined> {
    return store.read(async (tx) => {
      const stored = await findSession(tx, sha256(token));
      if (!stored) return undefined;
      const { operator, isPasswordTemporary, ...times } = stored;
      const principal = principalOf(operator, isPasswordTemporary);
      const session = { principal, ...times, storedSeenMs: times.seenMs };
      cache.put(token, session);
      return session;
    });
  }

  function touch(token: string, session: LiveSession) {
    session.storedSeenMs = session.seenMs;
    const at = instantOf(session.seenMs);
    // Nobody waits for it, and a store that cannot take it now is told again in a minute.
    store.write((tx) => touchSession(tx, sha256(token), at)).catch(() => undefined);
  }

  return {
    async open(tx: Transaction, operator: OperatorWithPassword): Promise<SignedIn> {
      const nowMs = clock.nowMs();
      const token = ids.secret(tokenBytes);
      await deleteSessionsBefore(tx, sessionHorizon(nowMs));
      await insertSession(tx, {
        tokenSha256: sha256(token),
        operatorId: operator.id,
        at: instantOf(nowMs),
      });
      const principal = principalOf(operator, operator.temporaryUntil !== undefined);
      const times = { createdMs: nowMs, seenMs: nowMs };
      tx.afterCommit(() => cache.put(token, { principal, ...times, storedSeenMs: nowMs }));
      return { token, principal, expiresAt: instantOf(sessionEndMs(times)) };
    },

    /** The session of a token that is still good; using it keeps it so. */
    async find(token: string): Promise<LiveSession | undefined> {
      if (!tokenPattern.test(token)) return undefined;
      const session = cache.get(token) ?? (await load(token));
      if (!session) return undefined;
      const nowMs = clock.nowMs();
      if (nowMs >= sessionEndMs(session)) {
        cache.forget(token);
        return undefined;
      }
      session.seenMs = Math.max(session.seenMs, nowMs);
      const { principal } = session;
      const permissions = permissionsOf(principal.role);
      // A release may have changed the role since the session was opened.
      if (permissions !== principal.permissions) session.principal = { ...principal, permissions };
      if (session.seenMs - session.storedSeenMs >= sessionTouchMs) touch(token, session);
      return session;
    },

    async end(tx: Transaction, token: string) {
      await deleteSession(tx, sha256(token));
      tx.afterCommit(() => cache.forget(token));
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
