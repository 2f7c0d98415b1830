import type Database from 'libsql';

export type Row = Record<string, string | bigint | null>;

type Connection = InstanceType<typeof Database>;

/** What a disk holds, past the node that runs on it. */
export function rowsOf(db: Connection, sql: string, ...params: (string | bigint)[]): Row[] {
  const statements = prepared.get(db) ?? new Map();
  prepared.set(db, statements);
  const statement = statements.get(sql) ?? db.prepare(sql).safeIntegers(true);
  statements.set(sql, statement);
  return statement.all(params);
}

const prepared = new WeakMap<Connection, Map<string, ReturnType<Connection['prepare']>>>();
