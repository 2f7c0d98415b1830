import { decodeJwt } from 'jose';
import type { PeerClient, PeerRequest } from '../federation/peers.ts';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError, type ProblemCode } from '../problem/problem.ts';
import { type Clock, type Instant, now } from '../time/clock.ts';
import { maxDatasetBytes } from './dataset-content.ts';
import type { ApplyOptions, ReferenceService } from './reference-service.ts';
import { isDue, isSignedByPeople, releaseManifest } from './release.ts';

const statementTimeoutMs = 5_000;
const datasetTimeoutMs = 120_000;
const maxMissedReleases = 100;

export interface ReleaseFetcher {
  /** The `latest` statement's JWS. */
  latest(): Promise<string>;
  /** The manifest's JWS. @throws DomainError `release-not-found`. */
  manifest(version: number): Promise<string>;
  /** Whether the peer has a release of this number. */
  has(version: number): Promise<boolean>;
  /** A data set's content, not verified yet. @throws DomainError `dataset-not-found`. */
  dataset(sha256: string): Promise<string>;
}

/**
 * Fetches releases from a peer: HQ, or any branch that has them, since all of it is signed.
 * Every call throws DomainError `peer-unreachable` when there is no answer of use.
 */
export function createReleaseFetcher({
  peerClient,
  from,
}: {
  readonly peerClient: PeerClient;
  readonly from: NodeCode;
}): ReleaseFetcher {
  async function get(
    { path, ...limits }: Pick<PeerRequest, 'path' | 'timeoutMs' | 'maxAnswerBytes'>,
    missing: ProblemCode,
  ): Promise<string> {
    const response = await peerClient.request(from, { method: 'GET', path, ...limits });
    if (response.status === 200) return response.body;
    if (response.status === 404) throw new DomainError(missing);
    if (response.status === 403) throw new DomainError('peer-refused');
    throw new DomainError('peer-unreachable', `${from} answered ${path} with ${response.status}.`);
  }
  const statement = (name: string) =>
    get({ path: `/peer/v1/releases/${name}`, timeoutMs: statementTimeoutMs }, 'release-not-found');
  return {
    latest: () => statement('latest'),
    manifest: (version) => statement(String(version)),
    has: async (version) =>
      (await statement(String(version)).catch(passOver('release-not-found'))) !== undefined,
    dataset: (sha256) =>
      get(
        {
          path: `/peer/v1/datasets/${sha256}`,
          timeoutMs: datasetTimeoutMs,
          maxAnswerBytes: maxDatasetBytes,
        },
        'dataset-not-found',
      ),
  };
}

interface Following {
  readonly fetcher: ReleaseFetcher;
  readonly references: ReferenceService;
  readonly clock: Clock;
  readonly onApplied?: NonNullable<ApplyOptions['onApplied']>;
}

type Followed = Awaited<ReturnType<ReferenceService['apply']>>;

/**
 * Brings a node up to the release that HQ calls the latest: asks, and applies what is missing.
 * @throws what the fetcher, `acceptLatest` and `apply` throw; the node keeps what it has.
 */
export async function followLatest(following: Following): Promise<Followed> {
  const { fetcher, references } = following;
  const { latest, held } = await references.acceptLatest(await fetcher.latest());
  if (held) return { version: latest.version, applied: false };
  return applyFetched(latest.version, following);
}

/**
 * Fetches and applies a release, and before it those that were missed and count beside it: one that is still to come
 * leaves another one in force, and one that only takes away is judged by the one that it takes away from.
 */
export async function applyFetched(version: number, following: Following): Promise<Followed> {
  const { fetcher, references, clock, onApplied } = following;
  const apply = (manifestJws: string) =>
    references.apply({
      ...{ manifestJws, fetchDataset: fetcher.dataset },
      ...(onApplied ? { onApplied } : {}),
    });
  const held = (await references.highest())?.manifest.version ?? 0;
  const lowest = Math.max(held + 1, version - maxMissedReleases);
  const wanted = await fetcher.manifest(version);
  const missed: string[] = [];
  let next: string | undefined = wanted;
  for (let each = version - 1; each >= lowest; each -= 1) {
    if (next && standsAlone(next, now(clock), references)) break;
    next = await fetcher.manifest(each).catch(passOver('release-not-found'));
    if (next) missed.unshift(next);
  }
  // A broken one is not taken later either.
  const isBroken = passOver('release-invalid', 'release-not-approved', 'peer-refused');
  for (const each of missed) await apply(each).catch(isBroken);
  return apply(wanted);
}

/** Whether nothing before a release counts beside it. It is not verified yet: a lie costs a few questions. */
function standsAlone(
  manifestJws: string,
  at: Instant,
  { needsApproval }: Pick<ReferenceService, 'needsApproval'>,
): boolean {
  const manifest = releaseManifest.safeParse(payloadOf(manifestJws)).data;
  if (!manifest) return true;
  return isDue(manifest, at) && (!needsApproval || isSignedByPeople(manifest));
}

function payloadOf(jws: string): unknown {
  try {
    return decodeJwt(jws);
  } catch {
    return undefined;
  }
}

/** For `catch`: an answer without a value where it is of no consequence. */
export const passOver =
  (...codes: readonly ProblemCode[]) =>
  (error: unknown): undefined => {
    if (!codes.some((code) => isDomainError(error, code))) throw error;
  };
