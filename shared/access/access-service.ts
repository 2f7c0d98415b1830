import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, instantOf, now } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Actor, Audit } from './audit.ts';
import {
  maxNameLength,
  type Operator,
  type OperatorWithPassword,
  type Principal,
  parseLogin,
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
  deleteTries,
  findOperator,
  findSession,
  insertOperator,
  insertSession,
  listOperators,
  touchSession,
  updateDisabled,
  updatePassword,
} from './operator-store.ts';
import { createPasswords, type PasswordHash } from './passwords.ts';
import { existsAt, type NodeKind, type Permission } from './permissions.ts';
import { createSessionCache, type LiveSession } from './session-cache.ts';
import { type Credentials, createSignIn } from './sign-in.ts';

export interface AccessDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly node: NodeKind;
  /** The node's code: the `node` of actors in the audit trail. */
  readonly serverName: string;
  /** Empty for a role that does not exist. Asked once a session. */
  readonly permissionsOf: (role: string) => ReadonlySet<Permission>;
}

export interface SignedIn {
  /** Bearer token, 43 characters; only its hash is stored. */
  readonly token: string;
  readonly principal: Principal;
  /** When the session ends if it is never used again. */
  readonly expiresAt: Instant;
}

/** Who asked for a change, for the audit trail. */
export interface By {
  readonly by: Actor;
  readonly traceId?: string | undefined;
}

export interface NewOperator extends By {
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly passwordHash: PasswordHash;
}

export interface Access {
  /** @throws DomainError `wrong-credentials`, `locked-out`, `overloaded`. */
  signIn(credentials: Credentials): Promise<SignedIn>;
  /** Who holds the token; nobody if it is unknown, idle for 30 min, older than 12 h or its operator is disabled. */
  authenticate(token: string): Promise<Principal | undefined>;
  /** When the session ends if it is not used again. */
  expiresAt(token: string): Promise<Instant | undefined>;
  signOut(token: string, traceId?: string): Promise<void>;
  /** Made before the transaction that stores it. @throws DomainError `invalid-input`, `overloaded`. */
  hashPassword(password: string): Promise<PasswordHash>;
  /** @throws DomainError `invalid-input`, `login-taken`. */
  addOperator(tx: Transaction, operator: NewOperator): Promise<Operator>;
  /** Ends the operator's sessions and a lockout. @throws DomainError `operator-not-found`. */
  setPassword(
    tx: Transaction,
    change: By & { login: string; passwordHash: PasswordHash },
  ): Promise<void>;
  /** Ends the operator's sessions. @throws DomainError `operator-not-found`, `same-person` for oneself. */
  disable(tx: Transaction, change: By & { login: string }): Promise<Operator>;
  /** By login, those after `after`, at most `limit`. */
  operators(tx: Reader, page: { after?: string | undefined; limit: number }): Promise<Operator[]>;
}

