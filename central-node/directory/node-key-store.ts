import type { NodeKey } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import type { Instant } from '../../shared/time/clock.ts';

export function keysOfNode(tx: Reader, node: NodeCode): Promise<NodeKey[]> {
  return tx.all<NodeKey>(
    'SELECT use, key, state FROM node_keys WHERE node = ? ORDER BY since, use',
    node,
  );
}

/** As a release tells them. */
export function allKeys(tx: Reader): Promise<RowOf<'node-keys'>[]> {
  return tx.all<RowOf<'node-keys'>>(
    'SELECT node, use, key, state FROM node_keys ORDER BY use, key',
  );
}

/** Whether it is, or was, a key of a node other than `node`. */
export async function isKeyOfAnother(
  tx: Reader,
  { node, use, key }: { node: NodeCode } & Pick<NodeKey, 'use' | 'key'>,
): Promise<boolean> {
  const sql = 'SELECT 1 AS found FROM node_keys WHERE use = ? AND key = ? AND node <> ?';
  return (await tx.get(sql, use, key, node)) !== undefined;
}

export async function keyState(
  tx: Reader,
  { use, key }: Pick<NodeKey, 'use' | 'key'>,
): Promise<NodeKey['state'] | undefined> {
  const sql = 'SELECT state FROM node_keys WHERE use = ? AND key = ?';
  return (await tx.get<{ state: NodeKey['state'] }>(sql, use, key))?.state;
}

/** A node's key counts from now on; a revoked one never counts again. */
export async function acceptKey(
  tx: Transaction,
  { node, use, key, at }: { node: NodeCode; at: Instant } & Pick<NodeKey, 'use' | 'key'>,
): Promise<void> {
  await tx.run(
    `INSERT INTO node_keys (use, key, node, state, since) VALUES (?, ?, ?, 'accepted', ?)
     ON CONFLICT (use, key) DO UPDATE SET state = 'accepted', ended_at = NULL
       WHERE state = 'retired' AND node = excluded.node`,
    use,
    key,
    node,
    at,
  );
}

/** Ends all accepted keys of a node, but those that are kept. */
export async function endKeys(
  tx: Transaction,
  ended: {
    node: NodeCode;
    state: 'retired' | 'revoked';
    at: Instant;
    keep?: readonly string[];
  },
): Promise<void> {
  const keep = ended.keep ?? [];
  await tx.run(
    `UPDATE node_keys SET state = ?, ended_at = ?
     WHERE node = ? AND state = 'accepted'
       AND key NOT IN (SELECT value FROM json_each(?))`,
    ended.state,
    ended.at,
    ended.node,
    JSON.stringify(keep),
  );
}

/** Whoever had these keys might be anybody: the retired ones too. */
export async function revokeKeys(tx: Transaction, node: NodeCode, at: Instant): Promise<void> {
  await tx.run(
    "UPDATE node_keys SET state = 'revoked', ended_at = ? WHERE node = ? AND state <> 'revoked'",
    at,
    node,
  );
}

/** What a release said of a key. Revoked stays revoked, whoever says otherwise. */
export async function restoreKey(
  tx: Transaction,
  { node, use, key, state }: RowOf<'node-keys'>,
  at: Instant,
): Promise<void> {
  await tx.run(
    `INSERT INTO node_keys (use, key, node, state, since, ended_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (use, key) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at
       WHERE state NOT IN ('revoked', excluded.state) AND node = excluded.node`,
    use,
    key,
    node,
    state,
    at,
    state === 'accepted' ? null : at,
  );
}

/** What each of head office's keys signed of the next one, in order. */
export async function successors(tx: Reader): Promise<string[]> {
  const sql = 'SELECT statement FROM head_office_successors ORDER BY sequence';
  return (await tx.all<{ statement: string }>(sql)).map(({ statement }) => statement);
}

/** Said twice it counts once. */
export async function saveSuccessor(
  tx: Transaction,
  { sequence, key, statement }: { sequence: number; key: string; statement: string },
): Promise<void> {
  await tx.run(
    `INSERT INTO head_office_successors (sequence, key, statement) VALUES (?, ?, ?)
     ON CONFLICT DO NOTHING`,
    sequence,
    key,
    statement,
  );
}

/** A stolen key must lead to no other. */
export async function forgetSuccessors(tx: Transaction): Promise<void> {
  await tx.run('DELETE FROM head_office_successors');
}
