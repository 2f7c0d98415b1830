import type { Verifier } from '../federation/peers.ts';
import { headOffice as defaultHeadOffice, type NodeCode } from '../ids/ids.ts';
import { DomainError, type FieldError, isDomainError } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Clock, type Instant, instantOf, now } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import { directoryNames } from './cut-off.ts';
import { datasetsFrom, readContent, readJsonRows } from './dataset-content.ts';
import { type DatasetName, isDatasetName, type RowOf } from './datasets.ts';
import { createFreshness, type Freshness } from './freshness.ts';
import { buildReference, type Reference } from './reference.ts';
import {
  findContent,
  findRelease,
  highestRelease,
  insertContent,
  insertRelease,
  newestReleases,
  nextSwitch,
  releaseDue,
} from './reference-store.ts';
import { isDue, type LatestStatement, type ReleaseManifest, readManifest } from './release.ts';
import { basesOf, type ReleaseApproval } from './release-approval.ts';
import { validateDatasets } from './validate-datasets.ts';

/** More releases than a branch ever misses; a number near the last one there is would end all publishing. */
const maxVersionJump = 10_000;
/** Made since people signed one, or to come. */
const maxBases = 100;

export interface ReferenceFailure {
  readonly at: Instant;
  readonly code: string;
  readonly message: string;
  readonly errors: readonly FieldError[];
}

export interface ApplyOptions {
  readonly manifestJws: string;
  /** Asked only for contents that this node lacks. */
  readonly fetchDataset: (sha256: string) => Promise<string>;
  /**
   * Runs in the transaction that stores the release: what it throws undoes that. The release may be
   * one that comes into force later.
   */
  readonly onApplied?: (tx: Transaction, release: AppliedRelease) => Promise<void>;
}

export interface AppliedRelease {
  readonly reference: Reference;
  readonly manifest: ReleaseManifest;
  readonly manifestSha256: string;
}

/**
 * The reference data of a node. It keeps the last good release whatever happens, never goes back to
 * a lower version, and stores and switches in one transaction.
 */
export interface ReferenceService {
  /** The release in force: the highest version that counts at once, or whose time has come. */
  current(): Reference | undefined;
  /** Rebuilds the release in force from the store; call it once, at start. */
  load(): Promise<void>;
  /**
   * Applies a release; the one that is held already changes nothing.
   * @returns whether it was new here.
   * @throws DomainError `peer-refused` for a wrong signature, `release-invalid` for a version that
   * is lower or equal but different, a wrong hash or rows that do not fit, or whatever
   * `fetchDataset` and `onApplied` throw. `lastFailure()` says the same until an apply succeeds.
   */
  apply(options: ApplyOptions): Promise<{ readonly version: number; readonly applied: boolean }>;
  /** Others than head office have to sign a release, but one that only takes away. */
  readonly needsApproval: boolean;
  /** Switches to a stored release that has come due; call it every few seconds. */
  tick(): Promise<void>;
  lastFailure(): ReferenceFailure | undefined;
  /** @throws DomainError `release-not-found`. */
  manifest(version: number): Promise<string>;
  /** The highest release held, in force or not yet. */
  highest(): Promise<{ readonly manifest: ReleaseManifest; readonly sha256: string } | undefined>;
  /** @throws DomainError `dataset-not-found`. */
  datasetContent(sha256: string): Promise<string>;
  /** Calls `fn`, which must not throw, after each switch; the answer ends that. */
  onChange(fn: (reference: Reference) => void): () => void;
  /**
   * Takes HQ's word on which release is the latest.
   * @returns the statement, and whether the release it names is held.
   * @throws DomainError `peer-refused`, or `release-invalid` for one that is expired, older than
   * the last or at odds with what is held.
   */
  acceptLatest(jws: string): Promise<{ latest: LatestStatement; held: boolean }>;
  /** How old this node's knowledge is; undefined before the first release. */
  freshness(): Freshness | undefined;
}

