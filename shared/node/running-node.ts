import { request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { z } from 'zod';
import { systemIds } from '../ids/ids.ts';
import { readCommandSecret } from './command-secret.ts';
import type { NodeConfig } from './node-config.ts';

const requestMaxMs = 30_000;
const answerMaxBytes = 64 * 1024 * 1024;

/** Where a running node's people reach it, and where it listens itself: elsewhere, behind a proxy or a published port. */
export type Front = Pick<NodeConfig['front'], 'host' | 'port' | 'url' | 'tls'>;

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
 * @throws Error with the refusal's code, or when nobody answers.
 */
export function callRunningNode(
  front: Front,
  caller: Caller,
  request: RunningRequest,
): Promise<unknown> {
  return withRunningNode(front, caller, (call) => call(request));
}

/** The same for several requests of one sign-in. */
export async function withRunningNode<T>(
  front: Front,
  caller: Caller,
  work: (call: (request: RunningRequest) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  // Who has a second factor writes its code into the line below the password.
  const [password, code] = (await readCommandSecret(caller.passwordFile)).split(/\r?\n/, 2);
  const body = { login: caller.login, password, code };
  const { token } = session.parse(
    await send(front, { method: 'POST', path: '/api/v1/sessions', body }),
  );
  try {
    return await work((request) => send(front, { ...request, token }));
  } finally {
    await send(front, { method: 'DELETE', path: '/api/v1/sessions/current', token });
  }
}

async function send(front: Front, request: RunningRequest & { token?: string }): Promise<unknown> {
  const { method, body, token } = request;
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'POST' ? { 'idempotency-key': systemIds.uuid() } : {}),
  };
  const { status, text } = await ask(front, { ...request, headers });
  const answer = jsonIn(text);
  if (status >= 200 && status < 300) return answer;
  const refusal = problem.safeParse(answer).data;
  throw new Error(refusal ? `${refusal.code}: ${refusal.detail}` : `answered ${status}`);
}

type Asked = RunningRequest & { readonly headers?: Readonly<Record<string, string>> };

/**
 * Asks at the node's own listener, and where nobody is there, as in another container, where people would. An own listener
 * without TLS behind a proxy with it proves nothing of itself: it is passed over.
 */
async function ask(front: Front, request: Asked): Promise<{ status: number; text: string }> {
  const people = new URL(front.url);
  const own = listenerOf(front);
  if (own.origin === people.origin || own.protocol !== people.protocol) {
    return askAt(people, front, request).catch((error) => {
      throw silence(people, error);
    });
  }
  try {
    return await askAt(own, front, request);
  } catch (atOwn) {
    // Somebody is there, and may have begun.
    if (isTimeout(atOwn)) throw silence(own, atOwn);
    return askAt(people, front, request).catch((error) => {
      throw new Error(`${silence(people, error).message}; at ${own.origin}: ${reasonOf(atOwn)}`);
    });
  }
}

const silence = (at: URL, error: unknown): Error =>
  new Error(`The node does not answer at ${at.origin}: ${reasonOf(error)}`, { cause: error });

const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

function listenerOf({ host, port, tls }: Front): URL {
  const address = loopback[host] ?? (host.includes(':') ? `[${host}]` : host);
  return new URL(`${tls ? 'https' : 'http'}://${address}:${port}`);
}

/** Whoever answers over TLS must have the certificate of the name that people know, at whatever address. */
async function askAt(
  at: URL,
  { url }: Front,
  { method, path, body, headers = {}, maxMs = requestMaxMs }: Asked,
): Promise<{ status: number; text: string }> {
  const { host, hostname } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '');
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const target = new URL(at);
  target.pathname = at.pathname.replace(/\/$/, '') + path;
  return new Promise((settle, reject) => {
    const request = at.protocol === 'https:' ? overTls : overHttp;
    request(
      target,
      {
        method,
        headers: { ...headers, host, 'content-length': content?.length ?? 0 },
        servername: isIP(name) === 0 ? name : '',
        checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
        signal: AbortSignal.timeout(maxMs),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        textOf(answer).then((text) => settle({ status, text }), reject);
      },
    )
      .on('error', reject)
      .end(content);
  });
}

/** @throws Error for an answer that is longer than any of this API. */
async function textOf(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    length += chunk.length;
    if (length > answerMaxBytes) throw new Error(`the answer is over ${answerMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const isTimeout = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');

function reasonOf(error: unknown): string {
  if (isTimeout(error)) return 'no answer in time';
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

/** Nothing for what is no JSON, as a proxy may say it. */
function jsonIn(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

const readiness = z.object({
  checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })),
});

/** What the node says of itself to anybody; undefined when nobody answers. */
export async function readinessAnswer(front: Front) {
  const answer = await ask(front, { method: 'GET', path: '/readyz' }).catch(() => undefined);
  return answer && readiness.safeParse(jsonIn(answer.text)).data;
}
