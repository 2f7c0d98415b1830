import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, instantOf } from '../time/clock.ts';
import type { Audit } from './audit.ts';
import { type Operator, type Principal, sessionEndMs } from './operator.ts';
import { updatePassword } from './operator-store.ts';
import { createOperators, type Operators } from './operators.ts';
import { createPasswords, type PasswordHash, type ScryptCost } from './passwords.ts';
import { existsAt, type NodeKind, type Permission } from './permissions.ts';
import type { HasDuty } from './roles.ts';
import { createOwnSecondFactor, type OwnRequest, type OwnSecondFactor } from './second-factor.ts';
import { createSessions, type OwnSession, type SignedIn } from './sessions.ts';
import { type Credentials, createSignIn } from './sign-in.ts';

export interface AccessDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly node: NodeKind;
  /** The node's code: the `node` of actors in the audit trail. */
  readonly serverName: string;
  /**
   * Empty for a role that does not exist. Asked at every request: the same set as long as the role
   * may do the same.
   */
  readonly permissionsOf: (role: string) => ReadonlySet<Permission>;
  /** No role has any if absent. */
  readonly hasDuty?: HasDuty;
  /** Of a password's hash; the production setting if absent. */
  readonly cost?: ScryptCost;
}

export interface PasswordChange {
  readonly principal: Principal;
  readonly current: string;
  readonly password: string;
  readonly source: string;
  readonly traceId?: string | undefined;
}

type OwnSessionRequest = Omit<OwnRequest, 'source'>;

export interface Access extends Operators, OwnSecondFactor {
  /**
   * @throws DomainError `wrong-credentials`, `second-factor-required`, `second-factor-wrong`,
   * `locked-out` (with `retryAfterSeconds`), `overloaded`.
   */
  signIn(credentials: Credentials): Promise<SignedIn>;
  /**
   * Who holds the token; nobody if it is unknown, idle for 30 min, older than 12 h or its operator
   * is disabled.
   */
  authenticate(token: string, asked?: { isUse: boolean }): Promise<Principal | undefined>;
  /** When the session ends if it is not used again. */
  expiresAt(token: string): Promise<Instant | undefined>;
  signOut(token: string, traceId?: string): Promise<void>;
  /** An operator's sessions, those used last first, a bounded number. */
  ownSessions(tx: Reader, request: OwnSessionRequest): Promise<OwnSession[]>;
  /** @throws DomainError `session-not-found`. */
  endOwnSession(request: OwnSessionRequest & { id: string }): Promise<void>;
  endOtherSessions(request: OwnSessionRequest): Promise<void>;
  /**
   * Made before the transaction that stores it; `ownNames` must not be the password.
   * @throws DomainError `invalid-input`, `overloaded`.
   */
  hashPassword(password: string, ownNames?: readonly string[]): Promise<PasswordHash>;
  /**
   * An operator chooses a password of his own, which ends all his sessions.
   * @throws DomainError as `signIn` does for the current one; `invalid-input` for the new one.
   */
  changePassword(change: PasswordChange): Promise<void>;
}

/** Operators and their sessions. Every change is audited in the transaction that makes it. */
export function createAccess(deps: AccessDeps): Access {
  const { store, clock, ids, audit, serverName } = deps;
  const permissionsOf = existingAt(deps.node, deps.permissionsOf);
  const passwords = createPasswords({ ids, ...(deps.cost ? { cost: deps.cost } : {}) });
  const { hasDuty = () => false } = deps;
  const sessions = createSessions({ store, clock, ids, permissionsOf, hasDuty });
  const { signIn } = createSignIn({ store, clock, audit, passwords, serverName });
  const endSessionsOf = sessions.endAllOf;
  const { endOthersOf } = sessions;

  /** What an operator does to his own sessions, audited with it. */
  function ownWrite(
    { principal, traceId }: Pick<OwnRequest, 'principal' | 'traceId'>,
    action: string,
    work: (tx: Transaction) => Promise<void>,
  ): Promise<void> {
    const { operatorId: id, name, login: subject } = principal;
    const actor = { id, name, node: serverName };
    return store.write(async (tx) => {
      await work(tx);
      await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
    });
  }

  return {
    ...createOperators({ clock, ids, audit, permissionsOf, endSessionsOf }),
    ...createOwnSecondFactor({ store, clock, ids, audit, serverName, signIn, endOthersOf }),
    hashPassword: passwords.hash,

    signIn: (credentials) =>
      signIn(credentials, async (tx, operator) => {
        const { id, name, login: subject } = operator;
        const actor = { id, name, node: serverName };
        const { traceId } = credentials;
        const action = 'session.sign-in';
        await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
        return sessions.open(tx, operator, credentials.source);
      }),

    async changePassword({ principal, current, password, source, traceId }) {
      const { login, name } = principal;
      if (password === current) throw sameAgain();
      const passwordHash = await passwords.hash(password, [login, name]);
      const action = 'operator.change-password';
      const credentials = { login, password: current, source, traceId, action };
      const open = async (tx: Transaction, { id, name: known, login: subject }: Operator) => {
        await updatePassword(tx, { id, passwordHash });
        await endSessionsOf(tx, id);
        const actor = { id, name: known, node: serverName };
        await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
      };
      // The session that asks was opened with the second factor.
      await signIn(credentials, open, { asksCode: false });
    },

    authenticate: async (token, asked) => (await sessions.find(token, asked))?.principal,

    async expiresAt(token) {
      const session = await sessions.find(token);
      return session && instantOf(sessionEndMs(session));
    },

    async signOut(token, traceId) {
      const session = await sessions.find(token);
      if (!session) return;
      const { principal } = session;
      const request = { principal, token, traceId };
      await ownWrite(request, 'session.sign-out', (tx) => sessions.end(tx, token));
    },

    ownSessions: (tx, { principal, token }) => sessions.list(tx, principal.operatorId, token),

    endOwnSession: ({ id, ...request }) =>
      ownWrite(request, 'session.end', async (tx) => {
        const isEnded = await sessions.endOne(tx, request.principal.operatorId, id);
        if (!isEnded) throw new DomainError('session-not-found');
      }),

    endOtherSessions: (request) =>
      ownWrite(request, 'session.end-others', (tx) =>
        endOthersOf(tx, request.principal.operatorId, request.token),
      ),
  };
}

/** The permissions of a role that mean anything at this kind of node. */
function existingAt(node: NodeKind, permissionsOf: AccessDeps['permissionsOf']) {
  const existing = new WeakMap<ReadonlySet<Permission>, ReadonlySet<Permission>>();
  return (role: string): ReadonlySet<Permission> => {
    const all = permissionsOf(role);
    const known = existing.get(all) ?? new Set([...all].filter((name) => existsAt(name, node)));
    existing.set(all, known);
    return known;
  };
}

function sameAgain(): DomainError {
  const message = 'must be another one than before';
  return new DomainError('invalid-input', `The password ${message}.`, {
    errors: [{ field: 'password', message }],
  });
}
