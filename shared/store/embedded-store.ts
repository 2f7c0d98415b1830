import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import BackgroundDatabase from 'libsql/promise';
import { assert, type DomainError } from '../problem/problem.ts';
import { boundedCache } from './bounded-cache.ts';
import { primaryCode } from './constraint.ts';
import { type Driver, storeUnavailable, type Wanted } from './driver.ts';
import { syncPath } from './durable-file.ts';
import { createBackup } from './embedded-backup.ts';
import { createPrivately, lockFile } from './file-lock.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Row, SqlParameter, SqlValue } from './store.ts';

const groupTimeMaxMs = 10;
const cacheMaxKib = 65_536;
const idleWalMaxBytes = 67_108_864;

/**
 * SQLite's primary codes that speak of one statement: ERROR, SCHEMA, TOOBIG, CONSTRAINT, MISMATCH,
 * MISUSE, RANGE. All others (FULL, IOERR, NOMEM, BUSY, CORRUPT …) speak of the store.
 */
const statementCodes = new Set([1, 17, 18, 19, 20, 21, 25]);

const settings = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'busy_timeout = 0',
  `cache_size = -${cacheMaxKib}`,
  `journal_size_limit = ${idleWalMaxBytes}`,
];

type Connection = InstanceType<typeof Database>;
type Statement = ReturnType<Connection['prepare']>;

/**
 * The store in one file of this machine. Nothing but a commit waits: every other answer is there when
 * the call returns.
 */
export function openEmbeddedDriver(givenPath: string): Driver {
  const path = settledPath(givenPath);
  const unlock = lockFile(path);
  let db: Connection;
  try {
    db = new Database(path, { timeout: 0 });
    configure(db);
    syncPath(dirname(path));
  } catch (error) {
    unlock();
    throw error;
  }
  return {
    ...connectionDriver(db, commitInBackground),
    close: () => {
      leaveWal(db);
      db.close();
      unlock();
    },
  };
}

/**
 * A commit waits for the disk: on a thread of the driver's, while this one reads requests and writes answers. Nothing
 * else asks the connection meanwhile. Both of libsql's interfaces stand on the same native connection.
 */
const commitInBackground = (db: Connection): Promise<void> =>
  BackgroundDatabase.prototype.exec.call({ db: Reflect.get(db, 'db') }, 'COMMIT');

/** The driver of an open connection, however it was opened. */
export function connectionDriver(
  db: Connection,
  commit?: (db: Connection) => Promise<void>,
): Omit<Driver, 'close'> {
  const guard = createGuard(db);
  const statements = createStatements(db);
  return {
    groupTimeMaxMs,
    readsTogetherMax: 1,

    all: (sql, params, wanted) => guard.within(() => statements.all(sql, params, wanted)),
    run: (sql, params) => guard.within(() => statements.run(sql, params)),
    script: (sql) => guard.within(() => statements.script(sql)),

    beginReads: () => {},
    read: (sql, params, wanted) => guard.outside(() => statements.read(sql, params, wanted)),
    endReads: () => {},

    begin: () => {
      guard.reset();
      guard.control('BEGIN IMMEDIATE');
    },
    commit: () => (commit ? guard.finish(commit) : guard.control('COMMIT')),
    rollback: guard.rollback,
    savepoint: (depth) => guard.control(`SAVEPOINT s${depth}`),
    release: (depth) => guard.control(`RELEASE s${depth}`),
    undo: (depth) => {
      if (guard.failure()) return;
      guard.control(`ROLLBACK TO s${depth}`);
      guard.control(`RELEASE s${depth}`);
    },
    failure: guard.failure,

    confine,
    backup: createBackup(db),
  };
}

function createStatements(db: Connection) {
  const statementsKept = () =>
    boundedCache(cachedStatementsMax, (sql: string) => {
      const shape = statementShape(sql);
      const statement = db.prepare(sql).safeIntegers(true);
      // Rows as plain lists are a fifth of the driver's work of making an object of each.
      const columns = statement.reader ? columnsOf(statement.raw(true)) : undefined;
      return { statement, shape, columns };
    });
  let prepared = statementsKept();

  /**
   * Both ways leave the statement at its end: one left half-way would hold its snapshot, and VACUUM
   * and checkpoints back.
   */
  function all(sql: string, params: readonly SqlParameter[], wanted?: Wanted): Row[] {
    const { statement, shape, columns } = prepared(sql);
    const values = boundValues(shape, params);
    if (columns === undefined) {
      statement.run(values);
      return [];
    }
    if (wanted !== 'first') return rowsOf(columns, statement.all(values));
    const first = firstOf(statement, values);
    return first === undefined ? [] : rowsOf(columns, [first]);
  }

  /** The driver ends only what has not failed: from then on a failed statement would fail for ever. */
  function firstOf(statement: Statement, values: ReturnType<typeof boundValues>): unknown {
    try {
      return statement.get(values);
    } catch (error) {
      prepared = statementsKept();
      throw error;
    }
  }

  return {
    all,
    read: (sql: string, params: readonly SqlParameter[], wanted?: Wanted): Row[] => {
      assert(prepared(sql).shape.readsOnly, 'a read does not write');
      return all(sql, params, wanted);
    },
    run: (sql: string, params: readonly SqlParameter[]): number => {
      const { statement, shape, columns } = prepared(sql);
      assert(columns === undefined, 'run is for statements that return no rows');
      return statement.run(boundValues(shape, params)).changes;
    },
    script: (sql: string): void => {
      db.exec(sql);
      // It may have changed the schema, and with it the columns of what is prepared.
      prepared = statementsKept();
    },
  };
}

