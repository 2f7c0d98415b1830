import { isUtf8 } from 'node:buffer';
import { statSync } from 'node:fs';
import Database from 'libsql';
import { connectionDriver } from './embedded-store.ts';
import { readCommitCount } from './sentinel.ts';
import type { Reader } from './store.ts';
import { readHandle } from './transaction.ts';

/**
 * Reads a copy of a store that no node has open, and changes nothing of it.
 * @throws Error when it is no store, or a broken one.
 */
export async function readCopy<T>(path: string, work: (tx: Reader) => Promise<T>): Promise<T> {
  const { size } = statSync(path);
  if (size === 0) throw new Error(`${path} is empty`);
  const db = new Database(path, { readonly: true });
  try {
    assertPlain(db, path);
    assertText(db, path);
    const driver = { ...connectionDriver(db), close: () => {} };
    await readCommitCount(driver);
    return await work(readHandle(driver).tx);
  } finally {
    db.close();
  }
}

type Connection = InstanceType<typeof Database>;

/**
 * A store has tables, indexes and triggers. What else SQLite runs when a file is read, a view or the module of a virtual
 * table, is not ours, and nobody's file makes it run here.
 * @throws Error that names it.
 */
function assertPlain(db: Connection, path: string): void {
  const foreign =
    "SELECT name FROM sqlite_schema WHERE type = 'view' OR sql LIKE 'create virtual%'";
  const [name] = textsOf(db, foreign, path);
  if (name !== undefined) throw new Error(`${path} is no store of ours: it has ${name}`);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * The driver ends the whole process for a text that is not UTF-8, as a damaged file may have it: so all texts are looked at
 * as bytes first. SQLite's own check does not.
 * @throws Error that names the table.
 */
function assertText(db: Connection, path: string): void {
  for (const table of textsOf(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", path)) {
    const sql = `SELECT name FROM pragma_table_info(${textLiteral(table)}) WHERE type = 'TEXT'`;
    const columns = textsOf(db, sql, path).map((name) => `coalesce(${quoted(name)}, '')`);
    if (columns.length === 0) continue;
    // No character goes on behind a line's end, so one look finds what is wrong in any of them.
    const bytes = `CAST(${columns.join(' || char(10) || ')} AS BLOB)`;
    for (const [text] of rowsOf(db, `SELECT ${bytes} FROM ${quoted(table)}`)) {
      if (!isUtf8(text)) throw new Error(`${path} is damaged: a text of ${table} is not UTF-8`);
    }
  }
}

const textLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** One column of names. */
function textsOf(db: Connection, sql: string, path: string): string[] {
  const names = [...rowsOf(db, `SELECT CAST(name AS BLOB) FROM (${sql})`)];
  return names.map(([name]) => {
    if (!isUtf8(name)) throw new Error(`${path} is damaged: a name in its schema is not UTF-8`);
    return name.toString();
  });
}

/** One blob a row, one row after the other: a table may be longer than the memory. */
const rowsOf = (db: Connection, sql: string): Iterable<[Buffer]> =>
  db.prepare(sql).raw(true).iterate([]) as Iterable<[Buffer]>;

/** What SQLite itself finds wrong with the file; nothing when it is whole. */
export async function fileFaults(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ line: string }>('SELECT quick_check AS line FROM pragma_quick_check');
  return rows.flatMap(({ line }) => (line === 'ok' ? [] : [line]));
}
