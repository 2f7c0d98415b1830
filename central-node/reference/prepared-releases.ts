import type { Signer } from '../../shared/federation/peers.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import { type ReleaseManifest, signManifest } from '../../shared/reference/release.ts';
import {
  approvableRelease,
  type ReleaseApproval,
} from '../../shared/reference/release-approval.ts';
import {
  approvalType,
  countApprovals,
  type KeySetStatement,
} from '../../shared/reference/release-keys.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import type { Instant } from '../../shared/time/clock.ts';
import { createTurns } from '../../shared/time/turns.ts';
import {
  dropPrepared,
  findPrepared,
  type PreparedRelease,
  savePrepared,
} from './prepared-release-store.ts';
import type { Also, PublishOptions, ReferenceDraftService } from './reference-draft-service.ts';
import { insertPublication } from './reference-draft-store.ts';

export interface Preparation {
  readonly actor: string;
  readonly effectiveFrom?: Instant | undefined;
  /** The next release keys, signed by those that count now. */
  readonly nextKeys?: KeySetStatement | undefined;
  readonly also: Also;
}

export type PreparedReleases = ReturnType<typeof createPreparedReleases>;

/**
 * Where releases need the signatures of keys that are held offline: the draft becomes a file, the holders sign it
 * elsewhere, and with enough signatures it is published as it was when it was prepared.
 */
export function createPreparedReleases(deps: {
  store: Store;
  signer: Signer;
  references: ReferenceService;
  drafts: Pick<ReferenceDraftService, 'compose'>;
  approval: ReleaseApproval | undefined;
}) {
  const { store, signer, references, drafts } = deps;

  function required(): ReleaseApproval {
    if (deps.approval) return deps.approval;
    throw new DomainError('operation-conflict', 'No release keys are configured here.');
  }

  /** @throws DomainError `release-invalid`, `release-not-approved` for next keys that are not signed. */
  async function prepare(wish: Preparation): Promise<PreparedRelease> {
    const approval = required();
    const { effectiveFrom, nextKeys, actor } = wish;
    const made = await drafts.compose({ effectiveFrom, evenIfSame: nextKeys !== undefined });
    const keySets = [...(made.manifest.keySets ?? []), ...(nextKeys ? [nextKeys] : [])];
    const manifest = { ...made.manifest, ...(keySets.length === 0 ? {} : { keySets }) };
    await approval.keySetOf(manifest);
    const contents = Object.fromEntries(made.texts);
    const prepared = { manifest, contents, approvals: [], preparedBy: actor };
    await store.write(async (tx) => {
      await savePrepared(tx, prepared);
      await wish.also(tx);
    });
    return prepared;
  }

  async function found(): Promise<PreparedRelease> {
    const prepared = await store.read(findPrepared);
    if (prepared) return prepared;
    throw new DomainError('release-not-approved', 'Prepare a release, and have it signed, first.');
  }

  async function signatures(manifest: ReleaseManifest, given: readonly string[]) {
    const keySet = await required().keySetOf(manifest);
    const subject = approvableRelease(manifest);
    const signed = await countApprovals(keySet, given, { typ: approvalType, subject });
    return { signed, needed: keySet.threshold };
  }

  const steps = {
    prepare,
    /** @throws DomainError `release-not-approved` for what is no new signature of this release by a key of the set. */
    async approve(jws: string, also: Also): Promise<{ signed: number; needed: number }> {
      const prepared = await found();
      const { manifest } = prepared;
      const approvals = [...prepared.approvals, jws];
      const before = await signatures(manifest, prepared.approvals);
      const after = await signatures(manifest, approvals);
      if (after.signed === before.signed) {
        const detail = 'This is no signature of the prepared release by another release key.';
        throw new DomainError('release-not-approved', detail);
      }
      await store.write(async (tx: Transaction) => {
        await savePrepared(tx, { ...prepared, approvals });
        await also(tx);
      });
      return after;
    },
    /** @throws DomainError `release-not-approved`, `release-invalid`. */
    async publish({ actor, onPublished }: PublishOptions): Promise<ReleaseManifest> {
      const { manifest: signed, contents, approvals } = await found();
      const manifest = { ...signed, approvals: [...approvals] };
      const { version, createdAt: publishedAt, effectiveFrom } = manifest;
      await references.apply({
        manifestJws: await signManifest(signer, manifest),
        fetchDataset: async (sha256) => contents[sha256] ?? '',
        async onApplied(tx) {
          await insertPublication(tx, { version, actor, publishedAt, effectiveFrom });
          await dropPrepared(tx);
          await onPublished?.(tx, manifest);
        },
      });
      return manifest;
    },
  };
  // What one of them has read, no other may replace before it is written.
  const inTurn = createTurns();
  return {
    prepare: (wish: Preparation) => inTurn(() => steps.prepare(wish)),
    approve: (jws: string, also: Also) => inTurn(() => steps.approve(jws, also)),
    publish: (options: PublishOptions) => inTurn(() => steps.publish(options)),
  } satisfies typeof steps;
}
