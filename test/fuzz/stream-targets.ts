import fc from 'fast-check';
import { z } from 'zod';
import { operationEntryKinds } from '../../shared/wire/operation-kinds.ts';
import {
  acceptedBody,
  concludedBody,
  decidedBody,
  streamAnswer,
} from '../../shared/wire/peer-messages.ts';
import {
  caseAdjusted,
  caseClosed,
  caseOpened,
  settlementCompleted,
  settlementConfirmed,
  settlementDisputed,
} from '../../shared/wire/settlement-messages.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzedCode, FuzzFederation } from './fuzz-federation.ts';
import { hostileTexts, jsonText, placesIn, replaced, spoilt, tampered } from './hostile-values.ts';
import type { Judge } from './judge.ts';
import type { Rogue } from './peer-targets.ts';
import { type Schema, validValues } from './valid-values.ts';

const bodySchemas = {
  accepted: acceptedBody,
  executed: decidedBody,
  refused: decidedBody,
  concluded: concludedBody,
};

/** What is said in entries that no operation made. */
const otherBodies: Readonly<Record<string, z.ZodType>> = {
  'case.opened': caseOpened,
  'case.adjusted': caseAdjusted,
  'case.closed': caseClosed,
  'settlement.completed': settlementCompleted,
  'settlement.confirmed': settlementConfirmed,
  'settlement.disputed': settlementDisputed,
  'node.started': z.strictObject({ codeVersion: z.string().max(40) }),
  'release.applied': z.strictObject({ version: z.int() }),
  'reference.released': z.strictObject({ version: z.int() }),
  'payout.recorded': z.strictObject({ operations: z.array(z.unknown()) }),
  'day.closed': z.strictObject({ date: z.string(), totals: z.array(z.unknown()) }),
  'kind.of-tomorrow': z.record(z.string(), z.unknown()),
};

interface Said {
  readonly kind: string;
  /** The entry's body as JSON text. */
  readonly body: string;
}

interface StreamInput {
  readonly said: readonly Said[];
  /** Signed in the head instead of the truth. */
  readonly head: object;
  /** What becomes of the batch's text after signing. */
  readonly tamper: ((text: string) => string | Buffer) | null;
}

export const streamJudge: Judge = { success: new Map([[200, streamAnswer]]) };

/** Entries of every kind in batches that are well signed, or not. */
export function streamTargets(fuzz: FuzzFederation, code: FuzzedCode, rogue: Rogue): Target[] {
  const valid = entries(fuzz, code, (bodies) => bodies.map(jsonText));
  const bad = entries(fuzz, code, spoilt);
  const honest = (said: fc.Arbitrary<Said>) =>
    fc
      .array(said, { minLength: 1, maxLength: 3 })
      .map((made) => ({ said: made, head: {}, tamper: null }));
  const forged = fc
    .tuple(fc.array(valid, { minLength: 1, maxLength: 2 }), heads)
    .map(([said, head]) => ({ said, head, tamper: null }));
  const spoiltAfter = fc
    .tuple(valid, tampers)
    .map(([said, tamper]) => ({ said: [said], head: {}, tamper }));
  const probe = (input: StreamInput) => send(rogue, input);
  const name = `${code} POST /peer/v1/stream`;
  const common = { name, probe, inOrder: true };
  return [
    targetOf({ ...common, kind: 'valid', inputs: honest(valid) }),
    targetOf({
      ...common,
      kind: 'hostile',
      inputs: fc.oneof(
        { arbitrary: honest(bad), weight: 6 },
        { arbitrary: spoiltAfter, weight: 3 },
        { arbitrary: forged, weight: 1 },
      ),
    }),
  ];
}

