import type { Signer } from '../../shared/federation/peers.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import { type Directory, reducedDirectory } from '../../shared/reference/cut-off.ts';
import {
  type DatasetContent,
  datasetContent,
  parseRows,
} from '../../shared/reference/dataset-content.ts';
import { branchTerms, directoryDatasets } from '../../shared/reference/datasets.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import {
  type ReleaseManifest,
  signManifest,
  storedManifest,
} from '../../shared/reference/release.ts';
import { passOver } from '../../shared/reference/release-fetcher.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import { createTurns } from '../../shared/time/turns.ts';
import { releasedBranches } from './draft-rows.ts';
import {
  branchIdentities,
  clearDirectoryDue,
  directoryDue,
  draftRevision,
  findDraft,
  insertPublication,
  saveDirectoryBases,
  setDirectoryDue,
} from './reference-draft-store.ts';

export type DirectoryReleases = ReturnType<typeof createDirectoryReleases>;

/**
 * Releases that change nothing but who the members are and which keys they have. A stolen key cannot wait until people
 * have finished the draft, and must not publish what they have not finished.
 */
export function createDirectoryReleases(deps: {
  store: Store;
  clock: Clock;
  signer: Signer;
  references: ReferenceService;
  /** @throws DomainError `recovering` while head office may not know its own last release. */
  assertMayPublish(): Promise<void>;
  /** Where releases need other signatures than head office's, it takes members and keys away, and adds none. */
  takesAwayOnly: boolean;
  /** What is added waits for a release that people sign. */
  onWaiting(): void;
  /** In the transaction that publishes. */
  onPublished(tx: Transaction, manifest: ReleaseManifest, actor: string): Promise<void>;
}) {
  const { store, clock, signer, references } = deps;
  let running: Promise<void> | undefined;
  const inTurn = createTurns();

  /** Head office that was put back to a backup need not have all of them again. */
  async function manifestOf(version: number): Promise<ReleaseManifest | undefined> {
    const jws = await references.manifest(version).catch(passOver('release-not-found'));
    return jws === undefined ? undefined : storedManifest(jws);
  }

  /** The release in force and those that are still to come: each has to say it, or it would take it back. */
  async function bases(): Promise<number[]> {
    const first = references.current()?.version;
    if (first === undefined) return [];
    const last = (await references.highest())?.manifest.version ?? first;
    const found: number[] = [];
    let soonest: string | undefined;
    for (let version = last; version > first; version -= 1) {
      const effectiveFrom = (await manifestOf(version))?.effectiveFrom;
      // One that comes no sooner than another after it never comes.
      if (!effectiveFrom || (soonest !== undefined && effectiveFrom >= soonest)) continue;
      found.unshift(version);
      soonest = effectiveFrom;
    }
    return [first, ...found];
  }

  async function changedContents(base: ReleaseManifest): Promise<Map<string, DatasetContent>> {
    const listed = base.datasets.branches;
    const text = listed ? await references.datasetContent(listed.sha256) : '[]';
    const terms = branchTerms.strip().array().parse(JSON.parse(text));
    const contents = await store.read(async (tx) => {
      const rows = releasedBranches(terms, await branchIdentities(tx));
      const changed = new Map([['branches', datasetContent('branches', rows)]]);
      for (const name of directoryDatasets) changed.set(name, await directoryContent(tx, name));
      return changed;
    });
    return deps.takesAwayOnly ? takenAway(base, contents) : contents;
  }

  async function takenAway(base: ReleaseManifest, wanted: Map<string, DatasetContent>) {
    const rowsOf = async <Name extends keyof Directory>(name: Name) => {
      const listed = base.datasets[name];
      const text = listed ? await references.datasetContent(listed.sha256) : '[]';
      return parseRows(name, JSON.parse(text));
    };
    const wantedRows = <Name extends keyof Directory>(name: Name) =>
      parseRows(name, JSON.parse(wanted.get(name)?.text ?? '[]'));
    let reduced = reducedDirectory(
      { branches: await rowsOf('branches'), 'node-keys': await rowsOf('node-keys') },
      { branches: wantedRows('branches'), 'node-keys': wantedRows('node-keys') },
    );
    const inForce = references.current();
    // What took others away after it was made is not undone by it, whatever is wanted by now.
    if (inForce && inForce.version > base.version) {
      const [branches, keys] = [inForce.rows('branches'), inForce.rows('node-keys')];
      reduced = reducedDirectory(reduced, { branches, 'node-keys': keys });
    }
    const contents = new Map<string, DatasetContent>();
    for (const name of ['branches', 'node-keys'] as const) {
      const content = datasetContent(name, reduced[name]);
      if (content.sha256 !== base.datasets[name]?.sha256) contents.set(name, content);
    }
    const isAll = [...wanted].every(
      ([name, { sha256 }]) => (contents.get(name) ?? base.datasets[name])?.sha256 === sha256,
    );
    if (!isAll) deps.onWaiting();
    return contents;
  }

  async function publishOn(baseVersion: number, rest: number[], actor: string): Promise<void> {
    const base = await manifestOf(baseVersion);
    if (!base) return;
    const contents = await changedContents(base);
    if (contents.size === 0) return;
    const datasets = { ...base.datasets };
    for (const [name, { sha256, rows }] of contents) datasets[name] = { sha256, rows };
    const last = (await references.highest())?.manifest;
    const previous = last?.version ?? null;
    const createdAt = now(clock);
    const { effectiveFrom: planned } = base;
    const effectiveFrom = planned > createdAt ? planned : createdAt;
    const version = (previous ?? 0) + 1;
    const rotations = last?.keySets ? { keySets: last.keySets } : {};
    const manifest = { ...rotations, version, previous, createdAt, effectiveFrom, datasets };
    const texts = new Map([...contents.values()].map(({ sha256, text }) => [sha256, text]));
    await references.apply({
      manifestJws: await signManifest(signer, manifest),
      fetchDataset: async (sha256) => texts.get(sha256) ?? '',
      async onApplied(tx) {
        await insertPublication(tx, { version, actor, publishedAt: createdAt, effectiveFrom });
        await deps.onPublished(tx, manifest, actor);
        await saveDirectoryBases(tx, rest);
      },
    });
  }

  /** What is not made again alone would be tried for ever, and hold up every cutting off after it. */
  function leftToPeople(error: unknown): void {
    if (!deps.takesAwayOnly || !isDomainError(error, 'release-not-approved')) throw error;
    deps.onWaiting();
  }

  async function publish(): Promise<void> {
    const due = await store.read(directoryDue);
    if (!due) return;
    await deps.assertMayPublish();
    const versions = due.bases ?? (await bases());
    await store.write((tx) => saveDirectoryBases(tx, versions));
    for (const [index, version] of versions.entries()) {
      await publishOn(version, versions.slice(index + 1), due.actor).catch(leftToPeople);
    }
    await store.write(async (tx) => {
      await saveDirectoryBases(tx, undefined);
      // What changed while it was signed is due still.
      await clearDirectoryDue(tx, due.revision);
    });
  }

  return {
    /** In the transaction of the change: from its commit on, a crash forgets nothing. */
    async ask(tx: Transaction, actor: string): Promise<void> {
      await setDirectoryDue(tx, { revision: await draftRevision(tx), actor });
    },
    /** Publishes what is due; one at a time. @throws what signing and applying throw. */
    publishDue(): Promise<void> {
      running ??= inTurn(publish).finally(() => {
        running = undefined;
      });
      return running;
    },
    /** What else is published comes before or after all of it, or the one would take the other's changes back. */
    inTurn,
  };
}

async function directoryContent(
  tx: Reader,
  name: (typeof directoryDatasets)[number],
): Promise<DatasetContent> {
  const rows: object[] = JSON.parse((await findDraft(tx, name))?.text ?? '[]');
  return datasetContent(name, rows);
}
