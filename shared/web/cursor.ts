import type { z } from 'zod';
import { DomainError } from '../problem/problem.ts';

/** An opaque keyset cursor: the key of the last item shown. */
export function encodeCursor(key: object): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * The key in a cursor; undefined without one.
 * @throws DomainError `invalid-input` naming `cursor` for anything that `encodeCursor` did not make
 * of such a key.
 */
export function decodeCursor<S extends z.ZodType>(
  cursor: string | undefined,
  schema: S,
): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  const result = schema.safeParse(parsed(cursor));
  if (result.success) return result.data;
  throw notOfThisList();
}

/** For a cursor that leads nowhere in its list, or does no more since what it names has changed. */
export function notOfThisList(): DomainError {
  return new DomainError('invalid-input', 'The cursor is not one of this list.', {
    errors: [{ field: 'cursor', message: 'is not one of this list' }],
  });
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/**
 * One page of `limit` items out of `limit + 1` rows read: the one too many tells that there is
 * more.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { item, key }: { item: (row: Row) => Item; key: (row: Row) => object },
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null;
  return { items: shown.map(item), next };
}
