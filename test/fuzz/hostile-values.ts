import fc from 'fast-check';
import type { Schema } from './valid-values.ts';

const raw = Symbol('raw');

/** JSON text that no JavaScript value has. */
const rawJson = (text: string) => ({ [raw]: text });

const kibibyte = 1_024;
export const deepLevels = 100_000;

/** Numbers and texts that break something somewhere. */
export const hostileTexts: readonly string[] = [
  ...['', ' ', '\u0000', 'a\u0000b', '\uFEFF', '\u202Etxt.exe', 'é́́́', '🙂', '\uFFFE', '\uFFFF'],
  ...['\uD800', '\uDC00x', '\uD83D', 'NaN', 'Infinity', '-0', '1e400', '0x10', '9007199254740993'],
  ...[
    '٥٠٠',
    '５',
    '+1',
    ' 1',
    '1\n',
    '1,00',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ],
  ...["' OR '1'='1", "'; DROP TABLE operators; --", '%', '_', '\\', '"', '`', '$1', '?', '??'],
  ...['=1+1', '@SUM(A1)', '+cmd|', '-2+3', '\t=1', '<script>', '{{7*7}}', '\r\nX: y'],
  ...['../../etc/passwd', '..%2f..%2f', '%00', '%2e%2e', '%252e', 'file:///etc/passwd', 'a/b'],
  ...['2025-02-30', '9999-99-99', '2025-13-01T00:00:00.000Z', '0000-00-00', '+275760-09-13'],
  ...['00000000-0000-7000-8000-000000000000', 'HQ', 'null', 'undefined', 'true', '[]', '{}'],
  ...['x'.repeat(65), 'x'.repeat(129), 'x'.repeat(513), 'я'.repeat(2 * kibibyte)],
  'e\u0301'.repeat(500),
];

const hostileLeaves: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), [], {}, [[]], ['x'], { a: 1 }],
  ...['-0', '1e400', '-1e400', '9007199254740993', '1E5', '0.1e1', '1'.repeat(400)].map(rawJson),
  ...['NaN', 'Infinity', 'undefined', '01', '+1', '.5', "'x'", '"\u0001"', '"\\ud800"'].map(
    rawJson,
  ),
  ...['"\\u0000"', '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{}}}'].map(rawJson),
  ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}'].map(rawJson),
  ...hostileTexts,
];
const leaves = fc.oneof(
  { arbitrary: fc.constantFrom(...hostileLeaves), weight: 8 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 40 }), weight: 1 },
  { arbitrary: fc.double(), weight: 1 },
  { arbitrary: fc.jsonValue({ maxDepth: 3 }), weight: 1 },
);

