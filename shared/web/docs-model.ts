import type { ApiDocument } from './openapi.ts';

type Schemas = NonNullable<NonNullable<ApiDocument['components']>['schemas']>;
export type Schema = Schemas[string];
type PathItem = NonNullable<ApiDocument['paths']>[string];
export type Operation = NonNullable<PathItem['get']>;

export interface DocumentedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** The operations of a document by tag, in the order they were added. */
export function operationsByTag(document: ApiDocument): Map<string, DocumentedOperation[]> {
  const byTag = new Map<string, DocumentedOperation[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? 'Other';
      const listed = byTag.get(tag) ?? [];
      byTag.set(tag, [...listed, { method: method.toUpperCase(), path, operation }]);
    }
  }
  return byTag;
}

/** The schema that a reference names, e.g. `Money` of `#/components/schemas/Money`. */
export function referenceName(schema: Schema): string | undefined {
  return '$ref' in schema && schema.$ref ? schema.$ref.split('/').at(-1) : undefined;
}

export interface Field {
  /** Dotted path; `[]` marks the items of a list. */
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

const maxFieldDepth = 6;

/**
 * The fields of an object schema, those of nested objects under their dotted path; references are
 * not followed.
 */
export function fieldsOf(schema: Schema, prefix = '', depth = 0): Field[] {
  if ('$ref' in schema || depth > maxFieldDepth) return [];
  if (schema.items) return fieldsOf(schema.items, `${prefix}[]`, depth + 1);
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    const isRequired = schema.required?.includes(key) === true;
    return [{ name, schema: property, isRequired }, ...fieldsOf(property, name, depth + 1)];
  });
}

/** In a word or two: `string (uuid)`, `list of Operator`, `done | denied`. */
export function typeOf(schema: Schema): string {
  const name = referenceName(schema);
  if (name !== undefined) return name;
  if ('$ref' in schema) return 'anything';
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(typeOf).join(' or ');
  if (schema.enum) return schema.enum.map(String).join(' | ');
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  const types = schema.type === undefined ? ['anything'] : [schema.type].flat();
  const format = schema.format === undefined ? '' : ` (${schema.format})`;
  return types.join(' or ') + format;
}

/** What else a value must be: bounds and pattern. */
export function limitsOf(schema: Schema): string[] {
  if ('$ref' in schema) return [];
  const { minimum, maximum, minLength, maxLength, pattern } = schema;
  return [
    range('', minimum, maximum),
    range(' characters', minLength, maxLength),
    pattern === undefined ? '' : pattern,
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
  ].filter((text) => text !== '');
}

function range(unit: string, from: number | undefined, to: number | undefined): string {
  if (from === undefined && to === undefined) return '';
  return `${from ?? ''}…${to ?? ''}${unit}`;
}
