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
 * is written through it is all there is to know. Callers fill the cache inside a store read and
 * empty it after a commit: the store's queue then keeps the two in order.
 */
export function createSessionCache() {
  const sessions = new Map<string, LiveSession>();
  return {
    get: (token: string) => sessions.get(token),
    put(token: string, session: LiveSession) {
      for (const oldest of sessions.keys()) {
        if (sessions.size < maxCachedSessions) break;
        sessions.delete(oldest);
      }
      sessions.set(token, session);
    },
    forget: (token: string) => sessions.delete(token),
    forgetOperator(operatorId: string) {
      for (const [token, { principal }] of sessions) {
        if (principal.operatorId === operatorId) sessions.delete(token);
      }
    },
  };
}