/** JSON of a value in which raw texts stand as they are. */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (raw in value) return String(value[raw]);
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${JSON.stringify(key)}:${jsonText(each)}`);
  return `{${members.join()}}`;
}

type Path = readonly (string | number)[];

/** Every place in a value, its root too. */
export function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, each]) => placesIn(each, [...path, key]));
  return [path, ...inner];
}

/** A copy of a value with another one in this place; `undefined` takes it out. */
export function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    const copy = value.map((each, index) =>
      String(index) === key ? replaced(each, rest, by) : each,
    );
    return copy.filter((each) => each !== undefined);
  }
  const inner = Object.entries(Object(value)).map(([name, each]) => [
    name,
    name === key ? replaced(each, rest, by) : each,
  ]);
  return Object.fromEntries(inner.filter(([, each]) => each !== undefined));
}

/** One over each limit that a schema states: for a text, a list, a number. */
function overLimits(schema: Schema): unknown[] {
  const { maxLength, minLength, maximum, minimum, maxItems } = schema;
  return [
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1), 'я'.repeat(maxLength + 1)]),
    ...(minLength ? ['x'.repeat(minLength - 1)] : []),
    ...(maximum === undefined ? [] : [maximum + 1]),
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maxItems === undefined ? [] : [Array.from({ length: maxItems + 1 }, () => 'x')]),
  ];
}

/** Over every limit that is stated anywhere in a schema. */
export function limitsIn(
  schema: Schema,
  resolve: (schema: Schema) => Schema,
  depth = 0,
): unknown[] {
  if (depth > 6) return [];
  const whole = resolve(schema);
  const inner = [...Object.values(whole.properties ?? {}), ...(whole.items ? [whole.items] : [])];
  return [...overLimits(whole), ...inner.flatMap((each) => limitsIn(each, resolve, depth + 1))];
}

/** A valid value with one or two places spoilt, as JSON text. */
export function spoilt(
  valid: fc.Arbitrary<unknown>,
  limits: readonly unknown[] = [],
): fc.Arbitrary<string> {
  const worse =
    limits.length === 0
      ? leaves
      : fc.oneof(
          { arbitrary: leaves, weight: 9 },
          { arbitrary: fc.constantFrom(...limits), weight: 1 },
        );
  const change = fc.record({
    at: fc.nat({ max: 1 << 20 }),
    by: fc.oneof({ arbitrary: worse, weight: 6 }, { arbitrary: fc.constant(undefined), weight: 1 }),
    key: fc.option(fc.constantFrom('bogus', '__proto__', 'constructor', 'toJSON', ''), { freq: 8 }),
  });
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 2 }))
    .map(([value, changes]) => jsonText(changes.reduce(spoil, value) ?? null));
}

function spoil(value: unknown, change: { at: number; by: unknown; key: string | null }): unknown {
  const places = placesIn(value);
  const place = places[change.at % places.length] ?? [];
  if (change.key === null) return replaced(value, place, change.by);
  const isOpen = (path: Path) => typeof at(value, path) === 'object';
  const object = isOpen(place) ? place : place.slice(0, -1);
  const member = { ...Object(at(value, object)) };
  Object.defineProperty(member, change.key, { value: change.by ?? 1, enumerable: true });
  return replaced(value, object, member);
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => Object(inner)[key], value);
}

const deep = '['.repeat(deepLevels) + ']'.repeat(deepLevels);
const deeper = `${'{"a":'.repeat(deepLevels)}1${'}'.repeat(deepLevels)}`;

/** What is done to a body's text or bytes as a whole. */
const tampering: readonly ((text: string) => string | Buffer)[] = [
  (text) => text.slice(0, Math.floor(text.length / 2)),
  (text) => `${text}x`,
  (text) => `\uFEFF${text}`,
  (text) => text + text,
  (text) => text.replace(/"([^"]+)":/, '"$1":1,"$1":'),
  (text) => text.replace('{', '{"__proto__":{"a":1},'),
  () => '',
  () => '\u0000',
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xc0, 0xaf, 0x7d])]),
  (text) =>
    Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`","y":${text}}`),
    ]),
  (text) => Buffer.concat([Buffer.from('{"\xed\xa0\x80":', 'latin1'), Buffer.from(`${text}}`)]),
  (text) => text.replaceAll(',', ',\n\t '),
  (text) => text.replaceAll(/"/g, "'"),
];

/** Each costs as much as a hundred others: some dozens of them do. */
const deepening: readonly ((text: string) => string)[] = [
  (text) => text.replace(/:/, `:${deep},"x":`),
  (text) => text.replace(/:/, `:${deeper},"x":`),
  () => deep,
  () => '['.repeat(deepLevels),
];

/** A body that is broken as a text, whatever it says. */
export function tampered(texts: fc.Arbitrary<string>): fc.Arbitrary<string | Buffer> {
  const tampers = fc.oneof(
    { arbitrary: fc.constantFrom(...tampering), weight: 40 },
    { arbitrary: fc.constantFrom(...deepening), weight: 1 },
  );
  return fc.tuple(texts, tampers).map(([text, tamper]) => tamper(text));
}
