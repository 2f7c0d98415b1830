import type { Signer } from '../../shared/federation/peers.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import { signLatest } from '../../shared/reference/release.ts';
import { type Clock, instantOf } from '../../shared/time/clock.ts';

/** Short, so that an old answer is soon known for one; longer than any retry of a branch. */
export const latestValidMs = 60 * 60_000;
/** One statement serves all who ask within this time. */
export const latestReusedMs = 30_000;

/** HQ's statements of which release is the latest: what `GET /peer/v1/releases/latest` answers. */
export function createLatestStatements({
  clock,
  signer,
  references,
}: {
  readonly clock: Clock;
  readonly signer: Signer;
  readonly references: ReferenceService;
}): {
  /** A signed statement. @throws DomainError `no-release`. */
  statement(): Promise<string>;
} {
  let made: { readonly sha256: string; readonly atMs: number; readonly jws: string } | undefined;
  return {
    async statement() {
      const highest = await references.highest();
      if (!highest) throw new DomainError('no-release');
      const { sha256, manifest } = highest;
      const atMs = clock.nowMs();
      const isYoung = made && Math.abs(atMs - made.atMs) < latestReusedMs;
      if (made?.sha256 === sha256 && isYoung) return made.jws;
      const jws = await signLatest(signer, {
        version: manifest.version,
        manifestSha256: sha256,
        issuedAt: instantOf(atMs),
        expiresAt: instantOf(atMs + latestValidMs),
      });
      made = { sha256, atMs, jws };
      return jws;
    },
  };
}
