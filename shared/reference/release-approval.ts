import type { JWK } from 'jose';
import { DomainError } from '../problem/problem.ts';
import { type Directory, isCutOff } from './cut-off.ts';
import type { ReleaseManifest } from './release.ts';
import { approvalType, countApprovals, currentKeySet, type KeySet } from './release-keys.ts';

interface Release {
  readonly manifest: ReleaseManifest;
  readonly directory: Directory;
}

/** What the holders of release keys sign: all of a release but their own signatures. */
export function approvableRelease({ approvals: _, ...content }: ReleaseManifest) {
  return { version: content.version, content };
}

/** Whether a release may be believed, where releases need more than head office's signature. */
export function createReleaseApproval(deps: {
  /** The keys that this node was given when it joined. */
  pinned: KeySet;
  /** Does not count among them, whatever the set says. */
  headOfficeKey: JWK;
}) {
  const { pinned, headOfficeKey } = deps;

  async function keySetOf(manifest: ReleaseManifest): Promise<KeySet> {
    const current = await currentKeySet(pinned, manifest.keySets ?? []);
    return { ...current, keys: current.keys.filter(({ x }) => x !== headOfficeKey.x) };
  }

  return {
    keySetOf,
    /**
     * @param bases releases held that are in force or to come: what head office may cut off from.
     * @throws DomainError `release-not-approved`
     */
    async assertApproved(next: Release, bases: readonly Release[]): Promise<void> {
      const { manifest } = next;
      const { version, previous } = manifest;
      const keySet = await keySetOf(manifest);
      for (const base of bases) {
        const held = await keySetOf(base.manifest);
        if (keySet.version >= held.version) continue;
        const detail = `Release ${version} goes back to the release keys ${keySet.version}.`;
        throw new DomainError('release-not-approved', detail);
      }
      const subject = approvableRelease(manifest);
      const given = manifest.approvals ?? [];
      const count = await countApprovals(keySet, given, { typ: approvalType, subject });
      if (count >= keySet.threshold) return;
      if (bases.some((base) => isCutOff(base, next))) return;
      throw new DomainError(
        'release-not-approved',
        `Release ${version} is signed by ${count} release keys; ${keySet.threshold} are needed.`,
        { members: { previous } },
      );
    },
  };
}

export type ReleaseApproval = ReturnType<typeof createReleaseApproval>;
