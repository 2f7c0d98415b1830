import { chmodSync, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'libsql';
import { assert, type DomainError } from '../problem/problem.ts';
import { boundedCache } from './bounded-cache.ts';
import { primaryCode } from './constraint.ts';
import { type Driver, storeUnavailable } from './driver.ts';
import { syncPath } from './durable-file.ts';
import { lockFile } from './file-lock.ts';
import { boundValues, cachedStatementsMax, statementShape } from './sql-text.ts';
import type { Row, SqlParameter } from './store.ts';

const groupTimeMaxMs = 10;
const cacheMaxKib = 65_536;
const idleWalMaxBytes = 67_108_864;

/**
 * SQLite's primary codes that speak of one statement: ERROR, SCHEMA, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE.
 * All others (FULL, IOERR, NOMEM, BUSY, CORRUPT …) speak of the store.
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

/** The store in one file of this machine. Nothing here waits: every answer is there when the call returns. */
export function openEmbeddedDriver(givenPath: string): Driver {
  const path = settledPath(givenPath);
  const unlock = lockFile(path);
  let db: Connection;
  try {
    db = new Database(path, { timeout: 0 });
    for (const setting of settings) db.prepare(`PRAGMA ${setting}`).all([]);
    syncPath(dirname(path));
  } catch (error) {
    unlock();
    throw error;
  }

  const statements = boundedCache(cachedStatementsMax, (sql: string) => {
    const shape = statementShape(sql);
    const statement = db.prepare(sql).safeIntegers(true);
    return { statement, ...shape, returnsRows: statement.reader };
  });
  let lost: DomainError | undefined;

  /** What a failed statement's caller is told: its own error, if the transaction is still there. */
  function judged(error: unknown, within: boolean): unknown {
    if (!(error instanceof Error)) return error;
    const code = primaryCode(error);
    if ((code === undefined || statementCodes.has(code)) && (!within || db.inTransaction)) {
      return error;
    }
    const refusal = storeUnavailable('The store could not do this now; nothing was kept.', error);
    if (within) lost = refusal;
    return refusal;
  }

  function guarded<T>(within: boolean, work: () => T): T {
    if (within && lost) throw lost;
    try {
      return work();
    } catch (error) {
      throw judged(error, within);
    }
  }

  /** Always read to the end: a statement left half-way would hold its snapshot, and VACUUM and checkpoints back. */
  function rows(sql: string, params: readonly SqlParameter[]): Row[] {
    const entry = statements(sql);
    return asRows(entry.statement.all(boundValues(entry, params)));
  }

  /** Statements of the store's own: whatever goes wrong with one, the transaction is lost. */
  function control(sql: string): void {
    if (lost) throw lost;
    try {
      own(sql).run([]);
    } catch (error) {
      lost = storeUnavailable('The store could not finish this; nothing was kept.', error);
      throw lost;
    }
  }

  const own = boundedCache(cachedStatementsMax, (sql: string) => db.prepare(sql));

  return {
    groupTimeMaxMs,
    readsTogetherMax: 1,

    all: (sql, params) => guarded(true, () => rows(sql, params)),
    run: (sql, params) =>
      guarded(true, () => {
        const entry = statements(sql);
        assert(!entry.returnsRows, 'run is for statements that return no rows');
        return entry.statement.run(boundValues(entry, params)).changes;
      }),
    script: (sql) => guarded(true, () => void db.exec(sql)),

    beginReads: () => {},
    read: (sql, params) =>
      guarded(false, () => {
        assert(statements(sql).readsOnly, 'a read does not write');
        return rows(sql, params);
      }),
    endReads: () => {},

    begin: () => {
      lost = undefined;
      control('BEGIN IMMEDIATE');
    },
    commit: () => control('COMMIT'),
    rollback: () => {
      try {
        if (db.inTransaction) own('ROLLBACK').run([]);
      } catch (error) {
        lost = storeUnavailable('The store could not undo this.', error);
      }
    },
    savepoint: (depth) => control(`SAVEPOINT s${depth}`),
    release: (depth) => control(`RELEASE s${depth}`),
    undo: (depth) => {
      if (lost) return;
      control(`ROLLBACK TO s${depth}`);
      control(`RELEASE s${depth}`);
    },
    failure: () => lost,

    confine,
    backup: (target) => copyInto(db, target),
    close: () => {
      // The connection lives on until its statements are collected, so that nothing may be left for it to write.
      db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all([]);
      db.close();
      unlock();
    },
  };
}

/**
 * Must be called from a microtask. Node runs a next tick once there is no microtask left to run: a function that is not
 * settled then waits for the event loop, and nothing else has had a turn so far.
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

function copyInto(db: Connection, target: string): void {
  const path = resolve(target);
  if (existsSync(path)) throw new Error(`the backup's file exists already: ${path}`);
  try {
    db.prepare('VACUUM INTO ?').run([path]);
    chmodSync(path, 0o600);
    syncPath(path);
    syncPath(dirname(path));
  } catch (error) {
    rmSync(path, { force: true });
    throw storeUnavailable('The copy could not be made; the store is unharmed.', error);
  }
}

/** Two names of one file must find the same lock. */
function settledPath(given: string): string {
  const path = resolve(given);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) return realpathSync(path);
  return join(realpathSync(dirname(path)), basename(path));
}

/** libsql's types do not say it: rows are objects, and with safe integers no column is a float by accident. */
function asRows(rows: unknown[]): Row[] {
  return rows as Row[];
}
