import fc from 'fast-check';
import { luhnDigit } from '../../shared/ids/ids.ts';
import type { Vocabulary } from './vocabulary.ts';

// biome-ignore lint/suspicious/noExplicitAny: a JSON schema is read as it comes
export type Schema = any;

const maxDepth = 8;
const maxTextLength = 24;
const maxListLength = 3;
const maxInteger = 1_000_000;
const day = { min: new Date('2024-01-01T00:00:00Z'), max: new Date('2028-12-31T00:00:00Z') };

const instants = fc.date({ ...day, noInvalidDate: true }).map((date) => date.toISOString());
const dates = instants.map((text) => text.slice(0, 10));
const digits = (count: number) => fc.stringMatching(new RegExp(`^\\d{${count}}$`));
const fourDigits = digits(4);
const iccids = digits(12)
  .map((text) => `8970299${text}`)
  .map((text) => text + luhnDigit(text));

/** What a pattern does not say of a text: by the field's name. */
const byName: Readonly<Record<string, fc.Arbitrary<string>>> = {
  iccid: iccids,
  imsi: digits(10).map((text) => `25009${text}`),
  msisdn: fc
    .tuple(fc.constantFrom('7925000', '7921100', '7923100'), fourDigits)
    .map((parts) => parts.join('')),
  numbers: fourDigits.map((rest) => `7925000${rest}`),
  amount: fc.constantFrom('1.00', '10.00', '500.00', '0.00', '-5.00', '99999.99', '1'),
  currency: fc.constantFrom('RUB', 'RUB', 'RUB', 'USD'),
  at: instants,
  occurredAt: instants,
  limit: fc.integer({ min: 1, max: 200 }).map(String),
};

/** Where the words for a field are found under another name. */
const alsoKnownAs: Readonly<Record<string, string>> = {
  ratePlan: 'rate-plans.code',
  service: 'services.code',
  customerNumber: 'customer.number',
  iccid: 'sim-cards.iccid',
  homeBranch: 'nodes.code',
  branch: 'homeBranch',
  current: 'password',
};

const byFormat: Readonly<Record<string, fc.Arbitrary<string>>> = {
  date: dates,
  'date-time': instants,
};

/** Values that a schema of an OpenAPI document, or of a message between nodes, lets through. */
export function validValues(options: {
  readonly vocabulary: Vocabulary;
  /** Named schemas, for `$ref`. */
  readonly definitions: Readonly<Record<string, Schema>>;
  /** Instead of what the schema says, by the field's name. */
  readonly special?: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}) {
  const { vocabulary, definitions, special = {} } = options;

  function resolved(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    if (name !== undefined) return resolved({ ...definitions[name], ...without(schema, '$ref') });
    if (!schema.allOf) return schema;
    return Object.assign({}, ...schema.allOf.map(resolved), without(schema, 'allOf'));
  }

  function values(given: Schema, name = '', depth = 0, within = ''): fc.Arbitrary<unknown> {
    const own = special[name];
    if (own) return own;
    if (depth > maxDepth) return fc.constant(null);
    const schema = resolved(given);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) {
      return fc.oneof(...choices.map((choice: Schema) => values(choice, name, depth + 1, within)));
    }
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const types: string[] = [schema.type ?? 'anything'].flat();
    return fc.oneof(...types.map((type) => ofType(type, { schema, name, depth, within })));
  }

  function ofType(
    type: string,
    place: { schema: Schema; name: string; depth: number; within: string },
  ): fc.Arbitrary<unknown> {
    const { schema, name, depth, within } = place;
    switch (type) {
      case 'string':
        return texts(schema, name, within);
      case 'integer':
      case 'number':
        return fc.integer({
          min: schema.minimum ?? 0,
          max: Math.min(schema.maximum ?? maxInteger, maxInteger),
        });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'array':
        return fc.array(values(schema.items ?? {}, name, depth + 1, within), {
          minLength: schema.minItems ?? 0,
          maxLength: Math.max(schema.minItems ?? 0, maxListLength),
        });
      case 'object':
        return objects(schema, name, depth);
      case 'anything':
        return fc.jsonValue({ maxDepth: 2 });
      default:
        throw new Error(`${name}: no values are known for the type ${type}`);
    }
  }

  function objects(schema: Schema, name: string, depth: number): fc.Arbitrary<unknown> {
    const members = Object.entries<Schema>(schema.properties ?? {});
    if (members.length === 0 && schema.additionalProperties !== false) {
      const key = schema.propertyNames ? texts(resolved(schema.propertyNames), '') : fc.string();
      return fc.dictionary(key, values(schema.additionalProperties || {}, '', depth + 1), {
        maxKeys: maxListLength,
        noNullPrototype: true,
      });
    }
    const model = members.map(([key, member]) => [key, values(member, key, depth + 1, name)]);
    return fc.record(Object.fromEntries(model), {
      requiredKeys: schema.required ?? [],
      noNullPrototype: true,
    });
  }

  /** `within` tells apart what has the same name in different places. */
  function texts(schema: Schema, name: string, within = ''): fc.Arbitrary<string> {
    const made = byName[name] ?? byFormat[schema.format] ?? ofPattern(schema);
    if (name === '') return made;
    const alias = alsoKnownAs[name] ?? name;
    const seen = fc.tuple(fc.nat({ max: 1 << 20 }), made).map(([at, own]) => {
      const words = vocabulary.of(`${within}.${name}`, `${within}.operationId`, alias, name);
      return words[at % words.length] ?? own;
    });
    return fc.oneof({ arbitrary: seen, weight: 3 }, { arbitrary: made, weight: 2 });
  }

  function ofPattern(schema: Schema): fc.Arbitrary<string> {
    if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern));
    const minLength = schema.minLength ?? 0;
    const maxLength = Math.max(
      minLength,
      Math.min(schema.maxLength ?? maxTextLength, maxTextLength),
    );
    return fc.string({ unit: fc.constantFrom(...'abАя Ё-1"\\é́🙂'), minLength, maxLength });
  }

  return { values, texts, resolved };
}

function without(schema: Schema, key: string): Schema {
  const { [key]: _, ...rest } = schema;
  return rest;
}
