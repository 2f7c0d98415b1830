import { z } from 'zod';
import { systemIds } from '../shared/ids/ids.ts';
import { readCommandSecret } from '../shared/node/command-secret.ts';

const requestMaxMs = 30_000;

/** Who asks the running node; without a file the password is read from standard input. */
export interface Caller {
  readonly login: string;
  readonly passwordFile?: string;
}

const session = z.object({ token: z.string() });
const problem = z.object({ code: z.string(), detail: z.string() });

/**
 * One call to the API of a head office that is running, for the command line: signed in for just
 * this, as anybody would be.
 * @throws Error with the refusal's code, or when nobody answers at `url`.
 */
export async function callRunningCentre(
  url: string,
  caller: Caller,
  request: { path: string; body: object },
): Promise<unknown> {
  const password = await readCommandSecret(caller.passwordFile);
  const body = { login: caller.login, password };
  const { token } = session.parse(
    await send(url, { method: 'POST', path: '/api/v1/sessions', body }),
  );
  try {
    return await send(url, { method: 'POST', ...request, token });
  } finally {
    await send(url, { method: 'DELETE', path: '/api/v1/sessions/current', token });
  }
}

async function send(
  url: string,
  request: { method: 'POST' | 'DELETE'; path: string; body?: object; token?: string },
): Promise<unknown> {
  const { method, path, body, token } = request;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'POST' ? { 'idempotency-key': systemIds.uuid() } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestMaxMs),
  }).catch((cause: unknown) => {
    throw new Error(`Head office does not answer at ${url}: ${reasonOf(cause)}`, { cause });
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
