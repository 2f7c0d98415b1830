import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { DomainError, isDomainError } from '../problem/problem.ts';
import { projectRoot } from '../store/assets.ts';
import { replaceFile, syncPath } from '../store/durable-file.ts';
import type { Store } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { type Clock, type Instant, msOf, now } from '../time/clock.ts';

const checkMaxMs = 60 * 60_000;
/** A node whose newest backup is older than a day and a little is not well. */
const backupMaxAgeMs = 26 * 60 * 60_000;
const hourMs = 60 * 60_000;
/** Ends a copy's name until it was looked through. */
const unchecked = '.unchecked';

const checked = z.object({
  faults: z.array(z.string()),
  newest: z.object({ node: z.string(), epoch: z.string(), seq: z.int() }).optional(),
});

/** What lies beside each backup, as `<file>.json`. */
export const backupRecord = z.strictObject({
  file: z.string(),
  node: z.string(),
  takenAt: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  log: z.strictObject({ epoch: z.string(), seq: z.int() }),
});
export type BackupRecord = z.infer<typeof backupRecord>;

export type Backups = ReturnType<typeof createBackups>;

/**
 * Copies of the running store in `backups` of the data folder: each is looked through by a process of its own before it
 * counts, and only the newest are kept.
 */
export function createBackups(deps: {
  node: string;
  folder: string;
  kept: number;
  store: Store;
  clock: Clock;
}) {
  const { folder, clock, store } = deps;
  let newest: { readonly takenAt: string } | undefined;
  let running: Promise<BackupRecord> | undefined;

  /**
   * Who asks while one is being made gets that one.
   * @throws DomainError `store-unavailable`, `backup-faulty`
   */
  function take(): Promise<BackupRecord> {
    running ??= takeOne()
      .catch((error: unknown) => {
        if (isDomainError(error)) throw error;
        const detail = 'The copy could not be kept; the store is unharmed.';
        throw new DomainError('store-unavailable', detail, { cause: error });
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  async function takeOne(): Promise<BackupRecord> {
    const takenAt = now(clock);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, nameOf(takenAt));
    const copy = file + unchecked;
    const sha256 = await store.backup(copy);
    try {
      const { epoch, seq } = await lookThrough(copy);
      const { size: bytes } = await stat(copy);
      const record = { file, node: deps.node, takenAt, bytes, sha256, log: { epoch, seq } };
      // Before the copy has its name: what a crash leaves without one is cleared away.
      replaceFile(`${file}.json`, Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`));
      await rename(copy, file);
      syncPath(folder);
      newest = record;
      await removeOld();
      return record;
    } catch (error) {
      // Without its record it is no backup, and as large as the store.
      if (newest?.takenAt !== takenAt)
        for (const part of [copy, file, `${file}.json`]) await rm(part, { force: true });
      throw error;
    }
  }

  const nameOf = (takenAt: Instant) => `${deps.node}-${takenAt.replaceAll(/[:.]/g, '-')}.db`;
  const ownName = new RegExp(
    `^${deps.node}-\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d-\\d{3}Z\\.db\\.`,
  );

  /** All but what people keep there by names of their own. */
  async function namesOfOwn(): Promise<string[]> {
    const all = await readdir(folder).catch(() => []);
    return all.filter((name) => ownName.test(name));
  }

  /** The records of those that are there, the newest first; what a clock that ran ahead has dated comes last. */
  async function names(): Promise<string[]> {
    const all = (await namesOfOwn()).filter((name) => name.endsWith('.db.json'));
    const records = all.filter((name) => existsSync(copyOf(join(folder, name))));
    const latest = `${nameOf(now(clock))}.json`;
    const isAhead = (name: string) => Number(name > latest);
    return records.sort((a, b) => isAhead(a) - isAhead(b) || (a < b ? 1 : -1));
  }

  /** What a crash left of a copy is as large as the store. */
  async function removeUnchecked(): Promise<void> {
    for (const name of await namesOfOwn()) {
      if (name.includes(`.db${unchecked}`)) await rm(join(folder, name), { force: true });
    }
  }

  async function removeOld(): Promise<void> {
    for (const name of (await names()).slice(deps.kept)) {
      const record = join(folder, name);
      await rm(copyOf(record), { force: true });
      await rm(record, { force: true });
    }
  }

  const copyOf = (record: string) => record.slice(0, -'.json'.length);

  return {
    take,
    /** At start: how old is the newest one? */
    async load(): Promise<void> {
      await removeUnchecked();
      for (const name of await names()) {
        newest = await readRecord(join(folder, name));
        if (newest) return;
      }
    },
    /** Undefined when there is none. */
    ageSeconds: (): number | undefined =>
      newest && Math.max(0, (clock.nowMs() - msOf(newest.takenAt)) / 1000),
    /** For `/readyz`: says it, and takes a node out of no service. */
    state(): { ok: boolean; detail: string } {
      if (!newest) return { ok: false, detail: stateSentences.say('noBackup', {}) };
      const ageMs = clock.nowMs() - msOf(newest.takenAt);
      const hours = String(Math.floor(ageMs / hourMs));
      const detail = stateSentences.say('backupAge', { hours });
      // One that a clock far ahead has dated may be of any age.
      return { ok: Math.abs(ageMs) <= backupMaxAgeMs, detail };
    },
  };
}

/** @returns its newest entry. @throws DomainError `backup-faulty` */
async function lookThrough(file: string): Promise<BackupRecord['log']> {
  const { faults, newest } = await check(file);
  if (faults.length === 0 && newest) return newest;
  throw new DomainError('backup-faulty', faults[0] ?? 'The copy holds no log.');
}

async function check(file: string): Promise<z.infer<typeof checked>> {
  const program = join(projectRoot(), 'dist/shared/node/check-backup.js');
  const run = promisify(execFile)(process.execPath, [program, file], { timeout: checkMaxMs });
  const { stdout } = await run.catch((cause: unknown) => {
    throw new DomainError('backup-faulty', `${basename(file)} could not be read.`, { cause });
  });
  return checked.parse(JSON.parse(stdout));
}

/** Undefined when it cannot be read: a broken record must not keep a node from its start. */
export async function readRecord(path: string): Promise<BackupRecord | undefined> {
  try {
    return backupRecord.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