function entries(
  fuzz: FuzzFederation,
  code: FuzzedCode,
  text: (bodies: fc.Arbitrary<unknown>) => fc.Arbitrary<string>,
): fc.Arbitrary<Said> {
  const money = fc.record({
    amount: fc.constantFrom('5.00', '0.00', '-1.00', '99999999.99'),
    currency: fc.constant('RUB'),
  });
  const request = fc.oneof(
    fc.record({ money, tender: fc.record({ kind: fc.constantFrom('cash', 'card', 'barter') }) }),
    fc.record({ payment: word(fuzz, 'operationId'), reason: fc.constant('x') }),
    fc.record({
      iccid: word(fuzz, 'iccid'),
      ratePlan: word(fuzz, 'rate-plans.code'),
      action: fc.constantFrom('on', 'off', 'block'),
    }),
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  );
  const kindOf = (schema: z.ZodType, operationKind: string) => {
    const document: Schema = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    return validValues({
      vocabulary: fuzz.vocabulary,
      definitions: document.$defs ?? {},
      special: {
        ...{ kind: fc.constant(operationKind), attempt: fc.constantFrom(1, 1, 2, 9), request },
        ...{
          serving: fc.constantFrom('SPB', 'SPB', 'NSK', code),
          home: fc.constantFrom(code, code, 'SPB', 'HQ'),
        },
        ...{ release: fc.constantFrom(1, 0, 2), details: fc.constant({}) },
      },
    }).values(document);
  };
  const ofOperations = [...operationEntryKinds].map(([kind, { kind: operation, point }]) =>
    text(kindOf(bodySchemas[point], operation)).map((body) => ({ kind, body })),
  );
  const others = Object.entries(otherBodies).map(([kind, schema]) =>
    text(kindOf(schema, 'missing-leg')).map((body) => ({ kind, body })),
  );
  return fc.oneof(...ofOperations, ...others);
}

function word({ vocabulary }: FuzzFederation, name: string): fc.Arbitrary<string> {
  return fc.nat({ max: 1 << 20 }).map((at) => {
    const words = vocabulary.of(name);
    return words[at % words.length] ?? 'x';
  });
}

const heads: fc.Arbitrary<object> = fc.constantFrom(
  ...[
    { from: 'MSK' },
    { to: 'NSK' },
    { first: 0 },
    { first: 5 },
    { position: 99_999 },
    { base: 'f'.repeat(64) },
  ],
  ...[
    { chain: '0'.repeat(64) },
    { epoch: 'f'.repeat(32) },
    { started: 'e'.repeat(32) },
    { previous: [] },
  ],
  ...[
    { previous: Array.from({ length: 33 }, () => 'a'.repeat(32)) },
    { at: 'x' },
    { position: 2 ** 53 },
  ],
  ...[{ extra: 1 }, { first: -1 }, { position: 0 }, { chain: null }, { base: 5 }],
);

const tampers: fc.Arbitrary<(text: string) => string | Buffer> = fc.oneof(
  fc
    .tuple(
      fc.nat({ max: 1 << 20 }),
      fc.constantFrom<unknown>(...hostileTexts, null, -1, [], {}, 2 ** 53),
    )
    .map(([at, by]) => (text: string) => {
      const batch: unknown = JSON.parse(text);
      const places = placesIn(batch);
      return jsonText(replaced(batch, places[at % places.length] ?? [], by) ?? null);
    }),
  tampered(fc.constant('\u0000')).map(
    (bytes) => (text: string) => (bytes.length > 1 ? bytes : text.slice(1)),
  ),
  fc.constantFrom(
    (text: string) => `${text}x`,
    (text: string) => text.replace('"entries":[', `"entries":[${'{},'.repeat(200)}`),
    (text: string) => text.replace('"from":', '"from":"MSK","from":'),
    (text: string) =>
      text.replace('"body":{', `"body":{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`),
    (text: string) => text.replace('"body":{', '"body":{"__proto__":{"a":1},'),
    (text: string) => text.replace('"head":"', `"head":"${'x'.repeat(17_000)}`),
  ),
);

async function send(rogue: Rogue, { said, head, tamper }: StreamInput): Promise<Verdict> {
  const start = rogue.start();
  const made = said.flatMap(({ kind, body }, index) => {
    const value = parsed(body);
    return value === undefined ? [] : [start.entry(kind, value, index)];
  });
  if (made.length === 0) return { outcome: 'no JSON' };
  const batch = await batchOf(start, made, head);
  if (batch === undefined) return { outcome: 'no canonical form' };
  const text = JSON.stringify(batch);
  const sent = tamper ? tamper(text) : text;
  const answer = await rogue.ask(
    { method: 'POST', path: '/peer/v1/stream', body: sent },
    streamJudge,
  );
  if (answer.status === 200 && JSON.parse(answer.text).position > start.position())
    start.took(made);
  // A fork is remembered: this start is heard no more.
  if (/forked|broken-chain|stale-start|set-back/.test(answer.outcome)) rogue.restart();
  return answer;
}

async function batchOf(start: ReturnType<Rogue['start']>, made: readonly object[], head: object) {
  try {
    return await start.batch(made, head);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