export function createReferenceService({
  store,
  clock,
  verifier,
  approval,
  headOffice = defaultHeadOffice,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly verifier: Verifier;
  /** Where releases need more than head office's signature. */
  readonly approval?: ReleaseApproval | undefined;
  readonly headOffice?: NodeCode;
}): ReferenceService {
  let current: InForce | undefined;
  let nextSwitchAt: Instant | undefined;
  /** Which version the listeners were told of last. */
  let told = 0;
  let failure: ReferenceFailure | undefined;
  const listeners = new Set<(reference: Reference) => void>();
  const freshness = createFreshness({ store, clock, verifier, headOffice });

  function switchTo(next: InForce): void {
    // A slower reader of the store must not undo a switch that overtook it.
    if (current && next.reference.version <= current.reference.version) return;
    current = next;
  }

  function tell(): void {
    const reference = current?.reference;
    if (!reference || reference.version === told) return;
    told = reference.version;
    for (const listener of listeners) listener(reference);
  }

  async function switchToDue(): Promise<void> {
    const release = await store.read((tx) => releaseDue(tx, now(clock)));
    const version = release?.manifest.version ?? 0;
    if (release && version > (current?.reference.version ?? 0)) {
      const { manifest } = release;
      const contents = await gather({ store, manifest, inForce: current });
      switchTo(inForce(manifest, contents));
    }
    tell();
    nextSwitchAt = await store.read((tx) => nextSwitch(tx, current?.reference.version ?? 0));
  }

  async function applyRelease({ manifestJws, fetchDataset, onApplied }: ApplyOptions) {
    const manifest = await readManifest(verifier, manifestJws, headOffice);
    const { version } = manifest;
    const manifestSha256 = sha256(manifestJws);
    const held = await store.read(highestRelease);
    if (!isNewer(held, version, manifestSha256)) return { version, applied: false };
    freshness.refuseOtherThanLatest(version, manifestSha256);

    const contents = await gather({ store, manifest, inForce: current, fetchDataset });
    validateDatasets(contents.datasets, { isSigned: true });
    const next = inForce(manifest, contents);
    const { datasets: directory } = contents;
    await approval?.assertApproved({ manifest, directory }, await heldBases());
    const appliedAt = now(clock);
    const applied = await store.write(async (tx) => {
      if (!isNewer(await highestRelease(tx), version, manifestSha256)) return false;
      for (const content of contents.fetched) await insertContent(tx, content);
      await insertRelease(tx, { jws: manifestJws, jwsSha256: manifestSha256, manifest, appliedAt });
      await freshness.noteHeld(tx, { version, manifestSha256, appliedAt });
      await onApplied?.(tx, { reference: next.reference, manifest, manifestSha256 });
      tx.afterCommit(() => {
        // With the commit: nothing runs between that and the switch.
        if (isDue(manifest, appliedAt)) switchTo(next);
        // One whose answer was lost is learned of late: its switch is told, or waited for, from the next tick on.
        nextSwitchAt = instantOf(0);
      });
      return true;
    });
    tell();
    nextSwitchAt = await store.read((tx) => nextSwitch(tx, current?.reference.version ?? 0));
    return { version, applied };
  }

  /** What head office may cut members and keys off from. */
  async function heldBases() {
    const held = await store.read((tx) => newestReleases(tx, maxBases));
    return Promise.all(
      basesOf(held, now(clock)).map(async ({ manifest, isOvertaken }) => {
        const datasets: ReleaseManifest['datasets'] = {};
        for (const name of directoryNames) {
          const listed = manifest.datasets[name];
          if (listed) datasets[name] = listed;
        }
        const held = await gather({ store, manifest: { datasets }, inForce: current });
        const { branches, 'node-keys': keys } = held.datasets;
        return { manifest, isOvertaken, directory: { branches, 'node-keys': keys } };
      }),
    );
  }

  return {
    current: () => current?.reference,
    async load() {
      await freshness.load();
      await switchToDue();
    },
    async apply(options) {
      try {
        const result = await applyRelease(options);
        failure = undefined;
        return result;
      } catch (error) {
        failure = failureOf(error, now(clock));
        // A store that does not answer may hold the release all the same.
        nextSwitchAt = instantOf(0);
        throw error;
      }
    },
    async tick() {
      if (nextSwitchAt !== undefined && nextSwitchAt <= now(clock)) await switchToDue();
    },
    needsApproval: approval !== undefined,
    lastFailure: () => failure,
    async manifest(version) {
      const release = await store.read((tx) => findRelease(tx, version));
      if (!release) throw new DomainError('release-not-found');
      return release.jws;
    },
    async highest() {
      const release = await store.read(highestRelease);
      return release && { manifest: release.manifest, sha256: release.jwsSha256 };
    },
    async datasetContent(hash) {
      const content = await store.read((tx) => findContent(tx, hash));
      if (content === undefined) throw new DomainError('dataset-not-found');
      return content;
    },
    onChange(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    acceptLatest: freshness.accept,
    freshness: freshness.now,
  };
}

interface InForce {
  readonly reference: Reference;
  readonly manifest: ReleaseManifest;
}

function inForce(manifest: ReleaseManifest, { datasets }: Gathered): InForce {
  const { version, effectiveFrom } = manifest;
  return { manifest, reference: buildReference({ version, effectiveFrom, datasets }) };
}

function isNewer(
  held: { readonly manifest: ReleaseManifest; readonly jwsSha256: string } | undefined,
  version: number,
  manifestSha256: string,
): boolean {
  if (!held) return true;
  if (version > held.manifest.version + maxVersionJump) {
    throw new DomainError('release-invalid', `Release ${version} leaves too many numbers out.`);
  }
  if (version > held.manifest.version) return true;
  if (version === held.manifest.version && manifestSha256 === held.jwsSha256) return false;
  const kind = version < held.manifest.version ? 'lower than' : 'not the same as';
  throw new DomainError(
    'release-invalid',
    `Release ${version} is ${kind} release ${held.manifest.version}, which is held already.`,
  );
}

interface Gathered {
  readonly datasets: ReturnType<typeof datasetsFrom>;
  readonly fetched: readonly { readonly sha256: string; readonly content: string }[];
}

/** The rows of a release: as they are in memory, else from the store, else fetched. */
async function gather({
  store,
  manifest,
  inForce,
  fetchDataset,
}: {
  readonly store: Store;
  readonly manifest: Pick<ReleaseManifest, 'datasets'>;
  readonly inForce: InForce | undefined;
  readonly fetchDataset?: ApplyOptions['fetchDataset'];
}): Promise<Gathered> {
  const rows = new Map<DatasetName, readonly object[]>();
  const fetched: { sha256: string; content: string }[] = [];
  for (const [name, expected] of Object.entries(manifest.datasets)) {
    const known = isDatasetName(name) ? name : undefined;
    if (known && inForce?.manifest.datasets[name]?.sha256 === expected.sha256) {
      rows.set(known, inForce.reference.rows(known));
      continue;
    }
    const stored = await store.read((tx) => findContent(tx, expected.sha256));
    const content = stored ?? (await fetchDataset?.(expected.sha256));
    if (content === undefined) throw new DomainError('dataset-not-found');
    if (stored === undefined) fetched.push({ sha256: expected.sha256, content });
    if (known) rows.set(known, readContent(known, content, expected));
    else readJsonRows(name, content, expected);
  }
  // Each was parsed under its own name above.
  const datasets = datasetsFrom(
    <Name extends DatasetName>(name: Name) => (rows.get(name) ?? []) as RowOf<Name>[],
  );
  return { datasets, fetched };
}

function failureOf(error: unknown, at: Instant): ReferenceFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!isDomainError(error)) return { at, code: 'internal', message, errors: [] };
  return { at, code: error.code, message, errors: error.errors };
}
