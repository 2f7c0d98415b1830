import type { Ids } from '../ids/ids.ts';
import type { Store } from '../store/store.ts';
import { type Clock, type Instant, instantOf } from '../time/clock.ts';
import type { Audit } from './audit.ts';
import { type Principal, sessionEndMs } from './operator.ts';
import { createOperators, type Operators } from './operators.ts';
import { createPasswords, type PasswordHash } from './passwords.ts';
import { existsAt, type NodeKind, type Permission } from './permissions.ts';
import { createSessions, type SignedIn } from './sessions.ts';
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

export interface Access extends Operators {
  /**
   * @throws DomainError `wrong-credentials`, `locked-out` (with `retryAfterSeconds`), `overloaded`.
   */
  signIn(credentials: Credentials): Promise<SignedIn>;
  /**
   * Who holds the token; nobody if it is unknown, idle for 30 min, older than 12 h or its operator
   * is disabled.
   */
  authenticate(token: string): Promise<Principal | undefined>;
  /** When the session ends if it is not used again. */
  expiresAt(token: string): Promise<Instant | undefined>;
  signOut(token: string, traceId?: string): Promise<void>;
  /**
   * Made before the transaction that stores it. @throws DomainError `invalid-input`, `overloaded`.
   */
  hashPassword(password: string): Promise<PasswordHash>;
}

/** Operators and their sessions. Every change is audited in the transaction that makes it. */
export function createAccess(deps: AccessDeps): Access {
  const { store, clock, ids, audit, serverName } = deps;
  const permissionsOf = (role: string) =>
    new Set([...deps.permissionsOf(role)].filter((name) => existsAt(name, deps.node)));
  const passwords = createPasswords({ ids });
  const sessions = createSessions({ store, clock, ids, permissionsOf });
  const { signIn } = createSignIn({ store, clock, audit, passwords, serverName });
  const endSessionsOf = sessions.endAllOf;

  return {
    ...createOperators({ clock, ids, audit, permissionsOf, endSessionsOf }),
    hashPassword: passwords.hash,

    signIn: (credentials) =>
      signIn(credentials, async (tx, operator) => {
        const { id, name, login: subject } = operator;
        const actor = { id, name, node: serverName };
        const { traceId } = credentials;
        const action = 'session.sign-in';
        await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
        return sessions.open(tx, operator);
      }),

    authenticate: async (token) => (await sessions.find(token))?.principal,

    async expiresAt(token) {
      const session = await sessions.find(token);
      return session && instantOf(sessionEndMs(session));
    },

    async signOut(token, traceId) {
      const session = await sessions.find(token);
      if (!session) return;
      const { operatorId, name, login: subject } = session.principal;
      const actor = { id: operatorId, name, node: serverName };
      await store.write(async (tx) => {
        await sessions.end(tx, token);
        const action = 'session.sign-out';
        await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
      });
    },
  };
}
