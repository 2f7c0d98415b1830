import type { Principal } from './operator.ts';

export interface LiveSession {
  /** Its permissions are brought up to date at each use. */
  principal: Principal;
  readonly createdMs: number;
  seenMs: number;
  /** What the store knows of `seenMs`. */
  storedSeenMs: number;
}

/**
 * Enough for every desk of a region; over it, the longest known session is read from the store
 * again.
 */
const maxCachedSessions = 10_000;

export type SessionCache = ReturnType<typeof createSessionCache>;

/**
 * Sessions by token; nothing of it leaves the process's memory. One process owns the store, so what
 * is written through it is all there is to know. Callers empty the cache after a commit; what a read of before brings
 * after it, as one at a replica may, is not kept.
 */
export function createSessionCache() {
  const sessions = new Map<string, LiveSession>();
  let ends = 0;
  return {
    /** Another number after every end of a session: what was read before it is not put here after it. */
    ends: () => ends,
    get: (token: string) => sessions.get(token),
    put(token: string, session: LiveSession) {
      for (const oldest of sessions.keys()) {
        if (sessions.size < maxCachedSessions) break;
        sessions.delete(oldest);
      }
      sessions.set(token, session);
    },
    forget(token: string) {
      ends += 1;
      sessions.delete(token);
    },
    forgetOperator(operatorId: string) {
      ends += 1;
      for (const [token, { principal }] of sessions) {
        if (principal.operatorId === operatorId) sessions.delete(token);
      }
    },
  };
}
