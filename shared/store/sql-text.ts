import { assert } from '../problem/problem.ts';
import type { SqlParameter, SqlValue } from './store.ts';

export const cachedStatementsMax = 500;

const literalsAndComments =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g;
const transactionControl =
  /^\s*(?:begin|commit|end|rollback|savepoint|release|vacuum|attach|detach)\b/i;

/** What the store has to know of a statement before it runs it. */
export interface StatementShape {
  readonly placeholders: number;
  /** It cannot change anything, whatever its parameters are. */
  readonly readsOnly: boolean;
}

/** The text with every literal, quoted name and comment taken out. */
export function bareSql(sql: string): string {
  return sql.replace(literalsAndComments, ' ');
}

/** Refuses what would take the transaction out of the store's hands. */
export function statementShape(sql: string): StatementShape {
  const bare = bareSql(sql);
  assert(!transactionControl.test(bare), 'only the store begins, ends and copies');
  assert(!/\?\d|[:@$]\w/.test(bare), 'statements have plain ? placeholders only');
  const readsOnly = /^\s*(?:select|values|with|explain)\b/i.test(bare);
  return {
    placeholders: bare.split('?').length - 1,
    readsOnly: readsOnly && !/\breturning\b/i.test(bare),
  };
}

const int64Bits = 64;

/**
 * Parameters as both drivers can take them. Numbers must be whole (libsql would bind them as REAL),
 * and all of them must be there (libsql would leave the value of the statement's last run in the
 * place of a missing one).
 */
export function boundValues(shape: StatementShape, params: readonly SqlParameter[]): SqlValue[] {
  assert(params.length === shape.placeholders, 'a statement gets one value per placeholder');
  return params.map((value) => {
    assert(value !== undefined, 'a parameter is a value or null');
    const whole = typeof value === 'number' ? BigInt(value) : value;
    if (typeof whole === 'bigint') {
      assert(BigInt.asIntN(int64Bits, whole) === whole, 'an integer fits into 64 bits');
    }
    return whole;
  });
}
