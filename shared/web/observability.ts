import { createHash, timingSafeEqual } from 'node:crypto';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { DomainError } from '../problem/problem.ts';
import { type FrameContext, type FrameEnv, isFromHere } from './exchange.ts';
import { answer } from './response.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { ok: boolean; detail?: string }>>;
}

const durationBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * What the process itself tells, its memory, processor time and event loop: once, however many nodes
 * it runs or has run, for its observers are never taken away.
 */
let ofProcess: Registry | undefined;

function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Adds the duration of requests to a registry. Routes are patterns: no identifier in a label. */
export function createHttpMetrics(registry: Registry) {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to its answer',
    labelNames: ['route', 'method', 'status'],
    buckets: durationBucketsSeconds,
    registers: [registry],
  });
  return {
    observe(request: { route: string; method: string; status: number }, seconds: number) {
      duration.observe({ ...request, method: labelMethod(request.method) }, seconds);
    },
  };
}

const knownMethods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
]);

/** Callers may invent methods; each would be a time series of its own. */
function labelMethod(method: string): string {
  return knownMethods.has(method) ? method : 'other';
}

interface ProbeDeps {
  readonly registry: Registry;
  readonly readiness: () => Promise<Readiness>;
  readonly metricsToken: string | undefined;
}

/**
 * `/livez`: the process answers. `/readyz`: it can take work. `/metrics`: Prometheus, on this
 * machine, or with the token for it.
 */
export function registerProbes(
  app: OpenAPIHono<FrameEnv>,
  { registry, readiness, metricsToken }: ProbeDeps,
): void {
  const json = (c: FrameContext, status: number, body: object) =>
    answer(c, { status, text: JSON.stringify(body) });

  app.get('/livez', (c) => json(c, 200, { live: true }));
  app.get('/readyz', async (c) => {
    const state = await readiness();
    return json(c, state.ready ? 200 : 503, state);
  });
  app.get('/metrics', async (c) => {
    c.get('exchange').route = '/metrics';
    if (!isFromHere(c) && !isToken(c, metricsToken)) throw new DomainError('not-signed-in');
    const all = Registry.merge([registry, processMetrics()]);
    return answer(c, { status: 200, text: await all.metrics(), contentType: registry.contentType });
  });
}

function isToken(c: FrameContext, token: string | undefined): boolean {
  if (token === undefined) return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(c.req.header('authorization') ?? ''), digest(`Bearer ${token}`));
}
