import { existsSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createClient, type Transaction } from '@libsql/client';
import Database from 'libsql';
import type { Clock } from '../time/clock.ts';
import { type BackupTurns, storeUnavailable } from './driver.ts';
import { syncPath } from './durable-file.ts';
import { copyStoreFile } from './file-copy.ts';
import { createPrivately } from './file-lock.ts';
import { inTime, type StoreServer, webSocketOf } from './server-connection.ts';
import type { Row, SqlValue } from './store.ts';

type Copy = InstanceType<typeof Database>;

/** Few enough that writing them down keeps nobody waiting. */
const rowsPerTurn = 500;

const tablesFirst = `
  SELECT type, name, sql FROM sqlite_schema
  WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND name NOT LIKE 'libsql\\_%' ESCAPE '\\'
  ORDER BY type <> 'table', rowid
`;

/**
 * Copies the server's store, as it is at one moment, row by row into a file like an embedded
 * store's, over a connection of its own while the store goes on.
 * @returns the copy's SHA-256.
 */
export async function copyFromServer(
  server: StoreServer,
  given: string,
  { isClosing }: Pick<BackupTurns, 'isClosing'>,
): Promise<string> {
  const target = resolve(given);
  if (existsSync(target)) throw new Error(`the backup's file exists already: ${target}`);
  const collected = `${target}.collected`;
  const assertMayGoOn = () => {
    if (isClosing()) throw storeUnavailable('The store is closing.');
  };
  try {
    rmSync(collected, { force: true });
    createPrivately(collected);
    await collect(server, collected, assertMayGoOn);
    return await copyStoreFile({ source: collected, target, assertMayGoOn });
  } catch (error) {
    throw storeUnavailable('The copy could not be made; the store is unharmed.', error);
  } finally {
    rmSync(collected, { force: true });
    syncPath(dirname(target));
  }
}

async function collect(
  server: StoreServer,
  path: string,
  assertMayGoOn: () => void,
): Promise<void> {
  const { authToken, clock } = server;
  const client = createClient({
    ...{ url: webSocketOf(server.url), intMode: 'bigint' },
    ...(authToken === undefined ? {} : { authToken }),
  });
  const copy = new Database(path);
  try {
    for (const setting of ['journal_mode = OFF', 'synchronous = OFF', 'foreign_keys = OFF']) {
      copy.prepare(`PRAGMA ${setting}`).all([]);
    }
    const query = queryOf(await inTime(clock, client.transaction('read')), clock);
    const schema = await query(tablesFirst);
    const tables = schema.filter(({ type }) => type === 'table');
    for (const { sql } of tables) copy.exec(String(sql));
    for (const { name } of tables) await collectRows(query, copy, String(name), assertMayGoOn);
    await collectSequences(query, copy);
    for (const { type, sql } of schema) if (type !== 'table') copy.exec(String(sql));
  } finally {
    copy.close();
    client.close();
  }
}

type Query = (sql: string, ...args: SqlValue[]) => Promise<Row[]>;

function queryOf(snapshot: Transaction, clock: Clock): Query {
  return async (sql, ...args) => {
    const { rows } = await inTime(clock, snapshot.execute({ sql, args }));
    /** The border of the store: there are no other values in it. */
    return rows.map((row) => ({ ...row }) as Row);
  };
}

/** By their keys, so that each turn begins where the one before it ended. */
async function collectRows(
  query: Query,
  copy: Copy,
  table: string,
  assertMayGoOn: () => void,
): Promise<void> {
  const columns = await query('SELECT name, pk FROM pragma_table_info(?) ORDER BY cid', table);
  const keys = await keysOf(query, table);
  const names = [...(keys[0] === 'rowid' ? keys : []), ...columns.map(({ name }) => String(name))];
  const list = names.map(quoted).join(', ');
  const order = keys.map(quoted).join(', ');
  const marks = (count: number) => Array.from({ length: count }, () => '?').join(', ');
  const insert = copy.prepare(
    `INSERT INTO ${quoted(table)} (${list}) VALUES (${marks(names.length)})`,
  );
  const aliased = names.map((name, at) => `${quoted(name)} AS c${at}`).join(', ');
  const select = `SELECT ${aliased} FROM ${quoted(table)}`;
  const end = `ORDER BY ${order} LIMIT ${rowsPerTurn}`;
  let last: SqlValue[] | undefined;
  for (;;) {
    assertMayGoOn();
    const after = last ? `WHERE (${order}) > (${marks(keys.length)})` : '';
    const rows = await query(`${select} ${after} ${end}`, ...(last ?? []));
    copy.exec('BEGIN');
    for (const row of rows) insert.run(names.map((_, at) => row[`c${at}`] ?? null));
    copy.exec('COMMIT');
    const final = rows.at(-1);
    if (!final || rows.length < rowsPerTurn) return;
    last = keys.map((key) => final[`c${names.indexOf(key)}`] ?? null);
  }
}

/** What its rows are found by: the primary key where it is the table itself, the row's number else. */
async function keysOf(query: Query, table: string): Promise<string[]> {
  const [found] = await query('SELECT wr FROM pragma_table_list(?)', table);
  if (found?.wr !== 1n) return ['rowid'];
  const sql = 'SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk';
  return (await query(sql, table)).map(({ name }) => String(name));
}

/** The highest numbers ever given, where they are never given again. */
async function collectSequences(query: Query, copy: Copy): Promise<void> {
  const there = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
  if ((await query(there)).length === 0) return;
  copy.exec('DELETE FROM sqlite_sequence');
  const insert = copy.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)');
  for (const { name, seq } of await query('SELECT name, seq FROM sqlite_sequence')) {
    insert.run([name ?? null, seq ?? null]);
  }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
