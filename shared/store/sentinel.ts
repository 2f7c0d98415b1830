import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { assert } from '../problem/problem.ts';
import type { Driver } from './driver.ts';
import { replaceFile } from './durable-file.ts';

/**
 * A count of commits outside the store, by which a node sees that its store was set back to an
 * older copy.
 *
 * The file has two records, written in turns, so that one torn by a power cut leaves the other: the
 * torn one counted a commit that nobody had been told of.
 */
export interface Sentinel {
  /** What the file said when it was opened; undefined if it is missing or cannot be read. */
  readonly found: bigint | undefined;
  /** Durable when it returns. */
  record(count: bigint): Promise<void>;
  close(): Promise<void>;
}

/** A disk writes a sector of this length wholly or not at all, or the checksum shows it. */
const recordBytes = 512;
const records = 2n;

/**
 * Opens the sentinel file, and creates it only for a store that has no commits: a missing file
 * beside a store that has some means that one of the two was replaced, and the next `record` makes
 * it.
 */
export async function openSentinel(path: string, storeCount: bigint): Promise<Sentinel> {
  const file = folderMade(path);
  if (!existsSync(file) && storeCount === 0n) replaceFile(file, blankFile(0n));
  return openCount(file);
}

/**
 * The same count in a file that the machine loses when it is started anew, and that only a start which is certain of its
 * past keeps: the next start that finds it, and a store that counts as much, has forgotten nothing. Whoever puts a whole
 * machine back to an older state starts it anew.
 */
export interface Mark {
  /** The store has all that the start before it had, which was certain of its own past. */
  readonly continues: boolean;
  /** From the next record on it is kept. */
  keep(): void;
  record(count: bigint): Promise<void>;
  close(): Promise<void>;
}

/**
 * What it finds and cannot believe is removed: another's file, or the mark of a store that counted further. So is one that
 * cannot be kept any longer. Where another's file cannot be removed there is no mark.
 */
export async function openMark(path: string, storeCount: bigint): Promise<Mark> {
  const file = folderMade(path);
  if (isOfAnother(file) && !isRemoved(file)) return noMark;
  const found = existsSync(file) ? readCount(readFileSync(file)) : undefined;
  const continues = found !== undefined && found <= storeCount;
  if (!continues) rmSync(file, { force: true });
  const count = await openCount(file);
  let isKept = continues;
  return {
    continues,
    keep: () => {
      isKept = true;
    },
    record: async (value) => {
      if (!isKept) return;
      try {
        await count.record(value);
      } catch {
        isKept = false;
        rmSync(file, { force: true });
      }
    },
    close: count.close,
  };
}

function isOfAnother(file: string): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false });
  return found !== undefined && found.uid !== process.getuid?.();
}

/** In a folder that is everybody's, as `/dev/shm`, only its owner may. */
function isRemoved(file: string): boolean {
  try {
    rmSync(file, { force: true });
    return true;
  } catch {
    return false;
  }
}

const noMark: Mark = {
  continues: false,
  keep: () => {},
  record: async () => {},
  close: async () => {},
};

function folderMade(path: string): string {
  const file = resolve(path);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return file;
}

async function openCount(file: string): Promise<Sentinel> {
  const found = existsSync(file) ? readCount(readFileSync(file)) : undefined;
  let isThere = found !== undefined;
  let handle: FileHandle | undefined = isThere ? await open(file, 'r+') : undefined;

  async function write(count: bigint, to: FileHandle): Promise<void> {
    const position = Number(count % records) * recordBytes;
    const { bytesWritten } = await to.write(encodeRecord(count), 0, recordBytes, position);
    assert(bytesWritten === recordBytes, 'a sentinel record is written whole');
    await to.datasync();
  }

  return {
    found,
    record: async (count) => {
      if (!isThere) replaceFile(file, blankFile(count));
      isThere = true;
      handle ??= await open(file, 'r+');
      try {
        await write(count, handle);
      } catch (error) {
        // A disk that was away may be back as another: what was opened on the one before fails for ever.
        await handle.close().catch(() => {});
        handle = undefined;
        throw error;
      }
    },
    close: async () => {
      await handle?.close();
      handle = undefined;
    },
  };
}

function blankFile(count: bigint): Uint8Array {
  const file = Buffer.alloc(recordBytes * Number(records));
  file.set(encodeRecord(count), Number(count % records) * recordBytes);
  return file;
}

function encodeRecord(count: bigint): Uint8Array {
  const text = `sbms-sentinel ${count}`;
  return Buffer.from(`${text} ${checksum(text)}\n`.padEnd(recordBytes, '\0'), 'latin1');
}

function readCount(file: Buffer): bigint | undefined {
  let highest: bigint | undefined;
  for (let start = 0; start < recordBytes * Number(records); start += recordBytes) {
    const record = file.toString('latin1', start, start + recordBytes);
    const [, text, count, sum] = /^(sbms-sentinel (\d+)) ([0-9a-f]{64})\n/.exec(record) ?? [];
    if (text === undefined || count === undefined || sum !== checksum(text)) continue;
    if (highest === undefined || BigInt(count) > highest) highest = BigInt(count);
  }
  return highest;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The store's side of it: one row, in the store itself, so that a copy of the store carries its own
 * count.
 */
export const commitCountSchema = `
  CREATE TABLE IF NOT EXISTS store_commits (count INTEGER NOT NULL CHECK (count >= 0)) STRICT;
  INSERT INTO store_commits (count) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM store_commits);
`;

export async function readCommitCount(driver: Driver): Promise<bigint> {
  return countIn(await driver.read('SELECT count FROM store_commits', []));
}

/**
 * Counts the running transaction; `floor` is what the sentinel said, and the count never falls
 * below it.
 */
export async function countCommit(driver: Driver, floor: bigint): Promise<bigint> {
  const sql = 'UPDATE store_commits SET count = max(count, ?) + 1 RETURNING count';
  return countIn(await driver.all(sql, [floor]));
}

function countIn(rows: readonly object[]): bigint {
  const [row] = rows;
  if (row && 'count' in row && typeof row.count === 'bigint') return row.count;
  throw new Error('store_commits has lost its row');
}
