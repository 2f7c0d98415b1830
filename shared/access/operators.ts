import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { type Clock, instantOf, now } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Actor, Audit } from './audit.ts';
import { maxNameLength, type Operator, parseLogin, temporaryPasswordMs } from './operator.ts';
import {
  findOperator,
  insertOperator,
  listOperators,
  updateDisabled,
  updateHeldBy,
  updatePassword,
} from './operator-store.ts';
import type { PasswordHash } from './passwords.ts';
import type { Permission } from './permissions.ts';
import { deleteSecondFactor } from './second-factor-store.ts';
import { forgetPlacesOf, forgetTriesOf } from './sign-in-store.ts';

/** Who asked for a change, for the audit trail. */
export interface By {
  readonly by: Actor;
  readonly traceId?: string | undefined;
  /** He may not let anybody in alone: another person has to approve. */
  readonly needsSecondPerson?: boolean | undefined;
}

export interface NewOperator extends By {
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly passwordHash: PasswordHash;
  /** The operator has to choose a password of his own at his first sign-in. */
  readonly isTemporary?: boolean | undefined;
}

export interface Operators {
  /** @throws DomainError `invalid-input`, `login-taken`. */
  addOperator(tx: Transaction, operator: NewOperator): Promise<Operator>;
  /** Ends the operator's sessions and a lockout. @throws DomainError `operator-not-found`. */
  setPassword(
    tx: Transaction,
    change: By & { login: string; passwordHash: PasswordHash; isTemporary?: boolean },
  ): Promise<void>;
  /**
   * Ends the operator's sessions. @throws DomainError `operator-not-found`, `same-person` for
   * oneself.
   */
  disable(tx: Transaction, change: By & { login: string }): Promise<Operator>;
  /**
   * For who lost authenticator and recovery codes. Ends the operator's sessions.
   * @throws DomainError `operator-not-found`, `same-person` for oneself: that needs a code.
   */
  dropSecondFactor(tx: Transaction, change: By & { login: string }): Promise<void>;
  /**
   * Lets in who is held. @throws DomainError `operator-not-found`, `same-person` for who holds him.
   */
  approve(tx: Transaction, change: By & { login: string }): Promise<Operator>;
  /** By login, those after `after`, at most `limit`. */
  operators(tx: Reader, page: { after?: string | undefined; limit: number }): Promise<Operator[]>;
}

interface OperatorDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly permissionsOf: (role: string) => ReadonlySet<Permission>;
  readonly endSessionsOf: (tx: Transaction, operatorId: string) => Promise<void>;
}

export function createOperators(deps: OperatorDeps): Operators {
  const { clock, ids, audit, permissionsOf, endSessionsOf } = deps;

  async function known(tx: Reader, login: string) {
    const operator = await findOperator(tx, parseLogin(login));
    if (!operator) throw new DomainError('operator-not-found');
    return operator;
  }

  const lastDay = (isTemporary = false) =>
    isTemporary ? instantOf(clock.nowMs() + temporaryPasswordMs) : undefined;

  return {
    async addOperator(tx, { passwordHash, by, traceId, role, isTemporary, ...wanted }) {
      const heldBy = wanted.needsSecondPerson ? by.id : undefined;
      const login = parseLogin(wanted.login);
      const name = wanted.name.trim();
      if (name === '' || name.length > maxNameLength) {
        throw invalid('name', `must have 1 to ${maxNameLength} characters`);
      }
      if (permissionsOf(role).size === 0) throw invalid('role', 'is not a role of this node');
      if (await findOperator(tx, login)) throw new DomainError('login-taken');
      const operator = {
        id: ids.uuid(),
        login,
        name,
        role,
        disabled: false,
        createdAt: now(clock),
        hasSecondFactor: false,
        heldBy,
      };
      const temporaryUntil = lastDay(isTemporary);
      await insertOperator(tx, { ...operator, passwordHash, temporaryUntil });
      await audit.record(tx, {
        ...{ actor: by, action: 'operator.add', subject: login, outcome: 'done' },
        ...{ detail: { name, role }, traceId },
      });
      return operator;
    },

    async setPassword(tx, { login, passwordHash, by, traceId, isTemporary, needsSecondPerson }) {
      const operator = await known(tx, login);
      const temporaryUntil = lastDay(isTemporary);
      await updatePassword(tx, { id: operator.id, passwordHash, temporaryUntil });
      await forgetTriesOf(tx, sha256(operator.login));
      // Who knew the old password may have signed in with it: no place is known any more.
      await forgetPlacesOf(tx, operator.id);
      await endSessionsOf(tx, operator.id);
      if (needsSecondPerson) await hold(tx, operator, by.id);
      const action = 'operator.set-password';
      const { login: subject } = operator;
      await audit.record(tx, { actor: by, action, subject, outcome: 'done', traceId });
    },

    async disable(tx, { login, by, traceId }) {
      const { passwordHash: _, temporaryUntil: __, ...operator } = await known(tx, login);
      // The last administrator would lock everybody out.
      if (by.id === operator.id) {
        throw new DomainError('same-person', 'Another person has to disable you.');
      }
      if (operator.disabled) return operator;
      await updateDisabled(tx, operator.id);
      await endSessionsOf(tx, operator.id);
      const { login: subject } = operator;
      const action = 'operator.disable';
      await audit.record(tx, { actor: by, action, subject, outcome: 'done', traceId });
      return { ...operator, disabled: true };
    },

    async dropSecondFactor(tx, { login, by, traceId, needsSecondPerson }) {
      const operator = await known(tx, login);
      if (by.id === operator.id) throw new DomainError('same-person');
      await deleteSecondFactor(tx, operator.id);
      await endSessionsOf(tx, operator.id);
      if (needsSecondPerson) await hold(tx, operator, by.id);
      const { login: subject } = operator;
      const action = 'operator.drop-second-factor';
      await audit.record(tx, { actor: by, action, subject, outcome: 'done', traceId });
    },

    async approve(tx, { login, by, traceId }) {
      const { passwordHash: _, temporaryUntil: __, ...operator } = await known(tx, login);
      const { heldBy, id, role, login: subject } = operator;
      if (heldBy === undefined) return operator;
      // What he did himself waits for somebody else still.
      const own = holdersIn(heldBy).filter((holder) => holder === by.id);
      if (own.length === holdersIn(heldBy).length) throw new DomainError('same-person');
      const left = own.length === 0 ? undefined : by.id;
      await updateHeldBy(tx, id, left);
      await audit.record(tx, {
        ...{ actor: by, action: 'operator.approve', subject, outcome: 'done' },
        ...{ detail: { role, heldBy }, traceId },
      });
      return { ...operator, heldBy: left };
    },

    operators: (tx, { after, limit }) => listOperators(tx, { after: after ?? '', limit }),
  };
}

const holdersIn = (heldBy: string | undefined) => heldBy?.split(' ') ?? [];

/** Everybody who let him in: one act does not hide another. */
async function hold(tx: Transaction, { id, heldBy }: Operator, by: string): Promise<void> {
  await updateHeldBy(tx, id, [...new Set([...holdersIn(heldBy), by])].join(' '));
}

function invalid(field: string, message: string): DomainError {
  return new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
