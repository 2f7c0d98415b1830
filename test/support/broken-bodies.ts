// biome-ignore lint/suspicious/noExplicitAny: an OpenAPI document is read as it comes
type Schema = any;

/** A body that an endpoint must refuse, and the field that is to blame. */
export interface BrokenBody {
  readonly what: string;
  readonly body: string;
  readonly field: string;
}

interface Place {
  readonly path: readonly string[];
  readonly schema: Schema;
  readonly isRequired: boolean;
}

const wrongFor: Readonly<Record<string, readonly unknown[]>> = {
  string: [null, 5, true, {}, ['x']],
  integer: [null, 'x', 1.5, '5', {}],
  number: [null, 'x', '5', {}],
  boolean: [null, 'true', 1, {}],
  object: [null, 'x', 5, []],
  array: [null, 'x', 5, {}],
};

/** Breaks the bodies that a document describes, one field at a time. */
export function bodyBreaker(document: Schema) {
  function resolved(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    if (name !== undefined) return resolved(document.components.schemas[name]);
    return schema.allOf ? Object.assign({}, ...schema.allOf.map(resolved), schema) : schema;
  }

  /** A value of the right shape; whether it makes sense does not matter here. */
  function sample(given: Schema): unknown {
    const schema = resolved(given);
    if (schema.enum) return schema.enum[0];
    if (schema.type === 'array') return [sample(schema.items)];
    if (schema.type === 'object') {
      const entries = Object.entries(schema.properties ?? {});
      return Object.fromEntries(entries.map(([name, member]) => [name, sample(member)]));
    }
    if (schema.example !== undefined) return schema.example;
    return { integer: 1, number: 1, boolean: true }[String(schema.type)] ?? 'x';
  }

  function* places(given: Schema, path: readonly string[] = []): Generator<Place> {
    const schema = resolved(given);
    if (schema.type === 'array') yield* places(schema.items, [...path, '0']);
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      const isRequired = (schema.required ?? []).includes(name);
      yield { path: [...path, name], schema: resolved(member), isRequired };
      yield* places(member, [...path, name]);
    }
  }

  /** Every object of the body that refuses unknown members: the path of one. */
  function* unknownMembers(given: Schema, path: readonly string[] = []): Generator<string[]> {
    const schema = resolved(given);
    if (schema.additionalProperties === false) yield [...path, 'bogus'];
    if (schema.type === 'array') yield* unknownMembers(schema.items, [...path, '0']);
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      yield* unknownMembers(member, [...path, name]);
    }
  }

  function* wrongValues(schema: Schema): Generator<BrokenBody> {
    for (const place of places(schema)) {
      const field = place.path.join('.');
      const { type } = place.schema;
      if (place.isRequired) {
        yield { what: `without ${field}`, body: changed(schema, place.path), field };
      }
      for (const value of wrongFor[String(type)] ?? [null]) {
        const what = `${field}: ${JSON.stringify(value)}`;
        yield { what, body: changed(schema, place.path, value), field };
      }
    }
    for (const path of unknownMembers(schema)) {
      const field = path.join('.');
      yield { what: `unknown ${field}`, body: changed(schema, path, 1), field };
    }
  }

  function changed(schema: Schema, path: readonly string[], value?: unknown): string {
    const body = structuredClone(sample(schema)) as Schema;
    const last = path.at(-1) ?? '';
    const parent = path.slice(0, -1).reduce((at, name) => at[name], body);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
    return JSON.stringify(body);
  }

  return {
    sample: (schema: Schema) => JSON.stringify(sample(schema)),
    wrongValues: (schema: Schema) => [...wrongValues(schema)],
  };
}
