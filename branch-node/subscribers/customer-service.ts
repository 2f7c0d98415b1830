import type { Audit, Actor as AuditActor } from '../../shared/access/audit.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, calendarDay, now } from '../../shared/time/clock.ts';
import { type Customer, type CustomerData, customerNumber } from './customer.ts';
import {
  customerByOrigin,
  findCustomer,
  findCustomerByNumber,
  insertCustomer,
  updateCustomer,
} from './customer-store.ts';

/** A day that has not begun there has begun nowhere. */
const easternmostZone = 'Pacific/Kiritimati';

/** Who entered personal data, for the audit trail. */
export interface EnteredBy {
  readonly by: AuditActor;
  readonly traceId?: string | undefined;
}

export type CustomerService = ReturnType<typeof createCustomerService>;

/** The people and firms that this branch contracts with. */
export function createCustomerService(deps: {
  node: NodeCode;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  /** @throws DomainError `no-release` */
  reference(): Reference;
}) {
  const { node, clock, ids, audit } = deps;

  function assertData({ document, birthDate = '' }: CustomerData): void {
    const types = deps.reference().rows('document-types');
    if (!types.some(({ code }) => code === document.type)) {
      throw wrong('customer.document.type', 'is not in the dictionary of documents');
    }
    if (birthDate > calendarDay(clock.nowMs(), easternmostZone)) {
      throw wrong('customer.birthDate', 'is in the future');
    }
  }

  /**
   * Enters a customer; the same `origin` again corrects the one it brought before.
   * @throws DomainError `invalid-input` for a document that the dictionary does not know, or a birth to come.
   */
  async function add(
    tx: Transaction,
    data: CustomerData,
    entered: EnteredBy & { origin?: string },
  ): Promise<string> {
    assertData(data);
    const { by: actor, traceId, origin } = entered;
    const known = origin === undefined ? undefined : await customerByOrigin(tx, origin);
    const id = known ?? ids.uuid();
    if (known) await updateCustomer(tx, id, data);
    else await insertCustomer(tx, { id, data, origin, at: now(clock) });
    const action = 'customer.enter';
    await audit.record(tx, { actor, action, subject: id, outcome: 'done', traceId });
    return id;
  }

  /** @throws DomainError `not-found`. */
  async function byNumber(tx: Reader, text: string): Promise<Customer> {
    const [code, digits = ''] = text.split('-');
    const isOurs = code === node && /^\d{1,15}$/.test(digits);
    const customer = isOurs ? await findCustomerByNumber(tx, BigInt(digits)) : undefined;
    if (!customer) throw new DomainError('not-found', 'No such customer here.');
    return customer;
  }

  return {
    add,
    byNumber,
    find: findCustomer,
    numberOf: ({ number }: Customer) => customerNumber(node, number),

    /** Enters the data of a customer again. @throws DomainError `not-found`, `invalid-input`. */
    async correct(
      tx: Transaction,
      number: string,
      { data, by: actor, traceId }: EnteredBy & { data: CustomerData },
    ): Promise<Customer> {
      const { id } = await byNumber(tx, number);
      assertData(data);
      await updateCustomer(tx, id, data);
      const action = 'customer.correct';
      await audit.record(tx, { actor, action, subject: id, outcome: 'done', traceId });
      return byNumber(tx, number);
    },

    /** What a set-back lost of a customer cannot come back from a log: a place is kept for it. */
    async ensure(tx: Transaction, id: string): Promise<void> {
      if (!(await findCustomer(tx, id))) await insertCustomer(tx, { id, at: now(clock) });
    },
  };
}

function wrong(field: string, message: string): DomainError {
  return new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
