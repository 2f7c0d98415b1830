import { assert } from '../problem/problem.ts';
import type { Reader, Transaction } from '../store/store.ts';
import type { Instant } from '../time/clock.ts';
import type { ReleaseManifest } from './release.ts';

export interface StoredRelease {
  readonly jws: string;
  readonly jwsSha256: string;
  readonly manifest: ReleaseManifest;
  readonly appliedAt: Instant;
}

export interface HeldLatest {
  readonly version: number;
  readonly manifestSha256: string;
  readonly issuedAt: Instant;
  readonly acceptedAt: Instant;
  /** When a statement last named the release that this node holds. */
  readonly confirmedAt: Instant | null;
}

interface ReleaseRow {
  readonly jws: string;
  readonly jws_sha256: string;
  readonly manifest: string;
  readonly applied_at: string;
}

const columns = 'jws, jws_sha256, manifest, applied_at';

function releaseOf(row: ReleaseRow): StoredRelease {
  return {
    jws: row.jws,
    jwsSha256: row.jws_sha256,
    // It was parsed before it was stored, and nothing else writes this table.
    manifest: JSON.parse(row.manifest) as ReleaseManifest,
    appliedAt: row.applied_at,
  };
}

export async function findRelease(tx: Reader, version: number): Promise<StoredRelease | undefined> {
  const sql = `SELECT ${columns} FROM releases WHERE version = ?`;
  const row = await tx.get<ReleaseRow>(sql, version);
  return row && releaseOf(row);
}

/** The highest version, in force or not yet. */
export async function highestRelease(tx: Reader): Promise<StoredRelease | undefined> {
  return (await newestReleases(tx, 1))[0];
}

/** The highest version first. */
export async function newestReleases(tx: Reader, limit: number): Promise<StoredRelease[]> {
  const sql = `SELECT ${columns} FROM releases ORDER BY version DESC LIMIT ?`;
  return (await tx.all<ReleaseRow>(sql, limit)).map(releaseOf);
}

/**
 * The highest version that is in force at `now`. One that was made to count at once does, whatever
 * this node's clock says: a wrong clock brings back nobody who was cut off, and takes no roles away.
 */
export async function releaseDue(tx: Reader, now: Instant): Promise<StoredRelease | undefined> {
  const sql = `SELECT ${columns} FROM releases 
    WHERE effective_from <= max(?, json_extract(manifest, '$.createdAt'))
    ORDER BY version DESC LIMIT 1`;
  const row = await tx.get<ReleaseRow>(sql, now);
  return row && releaseOf(row);
}

/** When the next release above `version` comes into force. */
export async function nextSwitch(tx: Reader, version: number): Promise<Instant | undefined> {
  const row = await tx.get<{ at: string | null }>(
    'SELECT min(effective_from) AS at FROM releases WHERE version > ?',
    version,
  );
  return row?.at ?? undefined;
}

export async function insertRelease(tx: Transaction, release: StoredRelease): Promise<void> {
  const { manifest } = release;
  await tx.run(
    `INSERT INTO releases (version, jws, jws_sha256, manifest, effective_from, applied_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
    manifest.version,
    release.jws,
    release.jwsSha256,
    JSON.stringify(manifest),
    manifest.effectiveFrom,
    release.appliedAt,
  );
}

export async function findContent(tx: Reader, sha256: string): Promise<string | undefined> {
  const row = await tx.get<{ content: string }>(
    'SELECT content FROM dataset_contents WHERE sha256 = ?',
    sha256,
  );
  return row?.content;
}

export async function insertContent(
  tx: Transaction,
  { sha256, content }: { readonly sha256: string; readonly content: string },
): Promise<void> {
  await tx.run(
    'INSERT INTO dataset_contents (sha256, content) VALUES (?, ?) ON CONFLICT DO NOTHING',
    sha256,
    content,
  );
}

export async function findLatest(tx: Reader): Promise<HeldLatest | undefined> {
  const row = await tx.get<{
    version: bigint;
    manifest_sha256: string;
    issued_at: string;
    accepted_at: string;
    confirmed_at: string | null;
  }>('SELECT * FROM latest_statement WHERE one = 1');
  if (!row) return undefined;
  const version = Number(row.version);
  assert(Number.isSafeInteger(version), 'a version is a safe integer');
  return {
    version,
    manifestSha256: row.manifest_sha256,
    issuedAt: row.issued_at,
    acceptedAt: row.accepted_at,
    confirmedAt: row.confirmed_at,
  };
}

export async function saveLatest(tx: Transaction, latest: HeldLatest): Promise<void> {
  await tx.run(
    `INSERT OR REPLACE INTO latest_statement
       (one, version, manifest_sha256, issued_at, accepted_at, confirmed_at)
     VALUES (1, ?, ?, ?, ?, ?)`,
    latest.version,
    latest.manifestSha256,
    latest.issuedAt,
    latest.acceptedAt,
    latest.confirmedAt,
  );
}
