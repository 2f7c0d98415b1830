import { z } from 'zod';
import { DomainError, type FieldError } from '../problem/problem.ts';

const maxReportedErrors = 20;
const maxFieldLength = 64;

/**
 * Parses at the border.
 * @throws DomainError `invalid-input` with the dotted path of each field that is wrong, unknown
 * ones named.
 */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(fieldErrors).slice(0, maxReportedErrors);
  const [first] = errors;
  const detail = first ? `${first.field}: ${first.message}.` : undefined;
  throw new DomainError('invalid-input', detail, { errors });
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => fieldError([...issue.path, key], 'is not known here'));
  }
  return [fieldError(issue.path, issue.message)];
}

function fieldError(path: readonly PropertyKey[], message: string): FieldError {
  const field = path.map(String).join('.').slice(0, maxFieldLength);
  return { field: field === '' ? 'body' : field, message };
}

/**
 * @throws Error at wiring time unless every object in the schema refuses unknown fields, and is documented as it is
 * read.
 */
export function requireStrict(schema: z.ZodType, where: string): void {
  if (foundStrict.has(schema)) return;
  for (const [part, path] of parts(schema, where)) {
    const { def } = inner(part);
    if (def.type === 'optional' && !z.safeParse(part, undefined).success) {
      throw new Error(
        `${path} must be optional(): the document would call exactOptional() required`,
      );
    }
    if (def.type !== 'object') continue;
    const catchall = def.catchall && inner(def.catchall).def.type;
    if (catchall !== 'never') throw new Error(`${path} must be a z.strictObject`);
  }
  foundStrict.add(schema);
}

/** Every node of a process wires the same schemas. */
const foundStrict = new WeakSet<z.ZodType>();

const maxSchemaDepth = 32;

function* parts(
  schema: z.core.$ZodType,
  path: string,
  depth = 0,
): Generator<[z.core.$ZodType, string]> {
  yield [schema, path];
  if (depth >= maxSchemaDepth) throw new Error(`${path} is nested too deep`);
  for (const [child, name] of children(schema)) {
    yield* parts(child, name === '' ? path : `${path}.${name}`, depth + 1);
  }
}

function children(schema: z.core.$ZodType): [z.core.$ZodType, string][] {
  const { def } = inner(schema);
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).map(([name, child]) => [child, name]);
    case 'array':
      return [[def.element, '[]']];
    case 'record':
      return [[def.valueType, '{}']];
    case 'union':
      return def.options.map((option) => [option, '']);
    case 'intersection':
      return [def.left, def.right].map((side) => [side, '']);
    case 'tuple':
      return def.items.map((item, index) => [item, String(index)]);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
      return [[def.innerType, '']];
    case 'pipe':
      return [[def.in, '']];
    default:
      return [];
  }
}

/** Zod's own union of everything a schema can be; its public type does not narrow. */
function inner(schema: z.core.$ZodType) {
  return (schema as z.core.$ZodTypes)._zod;
}
