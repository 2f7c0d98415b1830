import { OpenAPIHono } from '@hono/zod-openapi';
import { routePath } from 'hono/route';
import { TrieRouter } from 'hono/router/trie-router';
import { Registry } from 'prom-client';
import type { Access } from '../access/access-service.ts';
import type { Audit } from '../access/audit.ts';
import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../text/logger.ts';
import { createSparingLog } from '../text/sparing-log.ts';
import type { Clock } from '../time/clock.ts';
import { registerAuditEndpoints } from './audit-routes.ts';
import { registerDocs } from './docs-pages.tsx';
import { type AddEndpoint, checkSpec, endpointHandler } from './endpoint.ts';
import { type Exchange, type FrameContext, type FrameEnv, sourceOf } from './exchange.ts';
import { createGuard } from './guard.ts';
import { createIdempotency } from './idempotency.ts';
import { createHttpMetrics, type Readiness, registerProbes } from './observability.ts';
import { createDocument } from './openapi.ts';
import { registerOperatorEndpoints } from './operator-routes.ts';
import { frameHeaders, problemAnswer, refusalOf } from './response.ts';
import { registerSecondFactorEndpoints } from './second-factor-routes.ts';
import { registerSessionEndpoints } from './session-routes.ts';
import { createTracer } from './trace.ts';

/** While a store or a peer is away, each of hundreds of requests a second is refused for the same reason. */
const refusalPauseMs = 1_000;

export interface ApiDeps {
  readonly title: string;
  readonly version: string;
  readonly store: Store;
  readonly access: Access;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** The node's code. */
  readonly serverName: string;
  readonly registry?: Registry;
  /** Always ready if absent. */
  readonly readiness?: () => Promise<Readiness>;
  /** Addresses of our own proxies, whose word is taken on where a request came from. */
  readonly proxies?: readonly string[];
  /** Opens `/metrics` to other machines. */
  readonly metricsToken?: string | undefined;
}

export type Api = ReturnType<typeof createApi>;

/**
 * The HTTP frame of a node: endpoints from one spec each, the OpenAPI document of them, sessions,
 * operators, the audit trail, probes. Rooms add their endpoints with `endpoint` and their pages to
 * `app`.
 */
export function createApi(deps: ApiDeps) {
  const { title, version, store, clock, ids, logger } = deps;
  const registry = deps.registry ?? new Registry();
  const app = new OpenAPIHono<FrameEnv>();
  const guard = createGuard(deps);
  const idempotency = createIdempotency({ store, clock });
  const unavailable = createSparingLog({ clock, pauseMs: refusalPauseMs });

  async function refuse(c: FrameContext, error: unknown): Promise<Response> {
    const refusal = refusalOf(error);
    const response = problemAnswer(c, refusal);
    await reportRefusal(c, refusal, response.status);
    return response;
  }

  async function reportRefusal(c: FrameContext, refusal: DomainError, status: number) {
    const { trace, route } = c.get('exchange');
    if (status === 500) {
      const err = refusal.cause ?? refusal;
      logger.error({ err, traceId: trace.traceId, route }, 'request failed');
    } else if (status > 500) {
      // A node that is away or recovering is no error of this one's.
      const { code, message } = refusal;
      const of = { code, traceId: trace.traceId, route };
      unavailable(`${code} ${route}`, (leftOut) => logger.warn({ ...of, leftOut }, message));
    }
    await guard.recordDenial(c, refusal, status);
  }

  const proxies = new Set(deps.proxies);
  frame(app, { ids, logger, metrics: createHttpMetrics(registry), proxies });
  app.onError((error, c) => refuse(c, error));
  const unmatched = notFoundHandler(app);
  app.notFound(unmatched);
  const { add, document } = createDocument(app, { title, version });

  const endpoint: AddEndpoint = (spec, handle) => {
    checkSpec(spec);
    add(spec);
    const path = spec.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const { respond, ask } = endpointHandler({ guard, idempotency, refuse }, spec, handle);
    app.on(spec.method, path, respond);
    return ask;
  };

  const sessions = registerSessionEndpoints(endpoint, deps);
  const secondFactor = registerSecondFactorEndpoints(endpoint, deps);
  const operators = registerOperatorEndpoints(endpoint, deps);
  const trail = registerAuditEndpoints(endpoint, deps);
  const { readiness = alwaysReady, metricsToken } = deps;
  registerProbes(app, { registry, readiness, metricsToken });
  registerDocs(app, document);

  return {
    /** For pages; they get the frame's headers, metrics, errors, and `principalOf`. */
    app,
    fetch: app.fetch,
    endpoint,
    document,
    /** The endpoints that every node has, as its pages ask them. */
    common: { ...sessions, ...secondFactor, ...operators, ...trail },
    registry,
    /** Who is signed in, for pages. @throws DomainError `not-permitted` for a forged request. */
    principalOf: guard.principalOf,
    /** For pages. @throws DomainError `not-signed-in`, `not-permitted`. */
    enter: guard.enter,
    /** For pages: logs and audits a refusal that they show themselves. */
    reportRefusal,
    /** What an address is answered with that no route has. */
    unmatched,
    /** Forgets old idempotent answers, a bounded number a call. @returns how many. */
    purgeIdempotencyKeys: idempotency.purge,
  };
}

const alwaysReady = async (): Promise<Readiness> => ({ ready: true, checks: {} });

interface FrameDeps {
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: ReturnType<typeof createHttpMetrics>;
  readonly proxies: ReadonlySet<string>;
}

/** What every request gets, whoever answers it: a trace, headers, a duration, a line in the log. */
function frame(app: OpenAPIHono<FrameEnv>, deps: FrameDeps): void {
  const { ids, logger, metrics, proxies } = deps;
  const trace = createTracer(ids);
  app.use(async (c, next) => {
    const startedMs = performance.now();
    const exchange: Exchange = {
      trace: trace(c.req.header('traceparent')),
      route: undefined,
      principal: undefined,
      source: sourceOf(c, proxies),
      isUnattended: false,
      isFramed: false,
    };
    c.set('exchange', exchange);
    await next();
    if (!exchange.isFramed) frameHeaders(c);
    const route = exchange.route ?? routePath(c, -1);
    const durationMs = performance.now() - startedMs;
    const { status } = c.res;
    const { method } = c.req;
    metrics.observe({ route, method, status }, durationMs / 1000);
    if (logger.isLevelEnabled('debug')) {
      const { traceId } = exchange.trace;
      const operator = exchange.principal?.login;
      logger.debug({ method, route, status, durationMs, traceId, operator }, 'request');
    }
  });
}

/** 405 with the methods that the path has, 404 if it has none. */
function notFoundHandler(app: OpenAPIHono<FrameEnv>) {
  let methods: TrieRouter<string> | undefined;
  return (c: FrameContext): Response => {
    c.get('exchange').route = 'unmatched';
    methods ??= methodRouter(app);
    const [found] = methods.match('ALL', c.req.path);
    const allowed = [...new Set(found.map(([method]) => method))].sort();
    if (allowed.length === 0) return problemAnswer(c, new DomainError('not-found'));
    const allow = allowed.join(', ');
    return problemAnswer(c, new DomainError('method-not-allowed', `Use ${allow}.`), { allow });
  };
}

/** Made at the first miss, when all routes are there. */
function methodRouter(app: OpenAPIHono<FrameEnv>): TrieRouter<string> {
  const router = new TrieRouter<string>();
  for (const { method, path } of app.routes) {
    if (method !== 'ALL') router.add('ALL', path, method);
  }
  return router;
}
