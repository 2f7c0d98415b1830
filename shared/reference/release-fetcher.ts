import type { PeerClient, PeerRequest } from '../federation/peers.ts';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError, type ProblemCode } from '../problem/problem.ts';
import { maxDatasetBytes } from './dataset-content.ts';
import type { ApplyOptions, ReferenceService } from './reference-service.ts';

const statementTimeoutMs = 5_000;
const datasetTimeoutMs = 120_000;
const maxMissedReleases = 100;

export interface ReleaseFetcher {
  /** The `latest` statement's JWS. */
  latest(): Promise<string>;
  /** The manifest's JWS. @throws DomainError `release-not-found`. */
  manifest(version: number): Promise<string>;
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

/**
 * Brings a node up to the release that HQ calls the latest: asks, and applies what is missing.
 * @throws what the fetcher, `acceptLatest` and `apply` throw; the node keeps what it has.
 */
export async function followLatest({
  fetcher,
  references,
  onApplied,
}: {
  readonly fetcher: ReleaseFetcher;
  readonly references: ReferenceService;
  readonly onApplied?: NonNullable<ApplyOptions['onApplied']>;
}): Promise<{ readonly version: number; readonly applied: boolean }> {
  const { latest, held } = await references.acceptLatest(await fetcher.latest());
  if (held) return { version: latest.version, applied: false };
  return applyFrom(latest.version, 0);

  /** A release that only takes away is judged by the one that it takes away from: that one first, if it was missed. */
  async function applyFrom(
    version: number,
    depth: number,
  ): Promise<{ readonly version: number; readonly applied: boolean }> {
    const release = {
      manifestJws: await fetcher.manifest(version),
      fetchDataset: fetcher.dataset,
      ...(onApplied ? { onApplied } : {}),
    };
    try {
      return await references.apply(release);
    } catch (error) {
      if (!isDomainError(error, 'release-not-approved') || depth >= maxMissedReleases) throw error;
      const previous = Number(error.members.previous ?? 0);
      const held = (await references.highest())?.manifest.version ?? 0;
      if (previous <= held || previous >= version) throw error;
      await applyFrom(previous, depth + 1);
      return references.apply(release);
    }
  }
}
