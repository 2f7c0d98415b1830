import type { X509Certificate } from 'node:crypto';
import type { Alarms } from '../../shared/federation/alarms.ts';
import {
  certificateFacts,
  certificatesIn,
  followsFrom,
  isGoodAt,
  parseCertificate,
  trustedPem,
} from '../../shared/federation/certificates.ts';
import { renewIfDue } from '../../shared/federation/enrolment-renewal.ts';
import {
  type NodeIdentity,
  replaceAuthorities,
  replaceCertificate,
  replaceHeadOfficeKey,
  signingKeyOf,
} from '../../shared/federation/identity.ts';
import type { PeerClient, Signer } from '../../shared/federation/peers.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { followSuccessors } from './head-office-successors.ts';

const notRenewed = 'certificate-not-renewed';

export type OwnIdentity = ReturnType<typeof createOwnIdentity>;

/**
 * Who this branch is and whom it believes, while both change: its certificate is renewed, the
 * authorities follow the release in force, head office's key follows what that key itself signed.
 */
export function createOwnIdentity(deps: {
  dir: string;
  clock: Clock;
  client: PeerClient;
  signer: Signer;
  identity: () => NodeIdentity;
  /** The new identity is on disk: the node uses it from now on. */
  changed(identity: NodeIdentity, what: string): void;
  reference: () => Reference | undefined;
  /** Why the clock here is not to be trusted, if that is so. */
  clockDoubt(): string | undefined;
  alarms: Pick<Alarms, 'raise' | 'clear'>;
}) {
  const { dir, clock, client, signer } = deps;

  function issuingPem(): string | undefined {
    const rows = deps.reference()?.rows('authorities') ?? [];
    return rows.find(({ state }) => state === 'issuing')?.certPem;
  }

  /** @throws DomainError as `renewIfDue`; then an alarm says so until it succeeds. */
  async function renew(when: { now: boolean } = { now: false }): Promise<void> {
    const identity = deps.identity();
    const wanted = {
      ...{ client, signer, clock, identity, now: when.now },
      issuingPem: issuingPem(),
    };
    try {
      const certPem = await renewIfDue(wanted);
      if (certPem !== undefined) take(certPem, identity);
      deps.alarms.clear(notRenewed);
    } catch (error) {
      deps.alarms.raise(notRenewed, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /**
   * Waits for nothing: new keys may have been adopted before, and whom it believes may have changed.
   * @throws DomainError `enrolment-refused` for one that no peer would take, as far as this node knows the time.
   */
  function take(certPem: string, askedBy: NodeIdentity): void {
    const identity = deps.identity();
    if (identity.tlsKeyPem !== askedBy.tlsKeyPem) return;
    const isGood = (pem: string) => isGoodAt(certificateFacts(pem), clock.nowMs());
    if (isGood(identity.certPem) && !isGood(certPem) && deps.clockDoubt() === undefined) {
      throw new DomainError('enrolment-refused', stateSentences.say('otherDay', {}));
    }
    replaceCertificate(dir, certPem);
    deps.changed({ ...identity, certPem }, 'certificate.renew');
  }

  /** The release in force says which authorities are believed; before one does, enrolment did. */
  function followAuthorities(reference: Reference): void {
    const rows = reference.rows('authorities');
    const issuing = rows.find(({ state }) => state === 'issuing');
    if (!issuing) return;
    const formerPems = rows.filter((row) => row !== issuing).map(({ certPem }) => certPem);
    const caPem = trustedPem({ certPem: issuing.certPem, formerPems });
    const identity = deps.identity();
    if (identity.caPem === caPem || isOfBefore(identity, [issuing.certPem, ...formerPems])) return;
    replaceAuthorities(dir, caPem);
    deps.changed({ ...identity, caPem }, 'authorities.follow');
  }

  /** A release says that the pinned key has had its time: the one that it names instead is pinned. */
  function followRelease(reference: Reference): void {
    const identity = deps.identity();
    const keys = reference.rows('node-keys').filter(({ node }) => node === headOffice);
    const pinned = keys.find(({ key }) => key === identity.headOfficeKey.x);
    const accepted = keys.find(({ state }) => state === 'accepted');
    if (pinned && pinned.state !== 'accepted' && accepted) pin(accepted.key);
  }

  function pin(x: string): void {
    const headOfficeKey = signingKeyOf(x);
    replaceHeadOfficeKey(dir, headOfficeKey);
    deps.changed({ ...deps.identity(), headOfficeKey }, 'head-office-key.follow');
  }

  return {
    renew,
    follow(reference: Reference): void {
      followAuthorities(reference);
      followRelease(reference);
    },
    /**
     * Runs `work`. Where head office refuses this node or its signature is refused here, they have
     * lost sight of each other while this branch was away: finds back, and runs it again.
     */
    async withPresentKeys(work: () => Promise<void>): Promise<void> {
      try {
        await work();
      } catch (error) {
        if (!isDomainError(error, 'peer-refused') || !(await findBack())) throw error;
        await work();
      }
    },
  };

  /** True when something has changed. */
  async function findBack(): Promise<boolean> {
    const { headOfficeKey } = deps.identity();
    try {
      const { x } = await followSuccessors({ client, headOfficeKey });
      if (x === undefined || x === headOfficeKey.x) return false;
      pin(x);
    } catch (error) {
      if (!isDomainError(error, 'peer-refused')) throw error;
      // Its certificate is by an authority that was given up, or it ran out.
      await renew({ now: true });
    }
    return true;
  }
}

/**
 * Whether the authority that vouches for this node came after all of these: it was enrolled again after the old ones
 * were stolen, and the release that names the new one is still to be fetched, from where only enrolment's word leads.
 */
function isOfBefore({ certPem, caPem }: NodeIdentity, authorities: readonly string[]): boolean {
  const own = certificatesIn(caPem).find((each) => followsFrom(certPem, each.toString()));
  if (!own) return false;
  return authorities.map(parseCertificate).every((each) => isEarlier(each, own));
}

const isEarlier = (one: X509Certificate, other: X509Certificate) =>
  Date.parse(one.validFrom) < Date.parse(other.validFrom);
