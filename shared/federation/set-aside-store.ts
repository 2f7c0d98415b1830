import type { NodeCode } from '../ids/ids.ts';
import type { ProblemCode } from '../problem/problem.ts';
import type { Reader, Transaction } from '../store/store.ts';

/** All SQL of the received entries that this node's code could not apply. */

export interface SetAsideEntry {
  readonly id: bigint;
  readonly peer: NodeCode;
  readonly epoch: string;
  readonly seq: bigint;
  readonly kind: string;
  readonly reason: string | null;
  /** The entry, word for word. */
  readonly entry: string;
}

export async function insertSetAside(
  tx: Transaction,
  row: {
    peer: NodeCode;
    epoch: string;
    position: number;
    kind: string;
    reason: string | undefined;
    codeVersion: string;
  },
): Promise<void> {
  await tx.run(
    `INSERT INTO set_aside_entries (peer, epoch, position, kind, reason, code_version)
     VALUES (?, ?, ?, ?, ?, ?)`,
    row.peer,
    row.epoch,
    row.position,
    row.kind,
    row.reason ?? null,
    row.codeVersion,
  );
}

/** What is missing today may come back with a recovery: tried again each time. */
const mayComeBack: ProblemCode = 'operation-not-found';

/** The next ones that code of this version has not tried in vain, in the order in which they came. */
export function untriedSetAside(
  tx: Reader,
  { after, codeVersion, limit }: { after: bigint; codeVersion: string; limit: number },
): Promise<SetAsideEntry[]> {
  return tx.all(
    `SELECT s.id, s.peer, s.epoch, e.seq, s.kind, s.reason, e.entry FROM set_aside_entries s
     JOIN inbound_entries e
       ON e.peer = s.peer AND e.epoch = s.epoch AND e.position = s.position
     WHERE s.id > ? AND (s.reason IS NULL OR s.reason = ? OR s.code_version <> ?)
     ORDER BY s.id LIMIT ?`,
    after,
    mayComeBack,
    codeVersion,
    limit,
  );
}

export async function removeSetAside(tx: Transaction, id: bigint): Promise<void> {
  await tx.run('DELETE FROM set_aside_entries WHERE id = ?', id);
}

export async function recordTry(
  tx: Transaction,
  { id, reason, codeVersion }: { id: bigint; reason: string; codeVersion: string },
): Promise<void> {
  await tx.run(
    'UPDATE set_aside_entries SET reason = ?, code_version = ? WHERE id = ?',
    reason,
    codeVersion,
    id,
  );
}

/** The newest ones, for people. */
export function newestSetAside(tx: Reader, limit: number): Promise<SetAsideEntry[]> {
  return tx.all(
    `SELECT s.id, s.peer, s.epoch, e.seq, s.kind, s.reason, '' AS entry FROM set_aside_entries s
     JOIN inbound_entries e
       ON e.peer = s.peer AND e.epoch = s.epoch AND e.position = s.position
     ORDER BY s.id DESC LIMIT ?`,
    limit,
  );
}
