import { type ApiInput, apiInputs, type Operation, operationsOf } from './api-inputs.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzedCode, FuzzFederation } from './fuzz-federation.ts';
import { documented, faultOf, type Judge } from './judge.ts';
import type { Schema } from './valid-values.ts';

const maxShownLength = 2_000;

/** Each makes keys, and a release that every branch takes: as many as take minutes. */
const costly: Readonly<Record<string, number>> = {
  rollAuthority: 2_000,
  rotateHeadOfficeKey: 2_000,
};

/** The kinds of answers that are not JSON. */
export type Endpoint = Operation & { readonly node: FuzzedCode };

export async function documentOf(fuzz: FuzzFederation, node: FuzzedCode): Promise<Schema> {
  const response = await fuzz.node(node).api.fetch(new Request('http://node/openapi.json'));
  const document: Schema = await response.json();
  // Objects that are closed cannot be put together so: nothing would be all of them.
  if (JSON.stringify(document).includes('"allOf"')) throw new Error(`${node} documents an allOf`);
  return document;
}

export async function endpointsOf(fuzz: FuzzFederation, node: FuzzedCode): Promise<Endpoint[]> {
  const document = await documentOf(fuzz, node);
  return operationsOf(document).map((operation) => ({ ...operation, node }));
}

/** Two targets for every endpoint of a node: inputs as its document describes them, and spoilt ones. */
export async function apiTargets(
  fuzz: FuzzFederation,
  code: FuzzedCode,
  isMeant: (id: string) => boolean = () => true,
): Promise<Target[]> {
  const document = await documentOf(fuzz, code);
  // What makes texts of a pattern is dear to make.
  const operations = operationsOf(document).filter(({ id }) => isMeant(id));
  await harvestLists(fuzz, code);
  const ask = asker(fuzz, code);
  return operations.flatMap((operation) => {
    const { valid, hostile } = apiInputs(operation, document, fuzz.vocabulary);
    const judge = judgeOf(operation, document);
    const probe = (input: ApiInput) => ask.probe(operation, judge, input);
    const name = `${code} ${operation.id}`;
    const maxInputs = costly[operation.id];
    const slow = maxInputs === undefined ? {} : { maxInputs };
    const rare = operation.method === 'GET' ? {} : slow;
    return [
      targetOf({ name, kind: 'valid', inputs: valid, probe, ...slow }),
      targetOf({ name, kind: 'hostile', inputs: hostile, probe, ...rare }),
    ];
  });
}

/** Asks one endpoint as somebody who may, and judges the answer by its document. */
export async function endpointProbe(
  fuzz: FuzzFederation,
  code: FuzzedCode,
  id: string,
): Promise<(input: ApiInput) => Promise<Verdict>> {
  const document = await documentOf(fuzz, code);
  const operation = operationsOf(document).find((each) => each.id === id);
  if (!operation) throw new Error(`${code} has no ${id}`);
  const judge = judgeOf(operation, document);
  const ask = asker(fuzz, code);
  return (input) => ask.probe(operation, judge, input);
}

/** Learns the words of a node's lists. */
export async function harvestLists(fuzz: FuzzFederation, code: FuzzedCode): Promise<void> {
  const ask = asker(fuzz, code);
  for (const { method, path } of operationsOf(await documentOf(fuzz, code))) {
    if (method === 'GET' && !path.includes('{')) await ask.harvest(path);
  }
}

function judgeOf({ responses }: Operation, document: Schema): Judge {
  const done = Object.entries(responses).filter(([status]) => /^2/.test(status));
  return {
    success: new Map(
      done.map(([status, { content }]) => {
        const schema = content?.['application/json']?.schema;
        return [Number(status), schema && documented(schema, document)];
      }),
    ),
  };
}

