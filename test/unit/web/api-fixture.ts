import { systemIds } from '../../../shared/ids/ids.ts';
import { createLogger, type Logger } from '../../../shared/text/logger.ts';
import { type Api, createApi } from '../../../shared/web/api.ts';
import { type AccessFixture, accessFixture } from '../access/access-fixture.ts';

export const password = 'correct horse battery';

export interface ApiFixture extends AccessFixture {
  readonly api: Api;
  /** What was logged, one JSON text a line. */
  readonly logged: string[];
  readonly logger: Logger;
  signIn(login: string): Promise<string>;
  /** A JSON request with a bearer token. */
  send(
    method: string,
    path: string,
    options?: {
      token?: string;
      body?: unknown;
      headers?: Record<string, string>;
      /** The address that the connection comes from; none if absent. */
      from?: string;
    },
  ): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const { status, headers } = response;
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}

export async function apiFixture(): Promise<ApiFixture> {
  const fixture = await accessFixture();
  const logged: string[] = [];
  const destination = { write: (line: string) => void logged.push(line) };
  const logger = createLogger({ clock: fixture.clock, node: 'MSK', level: 'debug', destination });
  const api = createApi({
    ...fixture,
    ...{ title: 'Branch MSK', version: '0.1.0', ids: systemIds, logger, serverName: 'MSK' },
    ...{ proxies: ['10.9.9.9'], metricsToken: 'of the monitoring' },
  });
  await fixture.add('anna', 'admin', password);
  await fixture.add('boris', 'cashier', password);
  return {
    ...fixture,
    ...{ api, logged, logger },
    async signIn(login) {
      const { token } = await fixture.access.signIn({ login, password, source: '127.0.0.1' });
      return token;
    },
    async send(method, path, { token, body, headers = {}, from } = {}) {
      const all: Record<string, string> = { ...headers };
      if (token) all.authorization = `Bearer ${token}`;
      if (body !== undefined) all['content-type'] ??= 'application/json';
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      const incoming = { socket: { remoteAddress: from } };
      return answerOf(await api.app.request(path, { method, headers: all, ...text }, { incoming }));
    },
  };
}
