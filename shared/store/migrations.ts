import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assetPath } from './assets.ts';
import type { Driver } from './driver.ts';
import { bareSql } from './sql-text.ts';
import type { Reader, Row } from './store.ts';

/**
 * One room's history: the files `NNNN-verb-noun.sql` of a folder, relative to the project's root.
 */
export interface MigrationSet {
  readonly room: string;
  readonly directory: string;
}

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

export const migrationSchema = `
  CREATE TABLE IF NOT EXISTS migrations (
    room TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_order INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (room, number)
  ) STRICT;
`;

/**
 * Brings every room's schema up to its files, in one transaction: a store whose upgrade fails is
 * still the older code's. Throws, with nothing applied, if a room's applied history is not a prefix
 * of its files: a gap, a renamed, changed or removed file, an unknown room.
 */
export async function migrate(driver: Driver, sets: readonly MigrationSet[]): Promise<void> {
  const applied = await readHistory(driver);
  const due = dueAfter(applied, sets);
  if (due.length === 0) return;
  await driver.begin();
  try {
    for (const [index, migration] of due.entries()) {
      await apply(driver, migration, applied.length + index + 1);
    }
    await driver.commit();
  } finally {
    await driver.rollback();
  }
}

/** @throws Error for a copy of a store that this code would not open: a newer one, or another history. */
export async function assertOpenable(
  copy: Pick<Reader, 'all'>,
  sets: readonly MigrationSet[],
): Promise<void> {
  dueAfter(await copy.all(history), sets);
}

const history = 'SELECT * FROM migrations ORDER BY applied_order';

async function readHistory(driver: Driver): Promise<Row[]> {
  await driver.beginReads();
  try {
    return await driver.read(history, []);
  } finally {
    await driver.endReads();
  }
}

function dueAfter(applied: readonly Row[], sets: readonly MigrationSet[]) {
  for (const { room } of applied) {
    if (!sets.some((set) => set.room === room)) throw newer(`it has migrations of unknown ${room}`);
  }
  return sets.flatMap(({ room, directory }) => {
    const files = readMigrations(room, directory);
    const ofRoom = applied.filter((row) => row.room === room);
    assertPrefix(room, ofRoom, files);
    return files.slice(ofRoom.length).map((file) => ({ room, ...file }));
  });
}

async function apply(
  driver: Driver,
  { room, number, name, checksum, sql }: Migration & { room: string },
  order: number,
): Promise<void> {
  try {
    await driver.script(sql);
    await driver.run(
      'INSERT INTO migrations (room, number, name, checksum, applied_order) VALUES (?, ?, ?, ?, ?)',
      [room, number, name, checksum, order],
    );
  } catch (error) {
    throw new Error(`migration ${room}/${name} failed: ${String(error)}`, { cause: error });
  }
}

function newer(evidence: string): Error {
  return new Error(
    `The store is newer than this code: ${evidence}. Start the version that wrote it, or restore an older backup.`,
  );
}

function assertPrefix(room: string, history: readonly Row[], files: readonly Migration[]): void {
  for (const [index, row] of history.entries()) {
    const file = files[index];
    if (!file) throw newer(`migration ${room}/${row.name} was applied, its file is missing`);
    if (row.number !== BigInt(file.number) || row.name !== file.name) {
      throw new Error(`migration ${room}/${row.name} was applied, ${file.name} is in its place`);
    }
    if (row.checksum !== file.checksum) {
      throw new Error(`migration ${room}/${row.name} was changed after it was applied`);
    }
  }
}

function readMigrations(room: string, directory: string): Migration[] {
  const folder = assetPath(directory);
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name, index) => {
    const number = Number(/^(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)+\.sql$/.exec(name)?.[1]);
    if (number !== index + 1) {
      throw new Error(
        `migration ${room}/${name} should be NNNN-verb-noun.sql, number ${index + 1}`,
      );
    }
    const sql = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n');
    // A check put off to the commit would take the whole group of writes down with it.
    if (/\binitially\s+deferred\b/i.test(bareSql(sql))) {
      throw new Error(`migration ${room}/${name} defers a constraint`);
    }
    return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}
