import { assert } from '../../shared/problem/problem.ts';
import type { DatasetContent } from '../../shared/reference/dataset-content.ts';
import type { DatasetName, RowOf } from '../../shared/reference/datasets.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Instant } from '../../shared/time/clock.ts';

export type BranchIdentity = Pick<RowOf<'branches'>, 'code' | 'revokedSerials' | 'active'> &
  Required<Pick<RowOf<'branches'>, 'peerUrl' | 'frontUrl' | 'signingKey' | 'tlsKeySha256'>>;

export interface Publication {
  readonly version: number;
  readonly actor: string;
  readonly publishedAt: string;
  readonly effectiveFrom: string;
}

export async function draftRevision(tx: Reader): Promise<bigint> {
  const row = await tx.get<{ revision: bigint }>(
    'SELECT revision FROM reference_draft_state WHERE one = 1',
  );
  assert(row, 'the draft has a revision');
  return row.revision;
}

async function countChange(tx: Transaction): Promise<void> {
  await tx.run('UPDATE reference_draft_state SET revision = revision + 1 WHERE one = 1');
}

export function findDraft(
  tx: Reader,
  name: DatasetName,
): Promise<{ readonly text: string; readonly sha256: string } | undefined> {
  const sql = 'SELECT content AS text, sha256 FROM reference_drafts WHERE dataset = ?';
  return tx.get(sql, name);
}

export async function saveDraft(
  tx: Transaction,
  name: DatasetName,
  content: DatasetContent,
): Promise<void> {
  await tx.run(
    'INSERT OR REPLACE INTO reference_drafts (dataset, content, sha256) VALUES (?, ?, ?)',
    name,
    content.text,
    content.sha256,
  );
  await countChange(tx);
}

export interface DraftEditor {
  readonly dataset: DatasetName;
  readonly login: string;
  /** When the release that has the change comes into force; null as long as none has it. */
  readonly effectiveFrom: Instant | null;
}

/** Who changed which data sets, as far as that is in no release, or in one that comes later than `from`. */
export function draftEditors(tx: Reader, from: Instant): Promise<DraftEditor[]> {
  return tx.all(
    `SELECT dataset, login, effective_from AS effectiveFrom FROM draft_editors
     WHERE effective_from IS NULL OR effective_from > ? ORDER BY dataset, login`,
    from,
  );
}

export async function addDraftEditor(
  tx: Transaction,
  dataset: DatasetName,
  login: string,
): Promise<void> {
  await tx.run(
    'INSERT OR REPLACE INTO draft_editors (dataset, login) VALUES (?, ?)',
    dataset,
    login,
  );
}

/** What they changed is in a release now; what is in force is nobody's any more. */
export async function releaseDraftEditors(
  tx: Transaction,
  { publishedAt, effectiveFrom }: Pick<Publication, 'publishedAt' | 'effectiveFrom'>,
): Promise<void> {
  await tx.run(
    'UPDATE draft_editors SET effective_from = min(coalesce(effective_from, ?), ?)',
    effectiveFrom,
    effectiveFrom,
  );
  await tx.run('DELETE FROM draft_editors WHERE effective_from <= ?', publishedAt);
}

export async function clearDraftEditors(tx: Transaction): Promise<void> {
  await tx.run('DELETE FROM draft_editors');
}

interface IdentityRow {
  readonly code: string;
  readonly peer_url: string;
  readonly front_url: string;
  readonly signing_key: string;
  readonly tls_key_sha256: string;
  readonly revoked_serials: string;
  readonly active: bigint;
}

function identityOf(row: IdentityRow): BranchIdentity {
  return {
    code: row.code,
    peerUrl: row.peer_url,
    frontUrl: row.front_url,
    // Both were parsed before `saveIdentity` wrote them.
    signingKey: JSON.parse(row.signing_key) as BranchIdentity['signingKey'],
    tlsKeySha256: row.tls_key_sha256,
    revokedSerials: JSON.parse(row.revoked_serials) as string[],
    active: row.active === 1n,
  };
}

