import type { JWK } from 'jose';
import { DomainError } from '../problem/problem.ts';
import { canonicalJson } from '../wire/canonical.ts';
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
  /** As it is now: it does not count among them, whatever the set says. */
  headOfficeKey: () => JWK;
}) {
  const { pinned, headOfficeKey } = deps;

  const ofPeople = (keySet: KeySet): KeySet => {
    const { x: own } = headOfficeKey();
    return { ...keySet, keys: keySet.keys.filter(({ x }) => x !== own) };
  };
  const leadsTo = ({ keySets = [] }: ReleaseManifest, from: KeySet): Promise<KeySet> =>
    currentKeySet(from, keySets, ofPeople);

  return {
    keySetOf: async (manifest: ReleaseManifest) => ofPeople(await leadsTo(manifest, pinned)),
    /**
     * @param bases releases held that are in force or to come: what head office may cut off from.
     * @throws DomainError `release-not-approved`
     */
    async assertApproved(next: Release, bases: readonly Release[]): Promise<void> {
      const { manifest } = next;
      const { version, previous } = manifest;
      const keySet = await leadsTo(manifest, pinned);
      for (const base of bases) {
        // Keys that were replaced name no others any more, not even for the same number.
        const held = await leadsTo(base.manifest, pinned);
        const following = await leadsTo(manifest, held);
        if (canonicalJson(keySet) === canonicalJson(following)) continue;
        const detail = `Release ${version} does not go on with the release keys ${held.version}.`;
        throw new DomainError('release-not-approved', detail);
      }
      const subject = approvableRelease(manifest);
      const given = manifest.approvals ?? [];
      const count = await countApprovals(ofPeople(keySet), given, { typ: approvalType, subject });
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
