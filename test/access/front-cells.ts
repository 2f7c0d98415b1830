import { type FrontRow, frontRows, madeUp, signedInNeeds } from './access-matrix.ts';
import type { Cell, Kind, Person } from './matrix-stage.ts';

/** The front API's cells: every route as every role, and with every credential that is not good. */

/** A credential that is presented and must not be believed, or not for this. */
export interface Credential {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of whom the node knows that it was; `-` if it does not. */
  readonly actor: string;
  readonly expected: 'not-signed-in' | 'not-permitted' | 'password-temporary';
  readonly query?: string;
  /** Only for requests that change something. */
  readonly isForWrites?: boolean;
}

const methodOf = ({ route }: FrontRow) => route.split(' ')[0] ?? '';
const pathOf = ({ route }: FrontRow) =>
  (route.split(' ')[1] ?? '').replaceAll(/\{(\w+)\}/g, (_, name: string) => madeUp[name] ?? name);
/** Nothing takes it: who gets in is told so, and nothing happens. */
const unexpected = { unexpected: true };

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function cellOf(
  kind: Kind,
  row: FrontRow,
  cell: Pick<Cell, 'actor' | 'what' | 'headers' | 'expected'>,
  query = '',
): Cell {
  const isRead = methodOf(row) === 'GET';
  const path = pathOf(row) + query;
  return { ...cell, kind, route: row.route, path, ...(isRead ? {} : { body: unexpected }) };
}

/** What somebody is answered with who is let in. */
function letIn(row: FrontRow): string | number {
  return methodOf(row) === 'GET' ? (row.finds ?? 200) : 'invalid-input';
}

export function roleCells(
  kind: Kind,
  people: ReadonlyMap<string, { person: Person; may: ReadonlySet<string> }>,
): Cell[] {
  return frontRows[kind].flatMap((row) =>
    [...people].map(([role, { person, may }]) => {
      const isOpen = ['public', 'machine', ...signedInNeeds].includes(row.needs);
      const isOneOf = row.anyOf?.some((each) => may.has(each)) ?? true;
      const isLetIn = (isOpen && isOneOf) || may.has(row.needs);
      const expected = isLetIn ? letIn(row) : 'not-permitted';
      const { id: actor, token } = person;
      return cellOf(kind, row, { actor, what: `as ${role}`, headers: bearer(token), expected });
    }),
  );
}

export function credentialCells(kind: Kind, credentials: readonly Credential[]): Cell[] {
  return frontRows[kind].flatMap((row) =>
    credentials.flatMap(({ what, headers, actor, expected, query, isForWrites }) => {
      if (isForWrites && methodOf(row) === 'GET') return [];
      const isOpen = row.needs === 'public' || row.needs === 'machine';
      const mayChange = expected === 'password-temporary' && row.needs === 'own-password';
      // A role without permissions is still somebody.
      const isNobody = what === 'a role withdrawn meanwhile' && row.anyOf === undefined;
      const isNoMore = isNobody && signedInNeeds.includes(row.needs);
      const outcome = isOpen || mayChange || isNoMore ? letIn(row) : expected;
      return [cellOf(kind, row, { actor, what, headers, expected: outcome }, query)];
    }),
  );
}
