import { z } from 'zod';
import { systemIds } from '../ids/ids.ts';
import { readCommandSecret } from './command-secret.ts';

const requestMaxMs = 30_000;

/** Who asks the running node, as the command line names him. */
export interface Caller {
  readonly login: string;
  readonly passwordFile?: string;
}

export interface RunningRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly maxMs?: number;
}

const session = z.object({ token: z.string() });
const problem = z.object({ code: z.string(), detail: z.string() });

/**
 * One call to the API of a node that is running, for the command line: signed in for just this, as anybody would be.
 * @throws Error with the refusal's code, or when nobody answers at `url`.
 */
export async function callRunningNode(
  url: string,
  caller: Caller,
  request: RunningRequest,
): Promise<unknown> {
  // Who has a second factor writes its code into the line below the password.
  const [password, code] = (await readCommandSecret(caller.passwordFile)).split(/\r?\n/, 2);
  const body = { login: caller.login, password, code };
  const { token } = session.parse(
    await send(url, { method: 'POST', path: '/api/v1/sessions', body }),
  );
  try {
    return await send(url, { ...request, token });
  } finally {
    await send(url, { method: 'DELETE', path: '/api/v1/sessions/current', token });
  }
}

async function send(url: string, request: RunningRequest & { token?: string }): Promise<unknown> {
  const { method, path, body, token } = request;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'POST' ? { 'idempotency-key': systemIds.uuid() } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(request.maxMs ?? requestMaxMs),
  }).catch((cause: unknown) => {
    throw new Error(`The node does not answer at ${url}: ${reasonOf(cause)}`, { cause });
  });
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return answer;
  const refusal = problem.safeParse(answer).data;
  throw new Error(refusal ? `${refusal.code}: ${refusal.detail}` : `answered ${response.status}`);
}

/** What went wrong with the connection is the cause of what fetch says. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

const readiness = z.object({
  checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })),
});

/** What the node says of itself to anybody; undefined when nobody answers. */
export async function readinessAnswer(url: string) {
  const signal = AbortSignal.timeout(requestMaxMs);
  const response = await fetch(`${url}/readyz`, { signal }).catch(() => undefined);
  return response && readiness.safeParse(await response.json()).data;
}
