import { z } from 'zod';
import type { Principal } from '../access/operator.ts';
import type { Reader } from '../store/store.ts';
import type { FrameContext } from './exchange.ts';
import type { Entry, Guard } from './guard.ts';
import {
  type createIdempotency,
  type Idempotency,
  type KeyedRequest,
  parseIdempotencyKey,
} from './idempotency.ts';
import { parseInput, requireStrict } from './input.ts';
import { defaultMaxBodyBytes, readJson } from './request-body.ts';
import { answer } from './response.ts';

/** No members at all: what an endpoint takes that declares no parameters, query or body. */
export const nothing = z.strictObject({});
export type Nothing = typeof nothing;

export interface EndpointSpec<
  Who extends Entry,
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With parameters in braces: `/api/v1/operators/{login}`. */
  readonly path: string;
  /** One permission, one of what anybody who is signed in may do, or `public`; there is no endpoint without. */
  readonly permission: Who;
  /** In camelCase, unique: what generated clients call it. */
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Strict objects throughout: unknown fields are refused. */
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly maxBodyBytes?: number;
  /** 204 without `response`; else 201 for a POST, 200 for the rest. */
  readonly status?: 200 | 201 | 202 | 204;
  readonly response?: Answer;
  /** Takes an `Idempotency-Key`; the handler then does its work in `idempotency.write`. */
  readonly idempotent?: boolean;
  /** How a request is known again whose key was lost with a set-back, from what its operation left in the log. */
  readonly recall?: (
    tx: Reader,
    keySha256: string,
    principal: Principal,
  ) => Promise<AnswerOf<Answer> | undefined>;
}

export interface EndpointRequest<Who extends Entry, Params, Query, Body, Answer> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Who extends 'public' ? undefined : Principal;
  readonly traceId: string;
  readonly idempotency: Idempotency<Answer>;
  /** For what is about HTTP itself; nothing else belongs there. */
  readonly context: FrameContext;
}

/**
 * What a handler answers with: the response as JSON carries it. Without one, whatever it returns is
 * not sent.
 */
export type AnswerOf<Answer extends z.ZodType> = Answer extends z.ZodUndefined
  ? unknown
  : z.input<Answer>;

/** What a page asks an endpoint with; the schemas parse it as they parse a request of the API. */
export interface Question {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** The idempotency key, for endpoints that take one. */
  readonly key?: string;
}

/**
 * An endpoint as the pages of this node ask it: the same person, permission, checks and work, answered without JSON in
 * between. @throws DomainError as the API would refuse it.
 */
export type Ask<Answer> = (c: FrameContext, question?: Question) => Promise<Answer>;

/**
 * Adds an endpoint; see `EndpointSpec`. @throws Error at wiring time for a spec that would be a
 * hole.
 */
export type AddEndpoint = <
  const Who extends Entry,
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Body extends z.ZodType = Nothing,
  Answer extends z.ZodType = z.ZodUndefined,
>(
  spec: EndpointSpec<Who, Params, Query, Body, Answer>,
  handle: (
    request: EndpointRequest<
      Who,
      z.output<Params>,
      z.output<Query>,
      z.output<Body>,
      AnswerOf<Answer>
    >,
  ) => Promise<AnswerOf<Answer>>,
) => Ask<AnswerOf<Answer>>;

export type AnyEndpointSpec = EndpointSpec<Entry, z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

export function statusOf({ status, response, method }: AnyEndpointSpec) {
  return status ?? (response === undefined ? 204 : method === 'POST' ? 201 : 200);
}

/** The names in braces of a path. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
}

/**
 * @throws Error for a spec that would be a hole: a schema that is not strict, a parameter nobody
 * parses.
 */
export function checkSpec(spec: AnyEndpointSpec): void {
  const { operationId, path, method, idempotent, permission } = spec;
  const parts = { params: spec.params, query: spec.query, body: spec.body };
  for (const [part, schema] of Object.entries(parts)) {
    if (schema) requireStrict(schema, `${operationId}: ${part}`);
  }
  const parsed = spec.params instanceof z.ZodObject ? Object.keys(spec.params.shape) : [];
  const named = pathParameters(path);
  if (String(parsed.toSorted()) !== String(named.toSorted())) {
    throw new Error(`${operationId}: params must parse exactly ${named.join(', ') || 'nothing'}`);
  }
  if (spec.body && method === 'GET') throw new Error(`${operationId}: a GET has no body`);
  if (idempotent && (method === 'GET' || permission === 'public')) {
    // Strangers would share one space of keys and could read each other's answers.
    throw new Error(`${operationId}: keys need a write by somebody who is signed in`);
  }
}

/** A body whose every member may be left out may be left out itself. */
export function needsBody({ body }: Pick<AnyEndpointSpec, 'body'>): boolean {
  return body !== undefined && !body.safeParse({}).success;
}

