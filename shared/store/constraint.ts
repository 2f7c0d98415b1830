/**
 * The low byte of SQLite's extended result codes that belong to SQLITE_CONSTRAINT
 * (https://sqlite.org/rescode.html).
 */
const constraintCode = 19;

/**
 * True for what SQLite refused because of a CHECK, UNIQUE, NOT NULL, a foreign key, a STRICT type
 * or a trigger's RAISE, on the embedded and on the server store. The server does not say which: do
 * not match on more than this.
 */
export function isConstraintError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('code' in error && String(error.code).startsWith('SQLITE_CONSTRAINT')) return true;
  return primaryCode(error) === constraintCode;
}

/** SQLite's primary result code of an embedded store's error. */
export function primaryCode(error: Error): number | undefined {
  if (!('rawCode' in error) || typeof error.rawCode !== 'number') return undefined;
  return error.rawCode & 0xff;
}