/** Operators and their sessions. Every change is audited in the transaction that makes it. */
export function createAccess(deps: AccessDeps): Access {
  const { store, clock, ids, audit, serverName } = deps;
  const passwords = createPasswords({ ids });
  const { signIn } = createSignIn({ store, clock, audit, passwords, serverName });
  const cache = createSessionCache();

  function permissionsOf(role: string): ReadonlySet<Permission> {
    return new Set([...deps.permissionsOf(role)].filter((name) => existsAt(name, deps.node)));
  }

  function principalOf({ id, login, name, role }: Operator): Principal {
    return { operatorId: id, login, name, role, permissions: permissionsOf(role) };
  }

  async function openSession(tx: Transaction, operator: Operator, traceId: string | undefined) {
    const nowMs = clock.nowMs();
    const token = ids.secret(tokenBytes);
    const tokenSha256 = sha256(token);
    await deleteSessionsBefore(tx, {
      seen: instantOf(nowMs - sessionIdleMs),
      created: instantOf(nowMs - sessionMaxMs),
    });
    await insertSession(tx, { tokenSha256, operatorId: operator.id, at: instantOf(nowMs) });
    const principal = principalOf(operator);
    const by = { id: operator.id, name: operator.name, node: serverName };
    await recordDone(tx, 'session.sign-in', operator.login, { by, traceId });
    const times = { createdMs: nowMs, seenMs: nowMs };
    tx.afterCommit(() => cache.put(tokenSha256, { principal, ...times, storedSeenMs: nowMs }));
    return { token, principal, expiresAt: instantOf(sessionEndMs(times)) };
  }

  function load(tokenSha256: string): Promise<LiveSession | undefined> {
    return store.read(async (tx) => {
      const stored = await findSession(tx, tokenSha256);
      if (!stored) return undefined;
      const { operator, createdMs, seenMs } = stored;
      const session = {
        principal: principalOf(operator),
        ...{ createdMs, seenMs, storedSeenMs: seenMs },
      };
      cache.put(tokenSha256, session);
      return session;
    });
  }

  async function liveSession(token: string): Promise<LiveSession | undefined> {
    if (!tokenPattern.test(token)) return undefined;
    const tokenSha256 = sha256(token);
    const session = cache.get(tokenSha256) ?? (await load(tokenSha256));
    if (!session) return undefined;
    const nowMs = clock.nowMs();
    if (nowMs >= sessionEndMs(session)) {
      cache.forget(tokenSha256);
      return undefined;
    }
    session.seenMs = Math.max(session.seenMs, nowMs);
    if (session.seenMs - session.storedSeenMs >= sessionTouchMs) touch(tokenSha256, session);
    return session;
  }

  function touch(tokenSha256: string, session: LiveSession) {
    session.storedSeenMs = session.seenMs;
    const at = instantOf(session.seenMs);
    // Nobody waits for it, and a store that cannot take it now is told again in a minute.
    store.write((tx) => touchSession(tx, tokenSha256, at)).catch(() => undefined);
  }

  async function known(tx: Reader, login: string): Promise<OperatorWithPassword> {
    const operator = await findOperator(tx, parseLogin(login));
    if (!operator) throw new DomainError('operator-not-found');
    return operator;
  }

  async function endSessions(tx: Transaction, operatorId: string) {
    await deleteSessionsOf(tx, operatorId);
    tx.afterCommit(() => cache.forgetOperator(operatorId));
  }

  async function recordDone(
    tx: Transaction,
    action: string,
    subject: string,
    { by, traceId, ...rest }: By & { detail?: object },
  ) {
    const trace = traceId === undefined ? {} : { traceId };
    await audit.record(tx, { actor: by, action, subject, outcome: 'done', ...rest, ...trace });
  }

  return {
    signIn: (credentials) =>
      signIn(credentials, (tx, operator) => openSession(tx, operator, credentials.traceId)),

    authenticate: async (token) => (await liveSession(token))?.principal,

    async expiresAt(token) {
      const session = await liveSession(token);
      return session && instantOf(sessionEndMs(session));
    },

    async signOut(token, traceId) {
      const session = await liveSession(token);
      if (!session) return;
      const { operatorId, name, login } = session.principal;
      const by = { id: operatorId, name, node: serverName };
      const tokenSha256 = sha256(token);
      await store.write(async (tx) => {
        await deleteSession(tx, tokenSha256);
        await recordDone(tx, 'session.sign-out', login, { by, traceId });
        tx.afterCommit(() => cache.forget(tokenSha256));
      });
    },

    hashPassword: passwords.hash,

    async addOperator(tx, { passwordHash, by, traceId, ...wanted }) {
      const login = parseLogin(wanted.login);
      const name = wanted.name.trim();
      const { role } = wanted;
      if (name === '' || name.length > maxNameLength) {
        throw invalid('name', `must have 1 to ${maxNameLength} characters`);
      }
      if (permissionsOf(role).size === 0) throw invalid('role', 'is not a role of this node');
      if (await findOperator(tx, login)) throw new DomainError('login-taken');
      const operator = { id: ids.uuid(), login, name, role, disabled: false, createdAt: now(clock) };
      await insertOperator(tx, { ...operator, passwordHash });
      await recordDone(tx, 'operator.add', login, { by, traceId, detail: { name, role } });
      return operator;
    },

    async setPassword(tx, { login, passwordHash, ...by }) {
      const operator = await known(tx, login);
      await updatePassword(tx, operator.id, passwordHash);
      await deleteTries(tx, sha256(operator.login));
      await endSessions(tx, operator.id);
      await recordDone(tx, 'operator.set-password', operator.login, by);
    },

    async disable(tx, { login, ...by }) {
      const { passwordHash: _, ...operator } = await known(tx, login);
      // The last administrator would lock everybody out.
      if (by.by.id === operator.id) {
        throw new DomainError('same-person', 'Another person has to disable you.');
      }
      if (operator.disabled) return operator;
      await updateDisabled(tx, operator.id);
      await endSessions(tx, operator.id);
      await recordDone(tx, 'operator.disable', operator.login, by);
      return { ...operator, disabled: true };
    },

    operators: (tx, { after, limit }) => listOperators(tx, { after: after ?? '', limit }),
  };
}

function invalid(field: string, message: string): DomainError {
  return new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
