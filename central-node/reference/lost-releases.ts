import type { Federation } from '../../shared/federation/federation.ts';
import type { PeerStatus } from '../../shared/federation/liveness.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import { parseRows } from '../../shared/reference/dataset-content.ts';
import {
  branchTerms,
  type DatasetName,
  editableDatasets,
  type RowOf,
} from '../../shared/reference/datasets.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import { type ReleaseManifest, storedManifest } from '../../shared/reference/release.ts';
import {
  applyFetched,
  createReleaseFetcher,
  passOver,
} from '../../shared/reference/release-fetcher.ts';
import { type Clock, msOf } from '../../shared/time/clock.ts';
import type { ReferenceDraftService } from './reference-draft-service.ts';

/** What a branch that cannot be reached said of its release is waited for no longer than this. */
const silenceMaxMs = 10 * 60_000;

/**
 * Releases that head office published and lost with a backup: the branches still have them, signed by itself. Without
 * them its next release would bear a number that they already know by another content, and they would refuse it.
 */
export function createLostReleases(deps: {
  references: ReferenceService;
  drafts: ReferenceDraftService;
  federation: {
    readonly isRecovering: Federation['isRecovering'];
    readonly liveness: Pick<Federation['liveness'], 'statuses'>;
    readonly recovery: Pick<Federation['recovery'], 'hasTold'>;
  };
  client: PeerClient;
  clock: Clock;
  /** False of a branch whose keys have all ended: nothing that it says counts, and nobody waits for it. */
  isHeard(branch: NodeCode): boolean;
  /** Members and keys are as the release says. */
  restoreDirectory(released: {
    createdAt: string;
    branches: readonly RowOf<'branches'>[];
    keys: readonly RowOf<'node-keys'>[];
  }): Promise<void>;
}) {
  const { references, drafts, federation, client, clock } = deps;
  const statuses = () => federation.liveness.statuses().filter(({ peer }) => deps.isHeard(peer));

  async function rowsOf<Name extends DatasetName>({ datasets }: ReleaseManifest, name: Name) {
    const listed = datasets[name];
    const text = listed ? await references.datasetContent(listed.sha256) : '[]';
    return parseRows(name, JSON.parse(text));
  }

  /** Of the branches that count, the one that has the highest release, if it is higher than head office's own. */
  async function holder(counts: (branch: PeerStatus) => boolean) {
    const own = (await references.highest())?.manifest.version ?? 0;
    const [best] = statuses()
      .filter(counts)
      .map(({ peer, release = 0 }) => ({ peer, release }))
      .sort((one, other) => other.release - one.release);
    return best && best.release > own ? best : undefined;
  }

  async function fetch({ from, version }: { from: NodeCode; version: number }): Promise<void> {
    const fetcher = createReleaseFetcher({ peerClient: client, from });
    await applyFetched(version, { fetcher, references, clock });
  }

  // In this start: later ones are head office's own.
  const asked = new Set<NodeCode>();

  /** A hello tells which release is in force. One that is still to come is asked for, by its number. */
  async function fetchBeyond({ peer, release = 0 }: PeerStatus): Promise<void> {
    const fetcher = createReleaseFetcher({ peerClient: client, from: peer });
    const next = async () => ((await references.highest())?.manifest.version ?? 0) + 1;
    // There may be none between: what it missed, it lacks.
    if (release >= (await next())) await fetch({ from: peer, version: release });
    for (let version = await next(); await fetcher.has(version); version += 1) {
      await fetch({ from: peer, version });
      if ((await next()) > version) continue;
      throw new DomainError('release-invalid', `${peer} answers with another one than ${version}.`);
    }
    asked.add(peer);
  }

  async function askReachable(): Promise<void> {
    for (const status of statuses()) {
      if (!status.reachable || asked.has(status.peer)) continue;
      await fetchBeyond(status).catch((error: unknown) => {
        // One that is silent, or tells what is not to be believed, is asked again, and holds up no other.
        if (!isDomainError(error)) throw error;
      });
    }
  }

  const isRecent = ({ heardAt }: PeerStatus) =>
    heardAt !== undefined && clock.nowMs() - msOf(heardAt) < silenceMaxMs;

  /** The draft goes on from the release, or the next one would take its changes back. */
  async function adopt(
    shaOf: Readonly<Partial<Record<string, { sha256: string }>>>,
  ): Promise<void> {
    for (const name of editableDatasets) {
      const listed = shaOf[name];
      if (!listed) continue;
      const rows: unknown[] = JSON.parse(await references.datasetContent(listed.sha256));
      await drafts.replaceDataset(
        name,
        rows.map((row) => draftRowOf(name, row)),
      );
    }
  }

  /** The releases that head office does not know that it published, the highest last. */
  async function unadopted(): Promise<ReleaseManifest[]> {
    const highest = (await references.highest())?.manifest.version ?? 0;
    const [last] = await drafts.publications({ limit: 1 });
    const found: ReleaseManifest[] = [];
    for (let version = (last?.version ?? 0) + 1; version <= highest; version += 1) {
      const jws = await references.manifest(version).catch(passOver('release-not-found'));
      if (jws) found.push(storedManifest(jws));
    }
    return found;
  }

  return {
    /** One that a branch has named, so that what it was priced by is priced by it again. */
    fetch,

    /** Fetches the highest release that a branch has and head office lacks, and goes on from it. */
    async restore(): Promise<void> {
      const found = await holder(({ reachable }) => reachable);
      if (found) await fetch({ from: found.peer, version: found.release });
      await askReachable();
      const lost = await unadopted();
      const manifest = lost.at(-1);
      if (!manifest) return;
      await adopt(manifest.datasets);
      await deps.restoreDirectory({
        createdAt: manifest.createdAt,
        branches: await rowsOf(manifest, 'branches'),
        keys: await rowsOf(manifest, 'node-keys'),
      });
      // Last: what a crash interrupts is done again.
      for (const each of lost) await drafts.recordRecovered(each);
    },

    /** @throws DomainError `recovering` while head office may not know its own last release. */
    async assertNoneLost(): Promise<void> {
      if (federation.isRecovering()) throw new DomainError('recovering');
      await askReachable();
      const silent = statuses().find(
        ({ peer, release, reachable }) =>
          federation.recovery.hasTold(peer) &&
          (release === undefined || (reachable && !asked.has(peer))),
      );
      if (silent) {
        const detail = `${silent.peer} has yet to say which release it holds.`;
        throw new DomainError('recovering', detail);
      }
      const found = await holder(isRecent);
      if (!found && (await unadopted()).length === 0) return;
      const who = found ? `${found.peer} says that it` : 'A branch';
      throw new DomainError('recovering', `${who} holds a release that is being fetched back.`);
    },
  };
}

/** What enrolment knows of a branch is kept apart from the draft's own columns. */
function draftRowOf(name: DatasetName, row: unknown): unknown {
  return name === 'branches' ? branchTerms.strip().parse(row) : row;
}
