import type { JWK } from 'jose';
import { DomainError } from '../problem/problem.ts';
import type { Instant } from '../time/clock.ts';
import { canonicalJson } from '../wire/canonical.ts';
import { type Directory, isCutOff, takesAwayAll } from './cut-off.ts';
import { isDue, isSignedByPeople, type ReleaseManifest } from './release.ts';
import { approvalType, countApprovals, currentKeySet, type KeySet } from './release-keys.ts';

interface Release {
  readonly manifest: ReleaseManifest;
  readonly directory: Directory;
}

/** What head office may take members and keys away from alone. */
interface Base extends Release {
  /** Still to come, but that another one that only takes away was made after it: together they are made again. */
  readonly isOvertaken: boolean;
}

type Held = Pick<Release, 'manifest'>;

/**
 * Of the releases that a node holds, the newest first, the one in force and those that are to come, also where what only
 * takes away went before them. People's release ends what they had meant to come before, and what comes no sooner than it.
 */
export function basesOf<Each extends Held>(
  held: readonly Each[],
  at: Instant,
): readonly (Each & Pick<Base, 'isOvertaken'>)[] {
  const bases: (Each & Pick<Base, 'isOvertaken'>)[] = [];
  let isOvertaken = false;
  let ended: Instant | undefined;
  for (const each of held) {
    const { effectiveFrom } = each.manifest;
    const counts = isDue(each.manifest, at);
    const comes = !counts && (ended === undefined || effectiveFrom < ended);
    if (counts ? !isOvertaken : comes) bases.push({ ...each, isOvertaken });
    if (isSignedByPeople(each.manifest)) {
      if (counts) break;
      if (comes) ended = effectiveFrom;
    }
    isOvertaken ||= counts;
  }
  return bases;
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
     * @param bases as `basesOf` says: what head office may cut off from.
     * @throws DomainError `release-not-approved`
     */
    async assertApproved(next: Release, bases: readonly Base[]): Promise<void> {
      const { manifest } = next;
      const { version } = manifest;
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
      const inForce = bases.findLast(({ isOvertaken }) => !isOvertaken);
      const isTakenAway = (base: Base) =>
        isCutOff(base, next) &&
        (!base.isOvertaken || !inForce || takesAwayAll(inForce.directory, next.directory));
      if (bases.some(isTakenAway)) return;
      throw new DomainError(
        'release-not-approved',
        `Release ${version} is signed by ${count} release keys; ${keySet.threshold} are needed.`,
      );
    },
  };
}

export type ReleaseApproval = ReturnType<typeof createReleaseApproval>;
