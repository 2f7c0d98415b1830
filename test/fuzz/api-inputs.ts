import fc from 'fast-check';
import { hostileTexts, jsonText, limitsIn, spoilt, tampered } from './hostile-values.ts';
import { type Schema, validValues } from './valid-values.ts';
import type { Vocabulary } from './vocabulary.ts';

const kibibyte = 1_024;
const bodyMaxBytes = 256 * kibibyte;

/** Whose session a request comes with. */
export type Caller = 'able' | 'cashier' | 'wrong' | 'nobody';

export interface ApiInput {
  readonly method: string;
  /** With its query, escaped. */
  readonly path: string;
  readonly caller: Caller;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly permission: string;
  readonly parameters: readonly Schema[];
  readonly body?: Schema;
  readonly responses: Readonly<Record<string, Schema>>;
}

export function operationsOf(document: Schema): Operation[] {
  return Object.entries<Schema>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Schema>(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      permission: operation['x-permission'],
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content['application/json'].schema,
      responses: operation.responses,
    })),
  );
}

interface Parts {
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
  readonly caller: Caller;
  readonly key: string | null;
  readonly body: unknown;
}

const callers: fc.Arbitrary<Caller> = fc.oneof(
  { arbitrary: fc.constant('able' as const), weight: 24 },
  {
    arbitrary: fc.constantFrom('cashier' as const, 'wrong' as const, 'nobody' as const),
    weight: 1,
  },
);
const keys = fc.option(fc.stringMatching(/^[a-z0-9-]{1,8}$/), { freq: 2 });
const json = { 'content-type': 'application/json' };

/** Inputs for one operation, made of what its document says. */
export function apiInputs(operation: Operation, document: Schema, vocabulary: Vocabulary) {
  const definitions = document.components.schemas;
  const { values, texts, resolved } = validValues({ vocabulary, definitions });
  const { method, path, parameters } = operation;
  const inPath = parameters.filter(({ in: place }) => place === 'path');
  const inQuery = parameters.filter(({ in: place }) => place === 'query');

  const bodies = operation.body ? values(operation.body).map(decided) : fc.constant({});

  const oneOf = (parameter: Schema) => {
    const { name } = parameter;
    const [, before] = new RegExp(`([^/]+)/\\{${name}\\}`).exec(path) ?? [];
    const schema = resolved(parameter.schema);
    if (schema.enum) return fc.constantFrom<string>(...schema.enum);
    return schema.type === 'integer' || schema.type === 'boolean'
      ? values(schema, name).map(String)
      : texts(schema, name, before);
  };
  const parts: fc.Arbitrary<Parts> = fc.record({
    path: fc.record(Object.fromEntries(inPath.map((one) => [one.name, oneOf(one)]))),
    query: fc
      .tuple(...inQuery.map((one) => fc.option(oneOf(one), { freq: one.required ? 100 : 1 })))
      .map((chosen) => chosen.flatMap((text, index) => named(inQuery[index]?.name, text))),
    caller: callers,
    key: keys,
    body: operation.body ? bodies : fc.constant(undefined),
  });

  function inputOf({ path: place, query, caller, key, body }: Parts): ApiInput {
    return {
      method,
      path: path.replaceAll(/\{(\w+)\}/g, (_, name) => escaped(place[name] ?? '')) + queryOf(query),
      caller,
      headers: {
        ...(key === null ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : json),
      },
      ...(body === undefined ? {} : { body: jsonText(body) }),
    };
  }

  const valid = parts.map(inputOf);

  const badPath = fc
    .tuple(parts, fc.constantFrom(...hostileTexts), fc.nat())
    .map(([good, text, at]) => {
      const name = inPath[at % inPath.length]?.name;
      return inputOf({ ...good, path: { ...good.path, [name]: text } });
    });
  const badQuery = fc
    .tuple(
      parts,
      fc.constantFrom(...hostileTexts),
      fc.constantFrom('bogus', '', ...inQuery.map(({ name }) => name)),
    )
    .map(([good, text, name]) => inputOf({ ...good, query: [...good.query, [name, text]] }));
  const badCursor = fc.tuple(parts, tamperedCursors(vocabulary)).map(([good, text]) => {
    const query = good.query.filter(([name]) => name !== 'cursor');
    return inputOf({ ...good, query: [...query, ['cursor', text]] });
  });
  const hasCursor = inQuery.some(({ name }) => name === 'cursor');
  const badHeaders = fc.tuple(valid, fc.constantFrom(...headers)).map(([good, more]) => ({
    ...good,
    headers: { ...good.headers, ...more },
  }));
  const withBody = (bodies: fc.Arbitrary<string | Buffer>) =>
    fc
      .tuple(valid, bodies)
      .map(([good, body]) => ({ ...good, headers: { ...good.headers, ...json }, body }));
  const limits = operation.body ? limitsIn(operation.body, resolved) : [];

  const hostile: fc.Arbitrary<ApiInput> = fc.oneof(
    { arbitrary: badHeaders, weight: 3 },
    ...(hasCursor ? [{ arbitrary: badCursor, weight: 6 }] : []),
    ...(method === 'GET'
      ? [{ arbitrary: badQuery, weight: 12 }]
      : [
          { arbitrary: badQuery, weight: 2 },
          { arbitrary: withBody(spoilt(bodies, limits)), weight: operation.body ? 24 : 2 },
          { arbitrary: withBody(tampered(bodies.map(jsonText))), weight: 6 },
          { arbitrary: withBody(bodies.map(tooBig)), weight: 1 },
        ]),
    ...(inPath.length > 0 ? [{ arbitrary: badPath, weight: 8 }] : []),
  );
  return { valid, hostile };
}