export interface EndpointDeps {
  readonly guard: Guard;
  readonly idempotency: ReturnType<typeof createIdempotency>;
  readonly refuse: (c: FrameContext, error: unknown) => Promise<Response>;
}

/**
 * A Hono handler for a spec; what does not depend on the request is decided once.
 */
export function endpointHandler<
  Who extends Entry,
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
>(
  deps: EndpointDeps,
  spec: EndpointSpec<Who, Params, Query, Body, Answer>,
  handle: (
    request: EndpointRequest<
      Who,
      z.output<Params>,
      z.output<Query>,
      z.output<Body>,
      AnswerOf<Answer>
    >,
  ) => Promise<AnswerOf<Answer>>,
): { respond: (c: FrameContext) => Promise<Response>; ask: Ask<AnswerOf<Answer>> } {
  const { guard, idempotency, refuse } = deps;
  const { method, path: route, permission } = spec;
  const status = statusOf(spec);
  const maxBytes = spec.maxBodyBytes ?? defaultMaxBodyBytes;
  let isBodyRequired: boolean | undefined;
  const hasParams = spec.params !== undefined;
  // The cast is sound: a schema that is left out defaults to `Nothing`.
  const params = (spec.params ?? nothing) as Params;
  const query = (spec.query ?? nothing) as Query;
  const bodySchema = (spec.body ?? nothing) as Body;

  async function readBody(c: FrameContext): Promise<unknown> {
    if (method === 'GET') return {};
    // Asked of the schema at the first request: a start asks nothing of a hundred of them.
    isBodyRequired ??= needsBody(spec);
    const body = await readJson(c, { maxBytes, isRequired: isBodyRequired });
    return body === undefined ? {} : body;
  }

  function keyed(
    { request, key }: { request: string; key: string | undefined },
    principal: Principal | undefined,
    body: unknown,
  ) {
    if (!spec.idempotent || !principal || key === undefined) return undefined;
    const scope = { principal: principal.operatorId, request, key };
    const { recall: recallFor } = spec;
    const recall: KeyedRequest<AnswerOf<Answer>>['recall'] =
      recallFor && ((tx, keySha256) => recallFor(tx, keySha256, principal));
    return { scope, body, status, recall } satisfies KeyedRequest<AnswerOf<Answer>>;
  }

  async function work(
    c: FrameContext,
    principal: Principal | undefined,
    asked: {
      params: unknown;
      query: unknown;
      body: unknown;
      request: string;
      key?: string | undefined;
    },
  ) {
    const { request, key, body } = asked;
    const write = idempotency.begin<AnswerOf<Answer>>(keyed({ request, key }, principal, body));
    const wish = {
      params: parseInput(params, asked.params),
      query: parseInput(query, asked.query),
      body: parseInput(bodySchema, body),
      principal: principal as Who extends 'public' ? undefined : Principal,
      traceId: c.get('exchange').trace.traceId,
      idempotency: write,
      context: c,
    };
    const earlier = await write.answered();
    const made = earlier ? earlier.answer : await handle(wish);
    return { made, replayed: write.replayed };
  }

  const entered = (c: FrameContext) =>
    permission === 'public' ? undefined : guard.enter(c, permission);

  async function respond(c: FrameContext): Promise<Response> {
    c.get('exchange').route = route;
    try {
      const principal = await entered(c);
      const body = await readBody(c);
      const { made, replayed } = await work(c, principal, {
        params: hasParams ? c.req.param() : {},
        query: queryOf(c),
        body,
        request: `${method} ${c.req.path}`,
        key: parseIdempotencyKey(c.req.header('idempotency-key')),
      });
      return jsonAnswer(c, made, replayed ? { ...replayed, isReplay: true } : { status });
    } catch (error) {
      return refuse(c, error);
    }
  }

  async function ask(c: FrameContext, question: Question = {}): Promise<AnswerOf<Answer>> {
    const { params: named = {}, query: filter = {}, body = {}, key } = question;
    const path = route.replaceAll(/\{(\w+)\}/g, (_, name: string) => named[name] ?? '');
    const { made } = await work(c, await entered(c), {
      ...{ params: named, query: filter, body },
      request: `${method} ${path}`,
      key: parseIdempotencyKey(key),
    });
    return made;
  }

  return { respond, ask };
}

const noQuery: Readonly<Record<string, string>> = {};
const replayedHeaders = { 'idempotent-replayed': 'true' };

function queryOf(c: FrameContext): Readonly<Record<string, string>> {
  return c.req.url.includes('?') ? c.req.query() : noQuery;
}

function jsonAnswer(
  c: FrameContext,
  made: unknown,
  { status, isReplay = false }: { status: number; isReplay?: boolean },
): Response {
  const headers = isReplay ? replayedHeaders : undefined;
  return answer(c, { status, text: status === 204 ? null : JSON.stringify(made), headers });
}
