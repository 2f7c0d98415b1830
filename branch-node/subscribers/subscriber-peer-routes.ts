import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { actorHeader } from '../../shared/federation/actor.ts';
import type { Federation } from '../../shared/federation/federation.ts';
import type { PeerEnv } from '../../shared/federation/peer-routes.ts';
import { callerOf } from '../../shared/federation/peer-server.ts';
import { msisdnPattern, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { parseInput } from '../../shared/web/input.ts';
import type { Operations } from '../operations/operation-service.ts';
import type { NumberService } from '../sim/number-service.ts';
import type { CustomerService } from './customer-service.ts';
import type { PeerVisits, Visit, VisitPurpose } from './peer-visits.ts';
import { customerInput } from './subscriber-card.ts';
import {
  listedFrom,
  maxFoundElsewhere,
  searchPath,
  searchRequest,
} from './subscriber-list-view.ts';
import { assertMaySearch, isAnsweredElsewhere, subscriberQuery } from './subscriber-query.ts';
import type { SubscriberService } from './subscriber-service.ts';

const msisdn = z.string().regex(msisdnPattern, 'must be an E.164 number without +');
const newCustomer = z.strictObject({
  requestId: z.string().min(1).max(100),
  customer: customerInput,
  msisdn: msisdn.optional(),
});

export interface SubscriberPeerDeps {
  readonly node: NodeCode;
  readonly visits: PeerVisits;
  readonly subscribers: SubscriberService;
  readonly customers: CustomerService;
  readonly numbers: NumberService;
  /** A set-back that nobody has shown yet may have forgotten that a number was given to somebody already. */
  readonly federation: Pick<Federation, 'assertCertain'>;
  readonly operations: Pick<Operations, 'assertAccepts'>;
}

/**
 * What this branch answers to other branches about its subscribers; mounted in the app for peers.
 */
export function createSubscriberPeerApp(deps: SubscriberPeerDeps): Hono<PeerEnv> {
  const { visits, subscribers, customers, numbers } = deps;
  const app = new Hono<PeerEnv>();

  app.get('/peer/v1/subscribers/:msisdn', async (c) => {
    const number = parseInput(msisdn, c.req.param('msisdn'));
    const look = purpose('subscriber.read', 'subscriber.look-up', number);
    const card = await visits.receive(visitOf(c), look, (tx, { permissions }) =>
      subscribers.cardOf(tx, number, permissions),
    );
    return c.json(card);
  });

  app.get('/peer/v1/subscribers/:msisdn/changes', async (c) => {
    const number = parseInput(msisdn, c.req.param('msisdn'));
    const look = purpose('subscriber.read', 'subscriber.look-up', number);
    const history = await visits.receive(visitOf(c), look, (tx, { permissions }) =>
      subscribers.historyOf(tx, number, permissions),
    );
    return c.json(history);
  });

  app.get('/peer/v1/subscribers/:msisdn/payability', async (c) => {
    const number = parseInput(msisdn, c.req.param('msisdn'));
    const look = purpose('payment.take', 'subscriber.check-payability', number);
    const payability = await visits.receive(visitOf(c), look, (tx) =>
      subscribers.payabilityOf(tx, number),
    );
    return c.json(payability);
  });

  app.post(searchPath, async (c) => {
    const body = await c.req.text();
    const look = purpose('subscriber.read', 'subscriber.search');
    const items = await visits.receive(visitOf(c, body), look, async (tx, visitor) => {
      const query = subscriberQuery(parseInput(searchRequest, jsonOf(body)).query, deps.node);
      if (!isAnsweredElsewhere(query)) {
        const errors = [{ field: 'query', message: 'is too short to be searched elsewhere' }];
        throw new DomainError('invalid-input', undefined, { errors });
      }
      assertMaySearch(query, visitor.permissions);
      const found = await subscribers.search(tx, query, { limit: maxFoundElsewhere });
      return found.map((each) => listedFrom(deps.node, each, { isMasked: true }));
    });
    return c.json({ items });
  });

  app.post('/peer/v1/customers', async (c) => {
    const text = await c.req.text();
    const enter = purpose('subscriber.register', 'customer.receive');
    const entered = await visits.receive(visitOf(c, text), enter, async (tx, visitor) => {
      // The registration would be refused then, and the person would have gone with a card by that time.
      deps.operations.assertAccepts('registration');
      await deps.federation.assertCertain(tx);
      const { requestId, customer, msisdn: chosen } = parseInput(newCustomer, jsonOf(text));
      const customerId = await customers.add(tx, customer, {
        by: { id: visitor.id, name: visitor.name, node: visitor.branch },
        origin: `${visitor.branch}/${requestId}`,
      });
      const held = await subscribers.numberOfCustomer(tx, customerId);
      const number = held ?? (await numbers.reserve(tx, { customerId, msisdn: chosen }));
      return { customerId, msisdn: number };
    });
    return c.json(entered);
  });

  return app;
}

function purpose(
  permission: VisitPurpose['permission'],
  action: string,
  subject?: string,
): VisitPurpose {
  return { permission, action, subject };
}

function visitOf(c: Context<PeerEnv>, body?: string): Visit {
  const { pathname, search } = new URL(c.req.url);
  const assertion = c.req.header(actorHeader);
  if (assertion === undefined) throw new DomainError('peer-refused', 'No person is named.');
  const request = { method: c.req.method, path: pathname + search, body };
  return { caller: callerOf(c.env), assertion, request };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DomainError('invalid-input', 'The body is not JSON.', { cause });
  }
}
