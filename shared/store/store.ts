/**
 * What a column can hold. Integers are read as `bigint`; money is never a float. No BLOBs: hashes
 * are hex text.
 */
export type SqlValue = string | bigint | null;
export type SqlParameter = string | bigint | number | null;
export type Row = Record<string, SqlValue>;

/** Statements with `?` placeholders only; values never enter the text. */
export interface Reader {
  get<T extends object = Row>(sql: string, ...params: SqlParameter[]): Promise<T | undefined>;
  all<T extends object = Row>(sql: string, ...params: SqlParameter[]): Promise<T[]>;
}

/**
 * A table whose rows are sums. `sql` adds amounts to the row of a key, which it makes if there is none: an upsert whose
 * parameters are the key, then the amounts.
 */
export interface SumTable {
  readonly table: string;
  readonly sql: string;
}

export interface Transaction extends Reader {
  /** @returns how many rows were changed. */
  run(sql: string, ...params: SqlParameter[]): Promise<number>;
  /**
   * Adds amounts to a row of sums. Many facts of one transaction may share a row: it is written once, when the function
   * ends, or before a statement that names its table.
   */
  add(of: SumTable, key: readonly SqlParameter[], amounts: readonly bigint[]): void;
  /**
   * Runs `fn` in a savepoint of its own: if it throws, its effects are undone and the error goes
   * on.
   */
  attempt<T>(fn: () => Promise<T>): Promise<T>;
  /**
   * Called once the work is durable, never if it is rolled back; with the next commit if the answer
   * to its own was lost, and its caller was refused. Must not throw and must not touch the store.
   */
  afterCommit(fn: () => void): void;
}

/**
 * A node's store. All work goes through one queue; what is waiting runs in one transaction, each
 * write in its own savepoint, and every caller is answered only after the commit is durable. A
 * failing write rolls back alone.
 *
 * `fn` awaits nothing but its transaction: no network, no timer. The embedded store asserts that.
 */
export interface Store {
  read<T>(fn: (tx: Reader) => Promise<T>): Promise<T>;
  write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Writes a consistent copy of the running store to a new file. @returns its SHA-256. */
  backup(path: string): Promise<string>;
  /** Waits for what is queued, then closes. Later calls are refused with `store-unavailable`. */
  close(): Promise<void>;
}
