import type { ReleaseManifest } from '../../shared/reference/release.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';

export interface PreparedRelease {
  readonly manifest: ReleaseManifest;
  /** Texts of the data sets by their SHA-256. */
  readonly contents: Readonly<Record<string, string>>;
  readonly approvals: readonly string[];
  readonly preparedBy: string;
}

export async function findPrepared(tx: Reader): Promise<PreparedRelease | undefined> {
  const row = await tx.get<{
    manifest: string;
    contents: string;
    approvals: string;
    preparedBy: string;
  }>(
    `SELECT manifest, contents, approvals, prepared_by AS preparedBy FROM prepared_release
     WHERE one = 1`,
  );
  if (!row) return undefined;
  return {
    // Head office's own, parsed before it was stored.
    manifest: JSON.parse(row.manifest) as ReleaseManifest,
    contents: JSON.parse(row.contents) as Record<string, string>,
    approvals: JSON.parse(row.approvals) as string[],
    preparedBy: row.preparedBy,
  };
}

export async function savePrepared(tx: Transaction, prepared: PreparedRelease): Promise<void> {
  await tx.run(
    `INSERT OR REPLACE INTO prepared_release (one, manifest, contents, approvals, prepared_by)
     VALUES (1, ?, ?, ?, ?)`,
    JSON.stringify(prepared.manifest),
    JSON.stringify(prepared.contents),
    JSON.stringify(prepared.approvals),
    prepared.preparedBy,
  );
}

export async function dropPrepared(tx: Transaction): Promise<void> {
  await tx.run('DELETE FROM prepared_release WHERE one = 1');
}
