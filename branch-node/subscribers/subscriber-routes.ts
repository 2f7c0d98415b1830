import { z } from '@hono/zod-openapi';
import type { Principal } from '../../shared/access/operator.ts';
import type { Permission } from '../../shared/access/permissions.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import type { AddEndpoint } from '../../shared/web/endpoint.ts';
import {
  cursorQuery,
  limitQuery,
  msisdn,
  nodeCode,
  page,
  wireMoney,
} from '../../shared/web/schemas.ts';
import { subscriberCard, subscriberHistory } from './subscriber-card.ts';
import type { SubscriberDirectory } from './subscriber-directory.ts';
import { listedFrom, listedSubscriber, searchRequest } from './subscriber-list-view.ts';
import { assertMaySearch, subscriberQuery } from './subscriber-query.ts';
import { nameMark } from './subscriber-search-store.ts';
import type { SubscriberService } from './subscriber-service.ts';

const maxQueryLength = 100;

const ratePlan = z
  .strictObject({
    code: z.string(),
    name: z.string(),
    monthlyFee: wireMoney,
    switchFee: wireMoney,
    services: z.array(z.string()),
  })
  .openapi('RatePlan');

const service = z
  .strictObject({ code: z.string(), name: z.string(), fee: wireMoney })
  .openapi('Service');

const searchKey = z.strictObject({ msisdn: z.string(), name: z.string().optional() });

export interface SubscriberRoutesDeps {
  readonly node: NodeCode;
  readonly store: Store;
  readonly subscribers: SubscriberService;
  readonly directory: SubscriberDirectory;
  /** @throws DomainError `no-release` */
  readonly reference: () => Reference;
  /** What an operation of now is priced by: not today, once today is closed. */
  readonly businessDate: (tx: Reader) => Promise<BusinessDate>;
}

/** Finding subscribers, and what they can be offered. */
export function subscriberRoutes(api: { endpoint: AddEndpoint }, deps: SubscriberRoutesDeps) {
  return { ...searchRoutes(api.endpoint, deps), ...offerRoutes(api.endpoint, deps) };
}

/** As the pages ask them. */
export type SubscriberEndpoints = ReturnType<typeof subscriberRoutes>;

function searchRoutes(endpoint: AddEndpoint, deps: SubscriberRoutesDeps) {
  const { node, store, subscribers, directory } = deps;
  const common = { method: 'GET', permission: 'subscriber.read', tag: 'Subscribers' } as const;

  const findSubscribers = endpoint(
    {
      ...{ ...common, path: '/api/v1/subscribers' },
      ...{ operationId: 'findSubscribers', summary: 'Find subscribers of this branch' },
      description:
        'By number or its last four digits and more, name, ICCID, customer number (`MSK-104`), or document as it is written (`4509 123456`, `№751234567`), which needs `subscriber.personal`.',
      query: z.strictObject({
        query: z.string().max(maxQueryLength).default(''),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(listedSubscriber),
    },
    async ({ query: { query, limit, cursor }, principal }) => {
      const { permissions } = principal;
      const last = decodeCursor(cursor, searchKey);
      const after = { after: last?.msisdn, nameMark: last?.name };
      const wanted = subscriberQuery(query, node);
      assertMaySearch(wanted, permissions);
      const rows = await store.read((tx) =>
        subscribers.search(tx, wanted, { ...after, limit: limit + 1 }),
      );
      return pageOf(rows, limit, {
        item: (row) => listedFrom(node, row, { isMasked: !permissions.has('subscriber.personal') }),
        key: ({ msisdn, name }) => ({ msisdn, name: nameMark(name) }),
      });
    },
  );

  const showSubscriber = endpoint(
    {
      ...{ ...common, path: '/api/v1/subscribers/{msisdn}' },
      ...{ operationId: 'showSubscriber', summary: "Any branch's subscriber, live from his home" },
      params: z.strictObject({ msisdn }),
      response: subscriberCard,
    },
    ({ params, principal }) => directory.card(params.msisdn, principal),
  );

  const listSubscriberChanges = endpoint(
    {
      ...{ ...common, path: '/api/v1/subscribers/{msisdn}/changes' },
      operationId: 'listSubscriberChanges',
      summary: "What became of any branch's subscriber, live from his home",
      description: 'The newest 50: who, where, when, before and after.',
      params: z.strictObject({ msisdn }),
      response: subscriberHistory,
    },
    ({ params, principal }) => directory.history(params.msisdn, principal),
  );

  const findSubscribersAt = endpoint(
    {
      ...{ ...common, path: '/api/v1/branches/{branch}/subscribers' },
      ...{ operationId: 'findSubscribersAt', summary: 'Find subscribers of another branch, live' },
      description:
        'By three letters of a name and more, the last digits of a number, ICCID, customer number, or document (with `subscriber.personal`). Names are masked, whoever asks; the branch writes down who did.',
      params: z.strictObject({ branch: nodeCode }),
      query: searchRequest,
      response: page(listedSubscriber),
    },
    async ({ params, query: { query }, principal }) => {
      assertMaySearch(subscriberQuery(query, node), principal.permissions);
      const others = deps
        .reference()
        .branches()
        .filter(({ code }) => code !== node);
      const branch = others.find(({ code, active }) => active && code === params.branch)?.code;
      if (branch === undefined) throw new DomainError('branch-not-found');
      return { items: await directory.searchAt(branch, query, principal), next: null };
    },
  );

  return { findSubscribers, findSubscribersAt, showSubscriber, listSubscriberChanges };
}

function offerRoutes(endpoint: AddEndpoint, deps: SubscriberRoutesDeps) {
  const common = { method: 'GET', permission: 'signed-in', tag: 'Offers' } as const;

  const listRatePlans = endpoint(
    {
      ...{ ...common, path: '/api/v1/rate-plans' },
      ...{ operationId: 'listRatePlans', summary: 'Rate plans of the business date' },
      description: 'Needs `reference.read` or `subscriber.read`.',
      response: page(ratePlan),
    },
    async ({ principal }) => {
      requireAny(principal, ['reference.read', 'subscriber.read']);
      const plans = deps.reference().ratePlans(await deps.store.read(deps.businessDate));
      const items = plans.map(({ code, name, monthlyFee, switchFee, services }) => ({
        ...{ code, name, services: [...services] },
        monthlyFee: formatMoney(monthlyFee),
        switchFee: formatMoney(switchFee),
      }));
      return { items, next: null };
    },
  );

  const listServices = endpoint(
    {
      ...{ ...common, path: '/api/v1/services' },
      ...{ operationId: 'listServices', summary: 'Services of the business date' },
      description: 'Needs `reference.read` or `subscriber.read`.',
      response: page(service),
    },
    async ({ principal }) => {
      requireAny(principal, ['reference.read', 'subscriber.read']);
      const services = deps.reference().services(await deps.store.read(deps.businessDate));
      const items = services.map(({ code, name, fee }) => ({ code, name, fee: formatMoney(fee) }));
      return { items, next: null };
    },
  );

  return { listRatePlans, listServices };
}

function requireAny({ permissions }: Principal, anyOf: readonly Permission[]): void {
  if (anyOf.some((each) => permissions.has(each))) return;
  throw new DomainError('not-permitted', `This needs one of ${anyOf.join(', ')}.`);
}
