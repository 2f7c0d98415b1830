import { z } from '@hono/zod-openapi';
import type { Principal } from '../../shared/access/operator.ts';
import type { Permission } from '../../shared/access/permissions.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { AddEndpoint } from '../../shared/web/endpoint.ts';
import { iccid, msisdn, nodeCode } from '../../shared/web/schemas.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import type { OperationRecord } from '../operations/operation.ts';
import type { Operations } from '../operations/operation-service.ts';
import { operationView, seenBy, viewOf } from '../operations/operation-view.ts';
import type { CustomerService } from './customer-service.ts';

import { customerInput, customerView, viewOfCustomer } from './subscriber-card.ts';
import type {
  AskedBy,
  CustomerOrNumber,
  EnteredElsewhere,
  SubscriberDesk,
} from './subscriber-desk.ts';

const code = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$/, 'must be a code');
const customerNumber = z
  .string()
  .regex(/^[A-Z]{2,8}-\d{1,15}$/, 'must be a customer number')
  .openapi({ example: 'MSK-104' });

const whoseShape = {
  customer: customerInput.optional(),
  customerNumber: customerNumber.optional(),
};

const whoseDescription =
  'With `customer`, or with `customerNumber` of a customer of this branch; not both';

interface WhoseInput {
  customer?: z.output<typeof customerInput> | undefined;
  customerNumber?: string | undefined;
}

function checkWhose({ customer, customerNumber }: WhoseInput, context: z.RefinementCtx): void {
  if ((customer === undefined) !== (customerNumber === undefined)) return;
  const message = 'is needed, or customerNumber of a customer of this branch; not both';
  context.addIssue({ code: 'custom', path: ['customer'], message });
}

function whoseOf({ customer, customerNumber = '' }: WhoseInput): CustomerOrNumber {
  return customer ? { customer } : { customerNumber };
}

const registration = z
  .strictObject({
    msisdn: msisdn.optional().openapi({ description: 'Any free number without it' }),
    homeBranch: nodeCode
      .optional()
      .openapi({ description: 'This branch, or where the number lives, without it' }),
    iccid,
    ratePlan: code,
    ...whoseShape,
  })
  .superRefine(checkWhose)
  .openapi('NewSubscriber', { description: whoseDescription });

const numberMove = z
  .strictObject({
    msisdn,
    iccid,
    ratePlan: code.optional().openapi({ description: 'The present one without it' }),
    ...whoseShape,
  })
  .superRefine(checkWhose)
  .openapi('NumberMove', { description: whoseDescription });

const simReplacement = z
  .strictObject({ msisdn, iccid, reason: code.optional() })
  .openapi('SimReplacement');
const ratePlanChange = z.strictObject({ msisdn, ratePlan: code }).openapi('RatePlanChange');
const serviceChange = z
  .strictObject({ msisdn, service: code, action: z.enum(['on', 'off']) })
  .openapi('ServiceChange');
const block = z
  .strictObject({
    msisdn,
    action: z.enum(['block', 'unblock']),
    reason: code.default('customer-request').openapi({ description: 'A code of the reasons' }),
  })
  .openapi('Block');

const termination = z
  .strictObject({ msisdn, reason: code.default('customer-request') })
  .openapi('Termination');

export interface SubscriberDeskRoutesDeps {
  readonly node: NodeCode;
  readonly ids: Ids;
  readonly desk: SubscriberDesk;
  readonly customers: CustomerService;
  readonly recall: Operations['recall'];
}

/** What a person at the desk does for subscribers. */
export function subscriberDeskRoutes(
  api: { endpoint: AddEndpoint },
  deps: SubscriberDeskRoutesDeps,
) {
  const { desk } = deps;
  const add = operationAdder(api.endpoint, deps);
  return {
    registerSubscriber: registrationRoute(api.endpoint, deps),
    correctCustomer: customerRoute(api.endpoint, deps),
    moveNumber: add('number.move', numberMove, {
      ...{ path: 'number-moves', operationId: 'moveNumber', summary: 'Take a number over' },
      act: (tx, body, by) => desk.moveNumber(tx, { ...body, whose: whoseOf(body) }, by),
    }),
    replaceSim: add('sim.replace', simReplacement, {
      ...{ path: 'sim-replacements', operationId: 'replaceSim', summary: 'Replace a SIM card' },
      act: desk.replaceSim,
    }),
    changeRatePlan: add('rate-plan.change', ratePlanChange, {
      ...{
        path: 'rate-plan-changes',
        operationId: 'changeRatePlan',
        summary: 'Change a rate plan',
      },
      act: desk.changeRatePlan,
    }),
    changeService: add('service.change', serviceChange, {
      ...{ path: 'service-changes', operationId: 'changeService', summary: 'Switch a service' },
      act: desk.changeService,
    }),
    terminateSubscriber: add('subscriber.terminate', termination, {
      ...{ path: 'terminations', operationId: 'terminateSubscriber', summary: 'End a contract' },
      act: desk.terminate,
    }),
    blockSubscriber: add('subscriber.block', block, {
      ...{ path: 'blocks', operationId: 'blockSubscriber', summary: 'Block or unblock' },
      act: desk.block,
    }),
  };
}

