import { DomainError, type Problem, problemOf } from '../problem/problem.ts';
import { maskText } from '../text/masking.ts';
import type { FrameContext } from './exchange.ts';

const apiPolicy = [
  "default-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
/** For pages of our own: no inline script or style, nothing from another host. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * One literal, so that every answer's headers share a shape; spreading parts together cost a tenth
 * of an answer.
 */
function apiHeaders(contentType: string, traceparent: string): Record<string, string> {
  return {
    'content-type': contentType,
    'content-security-policy': apiPolicy,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    traceparent,
  };
}

const strictTransport = 'strict-transport-security';
const strictTransportPolicy = 'max-age=31536000; includeSubDomains';

// RFC 6797, 7.2: not over plain HTTP.
function isOverTls(c: FrameContext): boolean {
  return c.req.url.startsWith('https:');
}

interface Answer {
  readonly status: number;
  /** Null for 204. */
  readonly text: string | Uint8Array<ArrayBuffer> | null;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A response with the frame's headers. They are one plain object: the Node adapter then writes them
 * without ever making a `Headers` of them, which is a good part of the cost of a small answer.
 */
export function answer(c: FrameContext, { status, text, contentType, headers }: Answer): Response {
  const exchange = c.get('exchange');
  exchange.isFramed = true;
  const all = apiHeaders(contentType ?? 'application/json', exchange.trace.traceparent);
  if (text === null) delete all['content-type'];
  if (isOverTls(c)) all[strictTransport] = strictTransportPolicy;
  if (headers) Object.assign(all, headers);
  return new Response(text, { status, headers: all });
}

/**
 * For responses that the frame did not make, pages and files: what they did not decide themselves.
 */
export function frameHeaders(c: FrameContext): void {
  const { headers } = c.res;
  const contentType = headers.get('content-type') ?? '';
  const defaults = apiHeaders(contentType, c.get('exchange').trace.traceparent);
  if (contentType.startsWith('text/html')) defaults['content-security-policy'] = pagePolicy;
  if (isOverTls(c)) defaults[strictTransport] = strictTransportPolicy;
  for (const [name, value] of Object.entries(defaults)) {
    if (value !== '' && !headers.has(name)) headers.set(name, value);
  }
}

/** When to come again with what was not taken for now, by nobody's fault. */
const againSeconds = 5;

/** A refusal as an RFC 9457 document, identifiers in its texts masked. */
export function problemAnswer(
  c: FrameContext,
  error: DomainError,
  extraHeaders: Readonly<Record<string, string>> = {},
): Response {
  const problem = maskedProblem(error, c.get('exchange').trace.traceId);
  const headers: Record<string, string> = { ...extraHeaders };
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer';
  const unknownWait = problem.status === 503 ? againSeconds : undefined;
  const wait = error.members.retryAfterSeconds ?? unknownWait;
  if (typeof wait === 'number') headers['retry-after'] = String(wait);
  return answer(c, {
    status: problem.status,
    text: JSON.stringify(problem),
    contentType: 'application/problem+json',
    headers,
  });
}

function maskedProblem(error: DomainError, traceId: string): Problem {
  const problem = problemOf(error, `urn:sbms:trace:${traceId}`);
  const errors = problem.errors?.map(({ field, message }) => ({
    field: maskText(field),
    message: maskText(message),
  }));
  return { ...problem, detail: maskText(problem.detail), ...(errors ? { errors } : {}) };
}

/**
 * Whatever was thrown, as a refusal: what is no `DomainError` is `internal`, its text kept from the
 * caller.
 */
export function refusalOf(error: unknown): DomainError {
  return error instanceof DomainError
    ? error
    : new DomainError('internal', undefined, { cause: error });
}