/** Tells a refused statement from a lost transaction, and lets nothing run in a lost one. */
function createGuard(db: Connection) {
  const own = boundedCache(cachedStatementsMax, (sql: string) => db.prepare(sql));
  let lost: DomainError | undefined;

  function isOfTheStatement(error: Error): boolean {
    const code = primaryCode(error);
    return code === undefined || statementCodes.has(code);
  }

  function lose(cause: unknown): DomainError {
    lost = storeUnavailable('The store could not do this now; nothing was kept.', cause);
    return lost;
  }

  return {
    failure: () => lost,
    reset: () => {
      lost = undefined;
    },
    within: <T>(work: () => T): T => {
      if (lost) throw lost;
      try {
        return work();
      } catch (error) {
        if (error instanceof Error && isOfTheStatement(error) && db.inTransaction) throw error;
        throw lose(error);
      }
    },
    outside: <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        if (error instanceof Error && isOfTheStatement(error)) throw error;
        throw storeUnavailable('The store cannot be read now.', error);
      }
    },
    /** Statements of the store's own: whatever goes wrong with one, the transaction is lost. */
    control: (sql: string): void => {
      if (lost) throw lost;
      try {
        own(sql).run([]);
      } catch (error) {
        throw lose(error);
      }
    },
    /** The same for a commit that takes its time. */
    finish: async (commit: (db: Connection) => Promise<void>): Promise<void> => {
      if (lost) throw lost;
      try {
        await commit(db);
      } catch (error) {
        throw lose(error);
      }
    },
    rollback: (): void => {
      try {
        if (db.inTransaction) own('ROLLBACK').run([]);
      } catch (error) {
        lose(error);
      }
    },
  };
}

/**
 * Must be called from a microtask. Node runs a next tick once there is no microtask left to run: a
 * function that is not settled then waits for the event loop, and nothing else has had a turn so
 * far.
 */
function confine<T>(work: () => Promise<T>): Promise<T> {
  return new Promise((settle, reject) => {
    let running = true;
    work().then(
      (value) => {
        running = false;
        settle(value);
      },
      (error) => {
        running = false;
        reject(error);
      },
    );
    process.nextTick(() => {
      if (!running) return;
      reject(new Error('broken invariant: a store function awaits nothing but its transaction'));
    });
  });
}

function configure(db: Connection): void {
  for (const setting of settings) db.prepare(`PRAGMA ${setting}`).all([]);
  const mode: unknown = db.prepare('PRAGMA journal_mode').raw(true).all([])[0];
  assert(String(mode) === 'wal', 'the file system of the store can hold a WAL');
}

/**
 * libsql keeps the connection until its statements are collected. Out of WAL it holds no lock
 * meanwhile, has nothing left to write, and leaves one whole file that may be copied or replaced.
 */
function leaveWal(db: Connection): void {
  try {
    db.prepare('PRAGMA journal_mode = DELETE').all([]);
  } catch {
    // A full disk: the WAL stays beside the file, and the next opening goes on with it.
  }
}

/** Writes a WAL that a killed process left back into its file, as far as the two can be read. */
export function foldWal(path: string): void {
  const left = new Database(path, { timeout: 0 });
  leaveWal(left);
  left.close();
}

/** The file that a store's URL names; undefined for a server's. */
export function namedFile(url: string): string | undefined {
  if (url.startsWith('file://')) return fileURLToPath(url);
  return url.startsWith('file:') ? url.slice('file:'.length) : undefined;
}

/** The same of a store that is a file, its folder made if it is missing. */
export function storePath(url: string): string {
  const path = namedFile(url);
  assert(path !== undefined, 'the store is a file');
  return settledPath(path);
}

/** Two names of one file must find the same lock. */
function settledPath(given: string): string {
  const path = resolve(given);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Nobody else may read it, nor what SQLite puts beside it: that takes the mode of the file.
  createPrivately(path);
  return realpathSync(path);
}

const columnsOf = (statement: Statement): string[] =>
  statement.columns().map(({ name }: { name: string }) => name);

/**
 * libsql's types do not say it: raw rows are lists in the order of the columns, and with safe
 * integers no column is a float by accident.
 */
function rowsOf(columns: readonly string[], lists: unknown[]): Row[] {
  return (lists as SqlValue[][]).map((values) => {
    const row: Row = {};
    for (let at = 0; at < columns.length; at += 1) {
      const [column, value] = [columns[at], values[at]];
      if (column !== undefined && value !== undefined) row[column] = value;
    }
    return row;
  });
}
