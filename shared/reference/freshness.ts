import type { Verifier } from '../federation/peers.ts';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, msOf, now } from '../time/clock.ts';
import { findLatest, type HeldLatest, highestRelease, saveLatest } from './reference-store.ts';
import { type LatestStatement, readLatest } from './release.ts';

export interface Freshness {
  /** The highest release held, in force or not yet. */
  readonly version: number;
  /** When HQ's word that this is the latest release last reached this node, by its own clock. */
  readonly confirmedAt?: Instant;
  /** Since `confirmedAt`, or since the release was stored if it was never confirmed. */
  readonly ageMs: number;
}

/** One from farther ahead would make all true ones look old; as far as a clock may be wrong the other way. */
const maxAheadMs = 60 * 60_000;

interface Held {
  readonly version: number;
  readonly manifestSha256: string;
  readonly appliedAt: Instant;
}

/**
 * Knows an old answer from a true one. A statement is counted once, when it arrives, by this node's
 * clock: a replayed one makes nothing younger, and HQ's clock is only used for order and expiry.
 */
export function createFreshness({
  store,
  clock,
  verifier,
  headOffice,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly verifier: Verifier;
  readonly headOffice: NodeCode;
}) {
  let held: Held | undefined;
  let latest: HeldLatest | undefined;

  function save(tx: Transaction, next: HeldLatest): Promise<void> {
    tx.afterCommit(() => {
      latest = next;
    });
    return saveLatest(tx, next);
  }

  async function load(): Promise<void> {
    const release = await store.read(highestRelease);
    if (release) {
      const { manifest, jwsSha256, appliedAt } = release;
      held = { version: manifest.version, manifestSha256: jwsSha256, appliedAt };
    }
    latest = await store.read(findLatest);
  }

  async function accept(jws: string): Promise<{ latest: LatestStatement; held: boolean }> {
    const statement = await readLatest(verifier, jws, headOffice);
    if (msOf(statement.expiresAt) <= clock.nowMs()) throw refusal('has expired');
    if (msOf(statement.issuedAt) > clock.nowMs() + maxAheadMs) throw refusal('is of the future');
    return store.write(async (tx) => {
      const before = await findLatest(tx);
      if (before) refuseStepBack(before, statement);
      const release = await highestRelease(tx);
      const holds = release?.manifest.version === statement.version;
      if (release && statement.version < release.manifest.version) {
        throw refusal('names an older release than is held');
      }
      if (holds && release.jwsSha256 !== statement.manifestSha256) {
        throw refusal('names another release under the same version');
      }
      if (before?.issuedAt !== statement.issuedAt) {
        const { version, manifestSha256, issuedAt } = statement;
        const acceptedAt = now(clock);
        const confirmedAt = holds ? acceptedAt : (before?.confirmedAt ?? null);
        await save(tx, { version, manifestSha256, issuedAt, acceptedAt, confirmedAt });
      }
      return { latest: statement, held: holds };
    });
  }

  return {
    load,
    accept,
    /** A release that is being stored in `tx`; HQ may have called it the latest before. */
    async noteHeld(tx: Transaction, release: Held): Promise<void> {
      tx.afterCommit(() => {
        held = release;
      });
      const before = await findLatest(tx);
      if (before?.version !== release.version) return;
      await save(tx, { ...before, confirmedAt: before.acceptedAt });
    },
    /** @throws DomainError `release-invalid` when HQ signed another manifest as that version. */
    refuseOtherThanLatest(version: number, manifestSha256: string): void {
      if (latest?.version !== version || latest.manifestSha256 === manifestSha256) return;
      throw new DomainError('release-invalid', `Release ${version} is not the one HQ named.`);
    },
    now(): Freshness | undefined {
      if (!held) return undefined;
      const confirmedAt = latest?.confirmedAt ?? undefined;
      const ageMs = Math.max(0, clock.nowMs() - msOf(confirmedAt ?? held.appliedAt));
      return { version: held.version, ...(confirmedAt ? { confirmedAt } : {}), ageMs };
    },
  };
}

function refuseStepBack(before: HeldLatest, statement: LatestStatement): void {
  if (statement.issuedAt < before.issuedAt) throw refusal('is older than one seen before');
  const sameVersion = statement.version === before.version;
  if (sameVersion && statement.manifestSha256 !== before.manifestSha256) {
    throw refusal('names another release under the same version');
  }
}

function refusal(why: string): DomainError {
  return new DomainError('release-invalid', `The statement of the latest release ${why}.`);
}
