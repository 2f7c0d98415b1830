import type Database from 'libsql';

/**
 * Node's own SQLite, where a runtime has it (24), as libSQL's connection looks: the same SQL on the same files, with a
 * third of the time between JavaScript and SQLite.
 */

type Connection = InstanceType<typeof Database>;
type Value = string | bigint | Uint8Array | null;

interface RuntimeStatement {
  all(...values: readonly Value[]): unknown[];
  get(...values: readonly Value[]): unknown;
  run(...values: readonly Value[]): { changes: number | bigint };
  columns(): { name: string }[];
  setReadBigInts(isOn: boolean): void;
  setReturnArrays(isOn: boolean): void;
}

interface RuntimeDatabase {
  readonly isTransaction: boolean;
  prepare(sql: string): RuntimeStatement;
  exec(sql: string): void;
}

interface RuntimeSqlite {
  readonly DatabaseSync: new (path: string) => RuntimeDatabase;
}

function runtimeSqlite(): RuntimeSqlite | undefined {
  const found = process.getBuiltinModule('node:sqlite');
  return found && 'DatabaseSync' in found ? (found as RuntimeSqlite) : undefined;
}

/** @throws Error on a runtime without it */
export function openRuntimeSqlite(path: string): Connection {
  const sqlite = runtimeSqlite();
  if (!sqlite) throw new Error('this Node.js has no SQLite of its own: Node.js 24 has');
  const db = new sqlite.DatabaseSync(path);
  const connection = {
    get inTransaction() {
      return db.isTransaction;
    },
    exec: (sql: string) => told(() => db.exec(sql)),
    prepare: (sql: string) => told(() => statementOf(db.prepare(sql))),
  };
  return connection as Connection;
}

function statementOf(statement: RuntimeStatement) {
  const made = {
    reader: statement.columns().length > 0,
    columns: () => statement.columns(),
    raw(isOn: boolean) {
      statement.setReturnArrays(isOn);
      return made;
    },
    safeIntegers(isOn: boolean) {
      statement.setReadBigInts(isOn);
      return made;
    },
    all: (values: readonly Value[]) => told(() => statement.all(...values)),
    get: (values: readonly Value[]) => told(() => statement.get(...values)),
    run: (values: readonly Value[]) =>
      told(() => ({ changes: Number(statement.run(...values).changes) })),
  };
  return made;
}

/** An error says its SQLite code as libSQL's does. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'errcode' in error)
      Object.assign(error, { rawCode: error.errcode });
    throw error;
  }
}
