import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Instant } from '../../shared/time/clock.ts';
import type { EnrolledBranch, IssuedCertificate, TokenRecord } from './enrolment.ts';
import { keysOfNode } from './node-key-store.ts';

const tokenColumns = `secret_sha256 AS secretSha256, code, created_by AS createdBy,
  created_at AS createdAt, expires_at AS expiresAt, used_at AS usedAt, held`;
const certificateColumns = `serial, code, tls_key_sha256 AS tlsKeySha256,
  not_before AS notBefore, not_after AS notAfter, revoked_at AS revokedAt,
  authority_sha256 AS authoritySha256`;
const branchColumns = `code, peer_url AS peerUrl, front_url AS frontUrl,
  signing_key_x AS signingKeyX, tls_key_sha256 AS tlsKeySha256, enrolled_at AS enrolledAt,
  revoked_at AS revokedAt`;

interface BranchRow {
  readonly code: NodeCode;
  readonly peerUrl: string;
  readonly frontUrl: string;
  readonly signingKeyX: string;
  readonly tlsKeySha256: string;
  readonly enrolledAt: Instant;
  readonly revokedAt: Instant | null;
}

/** Those of a branch that are not used yet are worth nothing from now on. */
export async function dropTokensOf(tx: Transaction, code: NodeCode): Promise<void> {
  await tx.run('DELETE FROM enrolment_tokens WHERE code = ? AND used_at IS NULL', code);
}

/** A newer token for a branch replaces those not used yet. */
export async function replaceToken(tx: Transaction, token: TokenRecord): Promise<void> {
  await dropTokensOf(tx, token.code);
  await tx.run(
    `INSERT INTO enrolment_tokens (secret_sha256, code, created_by, created_at, expires_at, held)
     VALUES (?, ?, ?, ?, ?, ?)`,
    token.secretSha256,
    token.code,
    token.createdBy,
    token.createdAt,
    token.expiresAt,
    token.isHeld ? 1 : 0,
  );
}

type TokenRow = Omit<TokenRecord, 'isHeld'> & { readonly held: bigint };

const tokenOf = ({ held, ...row }: TokenRow): TokenRecord => ({ ...row, isHeld: held === 1n });

export async function findToken(
  tx: Reader,
  secretSha256: string,
): Promise<TokenRecord | undefined> {
  const row = await tx.get<TokenRow>(
    `SELECT ${tokenColumns} FROM enrolment_tokens WHERE secret_sha256 = ?`,
    secretSha256,
  );
  return row && tokenOf(row);
}

/** The one of a branch that is not used yet. */
export async function findOpenToken(tx: Reader, code: NodeCode): Promise<TokenRecord | undefined> {
  const row = await tx.get<TokenRow>(
    `SELECT ${tokenColumns} FROM enrolment_tokens WHERE code = ? AND used_at IS NULL`,
    code,
  );
  return row && tokenOf(row);
}

/** Those that somebody may still use, or has to admit before. */
export async function openTokens(tx: Reader, at: Instant): Promise<TokenRecord[]> {
  const rows = await tx.all<TokenRow>(
    `SELECT ${tokenColumns} FROM enrolment_tokens WHERE used_at IS NULL AND expires_at > ?
     ORDER BY code`,
    at,
  );
  return rows.map(tokenOf);
}

export async function releaseToken(tx: Transaction, secretSha256: string): Promise<void> {
  await tx.run('UPDATE enrolment_tokens SET held = 0 WHERE secret_sha256 = ?', secretSha256);
}

export async function useToken(tx: Transaction, secretSha256: string, at: Instant): Promise<void> {
  await tx.run('UPDATE enrolment_tokens SET used_at = ? WHERE secret_sha256 = ?', at, secretSha256);
}

/** Tokens that may have been used since, as far as anybody knows. */
export async function dropTokens(tx: Transaction): Promise<void> {
  await tx.run('DELETE FROM enrolment_tokens WHERE used_at IS NULL');
}

/** Those of before a moment. */
export async function dropTokensUntil(tx: Transaction, at: Instant): Promise<void> {
  const sql = 'DELETE FROM enrolment_tokens WHERE used_at IS NULL AND created_at <= ?';
  await tx.run(sql, at);
}

export async function saveBranch(
  tx: Transaction,
  branch: Omit<EnrolledBranch, 'keys' | 'revokedSerials' | 'active'>,
): Promise<void> {
  await tx.run(
    `INSERT INTO enrolled_branches
       (code, peer_url, front_url, signing_key_x, tls_key_sha256, enrolled_at)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (code) DO UPDATE SET
       peer_url = excluded.peer_url, front_url = excluded.front_url,
       signing_key_x = excluded.signing_key_x, tls_key_sha256 = excluded.tls_key_sha256,
       enrolled_at = excluded.enrolled_at, revoked_at = NULL`,
    branch.code,
    branch.peerUrl,
    branch.frontUrl,
    branch.signingKey.x,
    branch.tlsKeySha256,
    branch.enrolledAt,
  );
}

