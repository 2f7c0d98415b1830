import { randomUUID } from 'node:crypto';

const requestMaxMs = 120_000;

/** A signed-in caller of one node's API, as any program would be. */
export interface ApiClient {
  get(path: string): Promise<Answer>;
  post(path: string, body?: object): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  // The API's JSON: each caller reads the few members that it needs.
  readonly body: Readonly<Record<string, unknown>>;
}

export async function signIn(
  url: string,
  credentials: { login: string; password: string },
): Promise<ApiClient> {
  const { login, password } = credentials;
  const session = await call(url, {
    method: 'POST',
    path: '/api/v1/sessions',
    body: { login, password },
  });
  if (session.status !== 201)
    throw new Error(`${login} cannot sign in at ${url}: ${JSON.stringify(session.body)}`);
  const token = String(session.body.token);
  return {
    get: (path) => call(url, { method: 'GET', path, token }),
    post: (path, body = {}) => call(url, { method: 'POST', path, token, body }),
  };
}

async function call(
  url: string,
  request: { method: string; path: string; token?: string; body?: object },
): Promise<Answer> {
  const response = await fetch(url + request.path, {
    method: request.method,
    headers: {
      ...(request.token ? { authorization: `Bearer ${request.token}` } : {}),
      ...(request.body ? { 'content-type': 'application/json' } : {}),
      ...(request.method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
    },
    ...(request.body ? { body: JSON.stringify(request.body) } : {}),
    signal: AbortSignal.timeout(requestMaxMs),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

/** The body of an answer that must have succeeded. @throws Error with the problem. */
export function made(answer: Answer, what: string): Answer['body'] {
  if (answer.status < 300) return answer.body;
  throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
}
