import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import { type AnyEndpointSpec, needsBody, statusOf } from './endpoint.ts';
import type { FrameEnv } from './exchange.ts';
import { sessionCookie } from './guard.ts';
import { problem, wireMoney } from './schemas.ts';

type Registry = OpenAPIHono<FrameEnv>['openAPIRegistry'];
export type ApiDocument = ReturnType<OpenAPIHono<FrameEnv>['getOpenAPI31Document']>;

const keyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(128)
    .optional()
    .openapi({
      description:
        'The same key with the same body gives the same answer for at least 7 days; ' +
        'with another body it is refused. It counts for one operator, one path and this node alone: ' +
        'at another branch it is a new request. What was refused was not done, and may be tried again under its key',
    }),
});

const text = { type: 'string' } as const;
const replayHeaders = {
  'Idempotent-Replayed': {
    description: '`true` on the answer of the first time, given again; absent on the first',
    schema: text,
  },
};

const problemResponse = {
  description: 'A refusal: what happened, and what to do next',
  headers: {
    'Retry-After': {
      description: 'Seconds until it is worth coming again: with every 503, and with `locked-out`',
      schema: { type: 'integer' as const },
    },
    'WWW-Authenticate': { description: '`Bearer` with every 401', schema: text },
  },
  content: { 'application/problem+json': { schema: problem } },
};

/**
 * The OpenAPI document of an API, made when it is first asked for: by then all endpoints are there, and a start need not
 * wait for it.
 */
export function createDocument(
  app: OpenAPIHono<FrameEnv>,
  info: { readonly title: string; readonly version: string },
) {
  const specs: AnyEndpointSpec[] = [];
  let made: ApiDocument | undefined;
  function make(): ApiDocument {
    const registry = app.openAPIRegistry;
    registerSecuritySchemes(registry);
    for (const spec of specs) registry.registerPath(operationOf(spec));
    return app.getOpenAPI31Document({ openapi: '3.1.0', info });
  }
  return {
    add: (spec: AnyEndpointSpec): void => void specs.push(spec),
    document(): ApiDocument {
      made ??= make();
      return made;
    },
  };
}

function registerSecuritySchemes(registry: Registry): void {
  // A component that is first met as nullable would be nullable everywhere.
  registry.register('Money', wireMoney);
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of POST /api/v1/sessions',
  });
  registry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookie,
    description: 'A browser at our own pages; other than GET from the same origin only',
  });
}

function operationOf(spec: AnyEndpointSpec): RouteConfig {
  const { params, query, body, response, permission, description } = spec;
  const headers = spec.idempotent ? { headers: replayHeaders } : {};
  const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } });
  return {
    method: lowerCase[spec.method],
    path: spec.path,
    operationId: spec.operationId,
    tags: [spec.tag],
    summary: spec.summary,
    ...(description === undefined ? {} : { description }),
    security: permission === 'public' ? [] : [{ bearer: [] }, { session: [] }],
    'x-permission': permission,
    request: {
      ...(params instanceof z.ZodObject ? { params } : {}),
      ...(query instanceof z.ZodObject ? { query } : {}),
      ...(spec.idempotent ? { headers: keyHeader } : {}),
      ...(body ? { body: { required: needsBody(spec), ...json(body) } } : {}),
    },
    responses: {
      [statusOf(spec)]: response
        ? { description: 'Done', ...headers, ...json(response) }
        : { description: 'Done; no body', ...headers },
      default: problemResponse,
    },
  };
}

const lowerCase = {
  GET: 'get',
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
} as const;