/** As the pages ask them. */
export type DeskEndpoints = ReturnType<typeof subscriberDeskRoutes>;

interface OperationEndpoint<Body> {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly act: (tx: Transaction, body: Body, by: AskedBy) => Promise<OperationRecord>;
}

/** The operation again that a lost key led to. */
const recallWith =
  (recall: Operations['recall']) =>
  async (tx: Reader, key: string, { permissions }: Principal) => {
    const record = await recall(tx, key);
    return record && seenBy(permissions, viewOf(record));
  };

function operationAdder(
  endpoint: AddEndpoint,
  { recall }: Pick<SubscriberDeskRoutesDeps, 'recall'>,
) {
  return <Body extends z.ZodType>(
    permission: Permission,
    body: Body,
    { path, operationId, summary, act }: OperationEndpoint<z.output<Body>>,
  ) =>
    endpoint(
      {
        ...{ method: 'POST', path: `/api/v1/${path}`, permission, operationId, summary },
        ...{ tag: 'Subscribers', idempotent: true, body, response: operationView },
        recall: recallWith(recall),
      },
      ({ body: wish, principal, traceId, idempotency }) =>
        idempotency.write(async (tx, { sha256: key }) =>
          seenBy(principal.permissions, viewOf(await act(tx, wish, { principal, traceId, key }))),
        ),
    );
}

/**
 * Leaves the write, undone: a write waits for no other branch, and the home branch has to be asked
 * first.
 */
class HomeFirst extends Error {
  readonly home: NodeCode;
  readonly key: string | undefined;

  constructor(home: NodeCode, key: string | undefined) {
    super(`${home} has to be asked first`);
    this.home = home;
    this.key = key;
  }
}

function registrationRoute(
  endpoint: AddEndpoint,
  { node, desk, ids, recall }: SubscriberDeskRoutesDeps,
) {
  return endpoint(
    {
      ...{ method: 'POST', path: '/api/v1/subscribers', permission: 'subscriber.register' },
      ...{ operationId: 'registerSubscriber', summary: 'Register a subscriber, of any branch' },
      ...{ tag: 'Subscribers', idempotent: true, body: registration, response: operationView },
      recall: recallWith(recall),
    },
    async ({ body, principal, traceId, idempotency }) => {
      const by = { principal, traceId };
      const wish = { ...body, whose: whoseOf(body) };
      const write = (elsewhere?: EnteredElsewhere) =>
        idempotency.write(async (tx, { key, sha256: named }) => {
          const home = elsewhere ? node : await desk.homeOfWish(tx, wish);
          if (home !== node) throw new HomeFirst(home, key);
          const made = await desk.register(tx, wish, { by: { ...by, key: named }, elsewhere });
          return seenBy(principal.permissions, viewOf(made));
        });
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof HomeFirst)) throw error;
        // Under a key, asking the home branch again about the same person is the same question there.
        const { home, key } = error;
        const named = canonicalJson({
          by: principal.operatorId,
          key: key ?? '',
          whose: wish.whose,
        });
        const requestId = key === undefined ? ids.uuid() : sha256(named);
        return write(await desk.enterElsewhere(home, wish, { by, requestId }));
      }
    },
  );
}

function customerRoute(endpoint: AddEndpoint, { customers, node }: SubscriberDeskRoutesDeps) {
  return endpoint(
    {
      ...{ method: 'PUT', path: '/api/v1/customers/{number}', permission: 'subscriber.personal' },
      ...{ operationId: 'correctCustomer', summary: "Enter a customer's data again" },
      ...{ tag: 'Subscribers', body: customerInput, response: customerView },
      params: z.strictObject({ number: customerNumber }),
    },
    async ({ params: { number }, body: data, principal, traceId, idempotency }) => {
      const by = { id: principal.operatorId, name: principal.name, node };
      return idempotency.write(async (tx) => {
        const customer = await customers.correct(tx, number, { data, by, traceId });
        return viewOfCustomer(node, customer, principal.permissions);
      });
    },
  );
}
