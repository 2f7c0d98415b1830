import { stateSentences } from '../text/state-sentences.ts';

const hourMs = 3_600_000;

/** `notice`: people are told; `limited`: lower caps, no plan changes; `known-only`: see `ReleasePolicy`. */
export type ReleaseState = 'normal' | 'notice' | 'limited' | 'known-only';

/** What a branch does with a release that head office has not confirmed for a while. */
export interface ReleasePolicy {
  readonly state: ReleaseState;
  /** Plans, services, registrations and number moves, which all go by the release's prices. */
  readonly plansMayChange: boolean;
  /** Every payment for another branch has the cap of an unverified one. */
  readonly capsElsewhere: boolean;
  /** A payment for another branch needs that branch's word that it knows the subscriber. */
  readonly verifiesElsewhere: boolean;
  /** Whatever is accepted is marked as accepted so. */
  readonly flagsOperations: boolean;
}

const policies: readonly (ReleasePolicy & { readonly upToMs: number })[] = [
  {
    ...{ state: 'normal', upToMs: 24 * hourMs },
    ...{ plansMayChange: true, capsElsewhere: false },
    ...{ verifiesElsewhere: false, flagsOperations: false },
  },
  {
    ...{ state: 'notice', upToMs: 72 * hourMs },
    ...{ plansMayChange: true, capsElsewhere: false },
    ...{ verifiesElsewhere: false, flagsOperations: false },
  },
  {
    ...{ state: 'limited', upToMs: 7 * 24 * hourMs },
    ...{ plansMayChange: false, capsElsewhere: true },
    ...{ verifiesElsewhere: false, flagsOperations: false },
  },
];

const knownOnly: ReleasePolicy = {
  state: 'known-only',
  ...{ plansMayChange: false, capsElsewhere: true },
  ...{ verifiesElsewhere: true, flagsOperations: true },
};

/**
 * How a branch works on without head office, by the age of its last word on the release, in ms; a
 * boundary belongs to the milder side. Payments for the branch's own subscribers go on at any age.
 */
export function releasePolicy(ageMs: number): ReleasePolicy {
  return policies.find(({ upToMs }) => ageMs <= upToMs) ?? knownOnly;
}

/** `version 3`, and from the first notice on `version 3, not confirmed by head office for 26 h`. */
export function describeRelease(version: number, ageMs: number): string {
  const isConfirmed = releasePolicy(ageMs).state === 'normal';
  const release = { version: String(version) };
  if (isConfirmed) return stateSentences.say('release', release);
  const hours = String(Math.floor(ageMs / hourMs));
  return stateSentences.say('releaseUnconfirmed', { ...release, hours });
}