export async function branchIdentities(tx: Reader): Promise<readonly BranchIdentity[]> {
  const rows = await tx.all<IdentityRow>('SELECT * FROM branch_identities ORDER BY code');
  return rows.map(identityOf);
}

export async function saveIdentity(tx: Transaction, identity: BranchIdentity): Promise<void> {
  await tx.run(
    `INSERT OR REPLACE INTO branch_identities
       (code, peer_url, front_url, signing_key, tls_key_sha256, revoked_serials, active)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    identity.code,
    identity.peerUrl,
    identity.frontUrl,
    JSON.stringify(identity.signingKey),
    identity.tlsKeySha256,
    JSON.stringify(identity.revokedSerials),
    identity.active ? 1 : 0,
  );
  await countChange(tx);
}

export async function insertPublication(tx: Transaction, publication: Publication): Promise<void> {
  await giveWay(tx, publication);
  await tx.run(
    `INSERT INTO publications (version, actor, published_at, effective_from)
     VALUES (?, ?, ?, ?)`,
    publication.version,
    publication.actor,
    publication.publishedAt,
    publication.effectiveFrom,
  );
}

/**
 * What is still to be made again with another directory would take this one's changes back: it is made again after them,
 * and they are not, unless they come into force before it.
 */
async function giveWay(
  tx: Transaction,
  { version, publishedAt, effectiveFrom }: Publication,
): Promise<void> {
  await tx.run(
    `UPDATE directory_due SET bases = (
       SELECT json_group_array(base) FROM (
         SELECT version AS base FROM publications JOIN json_each(directory_due.bases) ON value = version
         WHERE max(effective_from, ?) < ?
         UNION ALL SELECT ? ORDER BY base))
     WHERE bases IS NOT NULL`,
    publishedAt,
    effectiveFrom,
    version,
  );
}

/** The latest first. */
export async function listPublications(
  tx: Reader,
  { limit, before }: { readonly limit: number; readonly before: number },
): Promise<Publication[]> {
  const rows = await tx.all<{
    version: bigint;
    actor: string;
    published_at: string;
    effective_from: string;
  }>('SELECT * FROM publications WHERE version < ? ORDER BY version DESC LIMIT ?', before, limit);
  return rows.map((row) => ({
    version: Number(row.version),
    actor: row.actor,
    publishedAt: row.published_at,
    effectiveFrom: row.effective_from,
  }));
}

export interface DirectoryDue {
  /** The draft's, when the directory last changed. */
  readonly revision: bigint;
  readonly actor: string;
  /** Versions that are still to be made again, once that has begun. */
  readonly bases: readonly number[] | undefined;
}

export async function directoryDue(tx: Reader): Promise<DirectoryDue | undefined> {
  const row = await tx.get<{ revision: bigint; actor: string; bases: string | null }>(
    'SELECT revision, actor, bases FROM directory_due WHERE one = 1',
  );
  return row && { ...row, bases: row.bases === null ? undefined : JSON.parse(row.bases) };
}

/** What has begun is ended first. */
export async function setDirectoryDue(
  tx: Transaction,
  due: Pick<DirectoryDue, 'revision' | 'actor'>,
): Promise<void> {
  await tx.run(
    `INSERT INTO directory_due (one, revision, actor) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET revision = excluded.revision, actor = excluded.actor`,
    due.revision,
    due.actor,
  );
}

export async function saveDirectoryBases(tx: Transaction, bases: readonly number[] | undefined) {
  await tx.run('UPDATE directory_due SET bases = ?', bases ? JSON.stringify(bases) : null);
}

/** Done, as far as the draft had come. */
export async function clearDirectoryDue(tx: Transaction, revision: bigint): Promise<void> {
  await tx.run('DELETE FROM directory_due WHERE revision <= ?', revision);
}
