import type { NodeCode } from '../../shared/ids/ids.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, type Instant, instantOf, now } from '../../shared/time/clock.ts';
import type { EnrolledBranch } from './enrolment.ts';
import {
  dropTokensUntil,
  findBranch,
  isCutOffSince,
  restoreRevoked,
  revokeBranch,
  revokeCertificatesOf,
  saveBranch,
} from './enrolment-store.ts';
import { keyState, restoreKey } from './node-key-store.ts';

/** Members and keys as a release tells them. */
export interface ReleasedDirectory {
  readonly createdAt: Instant;
  readonly branches: readonly RowOf<'branches'>[];
  readonly keys: readonly RowOf<'node-keys'>[];
}

/** A certificate is revoked in releases for as long as it may live. */
const certificateLifeMs = 30 * 24 * 3_600_000;

/**
 * Members and keys that head office lost with a backup: its own release says who they were. Without them it would
 * believe stolen keys again, and not hear who has new ones.
 */
export function createLostDirectory(deps: {
  clock: Clock;
  /** The draft and who may call head office follow. */
  onChanged(tx: Transaction, branch: EnrolledBranch): Promise<void>;
}) {
  const { clock } = deps;

  async function restoreBranch(
    tx: Transaction,
    row: RowOf<'branches'>,
    released: ReleasedDirectory,
  ): Promise<void> {
    const { peerUrl, frontUrl, signingKey, tlsKeySha256 } = row;
    // Its schema has checked it.
    const code = row.code as NodeCode;
    // Before its enrolment a branch has none of these.
    if (!peerUrl || !frontUrl || !signingKey || !tlsKeySha256) return;
    const at = now(clock);
    const known = await findBranch(tx, code, at);
    const isNewer = known && !released.keys.some(({ key }) => key === known.signingKey.x);
    if (!isNewer && !(await isCutOffSince(tx, code, released.createdAt))) {
      const enrolledAt = known?.enrolledAt ?? released.createdAt;
      await saveBranch(tx, { code, peerUrl, frontUrl, signingKey, tlsKeySha256, enrolledAt });
      const hasOtherKeys = known?.signingKey.x !== signingKey.x;
      if (!row.active || (known?.active === false && !hasOtherKeys)) {
        // As old as the release: a later one may say otherwise.
        await revokeBranch(tx, code, released.createdAt);
        await revokeCertificatesOf(tx, code, at);
      }
    }
    const notAfter = instantOf(clock.nowMs() + certificateLifeMs);
    for (const serial of row.revokedSerials) {
      await restoreRevoked(tx, { serial, code, tlsKeySha256, notBefore: at, notAfter }, at);
    }
    const restored = await findBranch(tx, code, at);
    if (restored) await deps.onChanged(tx, restored);
  }

  return {
    /** What was changed here after the backup was put back stands. Twice is the same as once. */
    async restore(tx: Transaction, released: ReleasedDirectory): Promise<void> {
      await dropTokensUntil(tx, released.createdAt);
      const ended = await endedSince(tx, released.keys);
      for (const row of released.keys) {
        const state = ended.has(row.node) ? 'revoked' : row.state;
        await restoreKey(tx, { ...row, state }, now(clock));
      }
      for (const row of released.branches) await restoreBranch(tx, row, released);
    },
  };
}

/**
 * Whose keys people ended here after the release: all that they had, and so those too that were forgotten at that
 * moment.
 */
async function endedSince(tx: Reader, keys: ReleasedDirectory['keys']): Promise<Set<string>> {
  const ended = new Set<string>();
  for (const { node, use, key, state } of keys) {
    const isNews = state !== 'revoked' && (await keyState(tx, { use, key })) === 'revoked';
    if (isNews) ended.add(node);
  }
  return ended;
}