function asker(fuzz: FuzzFederation, code: FuzzedCode) {
  const { api } = fuzz.node(code);
  const kind = code === 'HQ' ? 'centre' : 'branch';

  async function tokenOf(
    permission: string,
    caller: ApiInput['caller'],
  ): Promise<string | undefined> {
    if (caller === 'able') return fuzz.tokenFor(code, roleFor(fuzz, code, permission));
    if (caller === 'cashier') return fuzz.tokenFor(code, kind === 'centre' ? 'auditor' : 'cashier');
    return caller === 'wrong' ? 'wrong' : undefined;
  }

  async function send(input: ApiInput, token: string | undefined) {
    const { method, path, headers, body } = input;
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = new Request(`http://node${path}`, {
      method,
      headers: { ...authorization, ...sendable(headers) },
      ...(body === undefined || method === 'GET' ? {} : { body: body as string }),
    });
    const { made, wrote } = await fuzz.watch.watch(async () => {
      const response = await api.fetch(request);
      return { response, text: await response.text() };
    });
    const { response, text } = made;
    const contentType = response.headers.get('content-type') ?? '';
    return { method, status: response.status, contentType, text, wrote };
  }

  function learn(
    path: string,
    { status, contentType, text }: { status: number; contentType: string; text: string },
  ): void {
    if (status >= 300 || contentType !== 'application/json') return;
    const answer = JSON.parse(text);
    fuzz.vocabulary.harvest(answer, path.split('?')[0]?.split('/')[3] ?? '');
    if (typeof answer.next === 'string') fuzz.vocabulary.add('cursor', answer.next);
  }

  return {
    async harvest(path: string): Promise<void> {
      for (const permission of ['signed-in', 'none']) {
        const token = await fuzz.tokenFor(code, roleFor(fuzz, code, permission));
        const input: ApiInput = { method: 'GET', path, caller: 'able', headers: {} };
        learn(path, await send(input, token));
      }
    },

    async probe({ permission }: Operation, judge: Judge, input: ApiInput): Promise<Verdict> {
      const token = permission === 'public' ? undefined : await tokenOf(permission, input.caller);
      const exchange = await send(input, token);
      const { status, text } = exchange;
      // A login that was locked out would see nothing but that from here on.
      const isOver = (status === 401 && !saysWho(input)) || status === 429;
      if (isOver && input.caller === 'able' && token !== undefined) fuzz.forget(token);
      if (input.method !== 'GET') learn(input.path, exchange);
      const said = status >= 400 ? ` ${/"code":"([a-z-]+)"/.exec(text)?.[1]}` : '';
      const fault = faultOf(exchange, judge);
      return { outcome: `${status}${said}`, fault: fault && `${fault}\n${shown(input)}` };
    },
  };
}

/** Who may do this at a node. */
export function roleFor(fuzz: FuzzFederation, code: FuzzedCode, permission: string): string {
  const kind = code === 'HQ' ? 'centre' : 'branch';
  const held = fuzz.node(code).references.current()?.permissionsOf(`${kind}-manager`, kind);
  const isAnybodys = ['own-password', 'own-account', 'signed-in'].includes(permission);
  const isManagers = isAnybodys || [...(held ?? [])].some((one) => one === permission);
  return isManagers ? `${kind}-manager` : `${kind}-admin`;
}

/** Its headers name somebody themselves: what is refused is not the session that it came with. */
export function saysWho({ headers }: Pick<ApiInput, 'headers'>): boolean {
  return 'authorization' in headers || 'cookie' in headers;
}

/** Only what HTTP can carry in a header; the rest is for raw sockets. */
export function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  const fits = ([, value]: [string, string]) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
  return Object.fromEntries(Object.entries(headers).filter(fits));
}

function shown({ method, path, caller, headers, body }: ApiInput): string {
  const text = typeof body === 'string' ? body : body?.toString('latin1');
  const said = `${method} ${path} as ${caller} ${JSON.stringify(headers)}\n${text ?? ''}`;
  return said.length > maxShownLength ? `${said.slice(0, maxShownLength)}… (${said.length})` : said;
}