/** Headers that mean something elsewhere, or nothing anywhere. */
export const headers: readonly Readonly<Record<string, string>>[] = [
  ...['text/plain', 'application/json; charset=utf-16', 'application/json;charset=latin1', ''].map(
    (type) => ({ 'content-type': type }),
  ),
  ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'a'.repeat(900)].map(
    (type) => ({ 'content-type': type }),
  ),
  ...['gzip', 'br', 'deflate, gzip', 'identity'].map((encoding) => ({
    'content-encoding': encoding,
  })),
  ...['', 'x'.repeat(129), '\u00ff', ' ', 'a\tb', '__proto__'].map((key) => ({
    'idempotency-key': key,
  })),
  ...[
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Basic YTpi',
    'bearer x',
    `Bearer ${'x'.repeat(8_000)}`,
  ].map((authorization) => ({ authorization })),
  ...['00-x', '00-00000000000000000000000000000000-0000000000000000-01', 'ff', "'"].map(
    (traceparent) => ({ traceparent }),
  ),
  { cookie: 'sbms_session=x; sbms_session=y; __proto__=1', origin: 'https://elsewhere.example' },
  { cookie: `sbms_session=%ff; ${'a=b; '.repeat(300)}`, 'sec-fetch-site': 'same-origin' },
  { 'x-http-method-override': 'DELETE', 'x-forwarded-for': '127.0.0.1', forwarded: 'for=[::1]' },
  { 'x-forwarded-host': 'evil', 'x-original-url': '/api/v1/backups', range: 'bytes=0-1,-1' },
  { accept: 'application/xml;q=9', 'accept-language': '*'.repeat(2_000), 'if-none-match': '*' },
];

/** What a document cannot say: of these two members, one. */
function decided(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('customer' in body)) return body;
  return { ...body, customerNumber: undefined };
}

/** The key of an item that was shown, with something else in a place of it. */
export function tamperedCursors(vocabulary: Vocabulary): fc.Arbitrary<string> {
  const known = fc.nat({ max: 1 << 20 }).map((at) => {
    const words = vocabulary.of('cursor');
    return keyIn(words[at % words.length]) ?? { at: '2026-01-01T00:00:00.000Z', id: 'x' };
  });
  return spoilt(known).map((text) => Buffer.from(text).toString('base64url'));
}

function keyIn(cursor: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(cursor ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}

function named(name: string | undefined, text: string | null): [string, string][] {
  return name === undefined || text === null ? [] : [[name, text]];
}

function queryOf(query: Parts['query']): string {
  const text = query.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&');
  return text === '' ? '' : `?${text}`;
}

/** Lone surrogates have no UTF-8; what stands for them in bytes is sent instead. Escapes go as they are. */
export function escaped(text: string): string {
  if (/%[0-9a-f]{2}/i.test(text)) return text.replaceAll(/[^!-~]|[?#]/g, '');
  return /\p{Surrogate}/u.test(text) ? '%ED%A0%80%ff%c0%af' : encodeURIComponent(text);
}

/** One byte over what a body may have. */
function tooBig(value: unknown): string {
  const text = jsonText({ ...Object(value), pad: '' });
  return text.replace(
    '"pad":""',
    `"pad":"${'x'.repeat(Math.max(0, bodyMaxBytes + 1 - Buffer.byteLength(text)))}"`,
  );
}