export async function isCutOffSince(tx: Reader, code: NodeCode, at: Instant): Promise<boolean> {
  const sql = 'SELECT 1 AS found FROM enrolled_branches WHERE code = ? AND revoked_at > ?';
  return (await tx.get(sql, code, at)) !== undefined;
}

export async function saveCertificate(
  tx: Transaction,
  certificate: Omit<IssuedCertificate, 'revokedAt'>,
): Promise<void> {
  await tx.run(
    `INSERT INTO issued_certificates
       (serial, code, tls_key_sha256, not_before, not_after, authority_sha256)
     VALUES (?, ?, ?, ?, ?, ?)`,
    certificate.serial,
    certificate.code,
    certificate.tlsKeySha256,
    certificate.notBefore,
    certificate.notAfter,
    certificate.authoritySha256,
  );
}

export async function findBranch(
  tx: Reader,
  code: NodeCode,
  at: Instant,
): Promise<EnrolledBranch | undefined> {
  const row = await tx.get<BranchRow>(
    `SELECT ${branchColumns} FROM enrolled_branches WHERE code = ?`,
    code,
  );
  return row && withHistory(tx, row, at);
}

export async function allBranches(tx: Reader, at: Instant): Promise<EnrolledBranch[]> {
  const rows = await tx.all<BranchRow>(
    `SELECT ${branchColumns} FROM enrolled_branches ORDER BY code`,
  );
  const branches: EnrolledBranch[] = [];
  for (const row of rows) {
    branches.push(await withHistory(tx, row, at));
  }
  return branches;
}

async function withHistory(tx: Reader, row: BranchRow, at: Instant): Promise<EnrolledBranch> {
  return {
    ...branchOf(row),
    keys: await keysOfNode(tx, row.code),
    revokedSerials: await revokedSerials(tx, row.code, at),
  };
}

async function revokedSerials(tx: Reader, code: NodeCode, at: Instant): Promise<string[]> {
  const rows = await tx.all<{ serial: string }>(
    `SELECT serial FROM issued_certificates
     WHERE code = ? AND not_after > ? AND revoked_at IS NOT NULL ORDER BY serial`,
    code,
    at,
  );
  return rows.map((row) => row.serial);
}

function branchOf({ signingKeyX, revokedAt, ...row }: BranchRow) {
  return {
    ...row,
    signingKey: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: signingKeyX },
    active: revokedAt === null,
  };
}

export function findCertificate(tx: Reader, serial: string) {
  return tx.get<IssuedCertificate>(
    `SELECT ${certificateColumns} FROM issued_certificates WHERE serial = ?`,
    serial,
  );
}

export function certificatesOf(tx: Reader, code: NodeCode, limit: number) {
  return tx.all<IssuedCertificate>(
    `SELECT ${certificateColumns} FROM issued_certificates
     WHERE code = ? ORDER BY not_after DESC, serial LIMIT ?`,
    code,
    limit,
  );
}

/** How many certificates a branch got in a time. What a clock dates that was ahead counts when its day has come. */
export async function countIssued(
  tx: Reader,
  code: NodeCode,
  { since, until }: { since: Instant; until: Instant },
): Promise<number> {
  const row = await tx.get<{ count: bigint }>(
    `SELECT count(*) AS count FROM issued_certificates
     WHERE code = ? AND not_before > ? AND not_before <= ?`,
    code,
    since,
    until,
  );
  return Number(row?.count ?? 0n);
}

export async function revokeCertificate(tx: Transaction, serial: string, at: Instant) {
  await tx.run(
    'UPDATE issued_certificates SET revoked_at = coalesce(revoked_at, ?) WHERE serial = ?',
    at,
    serial,
  );
}

/** One that was issued and revoked since the backup: no more is known of it than that. */
export async function restoreRevoked(
  tx: Transaction,
  certificate: Omit<IssuedCertificate, 'revokedAt' | 'authoritySha256'>,
  at: Instant,
): Promise<void> {
  await tx.run(
    `INSERT INTO issued_certificates
       (serial, code, tls_key_sha256, not_before, not_after, revoked_at)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (serial) DO UPDATE SET revoked_at = coalesce(revoked_at, excluded.revoked_at)`,
    certificate.serial,
    certificate.code,
    certificate.tlsKeySha256,
    certificate.notBefore,
    certificate.notAfter,
    at,
  );
}

/** Revokes every certificate of a branch; what has expired needs no revoking. */
export async function revokeCertificatesOf(tx: Transaction, code: NodeCode, at: Instant) {
  await tx.run(
    `UPDATE issued_certificates SET revoked_at = ?
     WHERE code = ? AND revoked_at IS NULL AND not_after > ?`,
    at,
    code,
    at,
  );
}

export async function revokeBranch(tx: Transaction, code: NodeCode, at: Instant): Promise<void> {
  await tx.run(
    'UPDATE enrolled_branches SET revoked_at = coalesce(revoked_at, ?) WHERE code = ?',
    at,
    code,
  );
}
