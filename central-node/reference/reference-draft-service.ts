import type { Signer } from '../../shared/federation/peers.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import {
  type DatasetContent,
  datasetContent,
  datasetsFrom,
} from '../../shared/reference/dataset-content.ts';
import {
  type DatasetName,
  type Datasets,
  type DirectoryDataset,
  datasetNames,
  publicSigningKey,
  type RowOf,
} from '../../shared/reference/datasets.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import {
  type ReleaseManifest,
  signManifest,
  storedManifest,
} from '../../shared/reference/release.ts';
import { validateDatasets } from '../../shared/reference/validate-datasets.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { type Clock, type Instant, now } from '../../shared/time/clock.ts';
import { readDatasetFiles } from './dataset-files.ts';
import {
  changedRows,
  type DatasetDiff,
  type DraftRow,
  diffRows,
  parseDraftRows,
  type RowWish,
  releasedBranches,
} from './draft-rows.ts';
import { movedNumbers } from './moved-number-store.ts';
import { withMovedNumbers } from './moved-numbers.ts';
import type { NumberingImport } from './numbering-import.ts';
import {
  addDraftEditor,
  type BranchIdentity,
  branchIdentities,
  clearDraftEditors,
  draftEditors,
  draftRevision,
  findDraft,
  insertPublication,
  listPublications,
  type Publication,
  releaseDraftEditors,
  saveDraft,
  saveIdentity,
} from './reference-draft-store.ts';

/** What the caller adds to the same transaction: an audit record, a log entry. */
export type Also = (tx: Transaction) => Promise<void>;

/** A change of the draft by a person; what a node's own command imports is nobody's. */
export interface Edit {
  /** An operator's login: he may not publish what he changed. */
  readonly by?: string;
  readonly also?: Also;
}

export interface PublishOptions {
  /** Not before now; at once when absent. */
  readonly effectiveFrom?: Instant;
  /** The draft as the publisher saw it; as it is now when absent. */
  readonly revision?: bigint;
  /** Who publishes: an operator's login. */
  readonly actor: string;
  readonly onPublished?: (tx: Transaction, manifest: ReleaseManifest) => Promise<void>;
}

export interface ComposeOptions {
  readonly effectiveFrom?: Instant | undefined;
  /** Something beside the data sets has changed. */
  readonly evenIfSame?: boolean;
}

export interface ComposedRelease {
  readonly revision: bigint;
  readonly manifest: ReleaseManifest;
  /** Texts of the data sets by their SHA-256. */
  readonly texts: ReadonlyMap<string, string>;
}

/** HQ's editable draft of all reference data, and the releases made of it. */
export interface ReferenceDraftService {
  /** Replaces the data sets whose files the folder has, all or none; `note` is told each. */
  importDirectory(
    path: string,
    note?: (tx: Transaction, name: DatasetName) => Promise<void>,
  ): Promise<ImportedDirectory>;
  /** Replaces numbering plan and foreign numbering together. */
  importNumbering(result: NumberingImport, edit?: Edit): Promise<void>;
  /** @throws DomainError `invalid-input` naming row and field. */
  replaceDataset(name: DatasetName, rows: readonly unknown[], edit?: Edit): Promise<void>;
  /**
   * One row, in a transaction of its own: what others change meanwhile stays.
   * @throws DomainError `row-changed`, `invalid-input` naming the field.
   */
  changeRow(name: DatasetName, wish: RowWish, edit?: Edit): Promise<void>;
  /** What is edited, by key, without what enrolment and the branches add to it. */
  editedRows(name: DatasetName): Promise<readonly object[]>;
  /** The draft as it would be released now, branches with their identities, numbers where they moved. */
  rows<Name extends DatasetName>(name: Name): Promise<readonly RowOf<Name>[]>;
  /** Another one after every change of the draft. */
  revision(): Promise<bigint>;
  /**
   * What publishing would change, per data set that differs from the release in force, or else from the one to come that
   * it overtakes; nothing if it is published.
   */
  diff(): Promise<readonly (DatasetDiff & { readonly changedBy: readonly string[] })[]>;
  /**
   * Validates, signs and stores the next release, and tells `onPublished` in the same transaction.
   * @throws DomainError `release-invalid` when rows do not fit together or nothing changed;
   * `draft-changed` when it did since it was seen, or while it was being signed; `same-person` for
   * who changed something of it.
   */
  publish(options: PublishOptions): Promise<ReleaseManifest>;
  /**
   * The next release as the draft is now, signed by nobody.
   * @throws DomainError `release-invalid` as `publish`.
   */
  compose(options: ComposeOptions): Promise<ComposedRelease>;
  /** The latest first, of those before a version. */
  publications(part: { limit: number; before?: number }): Promise<readonly Publication[]>;
  /** A release of head office's own that it got back from a branch is listed again. */
  recordRecovered(manifest: ReleaseManifest): Promise<void>;
  /** Enrolment's word on a branch. @throws DomainError `branch-not-found`. */
  setBranchIdentity(tx: Transaction, identity: BranchIdentity): Promise<void>;
  /** What the keys' own services say; nobody else changes these data sets. True if it was news. */
  setDirectory<Name extends DirectoryDataset>(
    tx: Transaction,
    name: Name,
    rows: readonly RowOf<Name>[],
  ): Promise<boolean>;
}

export interface ImportedDirectory {
  readonly rows: Readonly<Partial<Record<DatasetName, number>>>;
  readonly ignored: readonly string[];
}

export function createReferenceDraftService({
  store,
  clock,
  signer,
  references,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly references: ReferenceService;
}): ReferenceDraftService {
  async function save(contents: ReadonlyMap<DatasetName, DatasetContent>, { by, also }: Edit) {
    await store.write(async (tx) => {
      for (const [name, content] of contents) await saveEdited(tx, content, { name, by });
      await also?.(tx);
    });
  }

  /** The draft as a release that comes into force at a moment, and the releases that it goes on from. */
  async function draftAt(from: Instant) {
    const draft = await store.read((tx) => readDraft(tx, from));
    const version = references.current()?.version;
    const inForce =
      version === undefined ? undefined : storedManifest(await references.manifest(version));
    return { ...draft, last: (await references.highest())?.manifest, inForce };
  }

  async function compose({ effectiveFrom, evenIfSame = false }: ComposeOptions) {
    const draft = await draftAt(effectiveFrom ?? now(clock));
    const { revision, datasets, contents, last } = draft;
    validateDatasets(datasets);
    const changed = datasetNames.filter((name) => !isAsReleased(last, name, contents));
    if (!evenIfSame && last && changed.length === 0) {
      throw new DomainError(
        'release-invalid',
        `Nothing has changed since release ${last.version}.`,
      );
    }
    const createdAt = now(clock);
    const manifest = manifestOf({ last, createdAt, effectiveFrom, contents });
    const texts = new Map([...contents.values()].map(({ sha256, text }) => [sha256, text]));
    return { revision, manifest, texts, changedBy: editorsOf(draft) };
  }

  async function publish(options: PublishOptions) {
    const { effectiveFrom, actor, onPublished } = options;
    const { revision, manifest, texts, changedBy } = await compose({ effectiveFrom });
    if (options.revision !== undefined && options.revision !== revision) throw unseen();
    const own = changedBy.filter(({ login }) => login === actor).map(({ dataset }) => dataset);
    if (own.length > 0) {
      const detail = `You changed ${own.join(', ')}: another person publishes it.`;
      throw new DomainError('same-person', detail);
    }
    const manifestJws = await signManifest(signer, manifest);
    const { applied } = await references.apply({
      manifestJws,
      fetchDataset: async (sha256) => texts.get(sha256) ?? '',
      async onApplied(tx) {
        if ((await draftRevision(tx)) !== revision) throw moved();
        const { version, createdAt: publishedAt, effectiveFrom: effective } = manifest;
        const publication = { version, actor, publishedAt, effectiveFrom: effective };
        await insertPublication(tx, publication);
        await releaseDraftEditors(tx, publication);
        await onPublished?.(tx, manifest);
      },
    });
    if (!applied) throw moved();
    return manifest;
  }

  return {
    async importDirectory(path, note) {
      const { rows, ignored } = await readDatasetFiles(path);
      const contents = new Map([...rows].map(([name, list]) => [name, draftContent(name, list)]));
      await save(contents, {
        async also(tx) {
          for (const name of contents.keys()) await note?.(tx, name);
        },
      });
      const counts = Object.fromEntries([...contents].map(([name, { rows: n }]) => [name, n]));
      return { rows: counts, ignored };
    },
    async importNumbering({ numberingPlan, foreignNumbering, unknownRegions }, edit = {}) {
      if (unknownRegions.length > 0 || numberingPlan.length === 0) {
        throw new DomainError('invalid-input', 'The numbering import is not complete.');
      }
      const contents = new Map<DatasetName, DatasetContent>([
        ['numbering-plan', draftContent('numbering-plan', numberingPlan)],
        ['foreign-numbering', draftContent('foreign-numbering', foreignNumbering)],
      ]);
      await save(contents, edit);
    },
    replaceDataset: (name, rows, edit = {}) =>
      save(new Map([[name, draftContent(name, rows)]]), edit),
    changeRow: (name, wish, { by, also } = {}) =>
      store.write(async (tx) => {
        const rows = changedRows(name, await draftOf(tx, name), wish);
        await saveEdited(tx, datasetContent(name, rows), { name, by });
        await also?.(tx);
      }),
    editedRows: (name) => store.read((tx) => draftOf(tx, name)),
    rows: (name) => store.read((tx) => draftRows(tx, name)),
    revision: () => store.read(draftRevision),
    async diff() {
      const draft = await draftAt(now(clock));
      const { datasets, contents, last } = draft;
      if (datasetNames.every((name) => isAsReleased(last, name, contents))) return [];
      // What is published now overtakes a release that is still to come: it brings its changes along, or takes them back.
      const inForce = draft.inForce ?? last;
      const editors = editorsOf(draft);
      const otherThan = (name: DatasetName) =>
        [inForce, last].find((released) => !isAsReleased(released, name, contents));
      const changes = datasetNames
        .filter((name) => [inForce, last].some((each) => !isAsReleased(each, name, contents)))
        .map(async (name) => ({
          ...diffRows(name, await releasedRows(references, otherThan(name), name), datasets[name]),
          changedBy: editors.flatMap(({ dataset, login }) => (dataset === name ? [login] : [])),
        }));
      return (await Promise.all(changes)).filter(isChanged);
    },
    compose,
    publish,
    publications: ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
      store.read((tx) => listPublications(tx, { limit, before })),
    recordRecovered: ({ version, createdAt, effectiveFrom }) =>
      store.write(async (tx) => {
        const publishedAt = createdAt;
        await insertPublication(tx, { version, actor: 'recovery', publishedAt, effectiveFrom });
        await clearDraftEditors(tx);
      }),
    async setBranchIdentity(tx, identity) {
      // Whoever was a member before can be cut off, whatever has become of the draft.
      const known = [...(await draftTerms(tx)), ...(await branchIdentities(tx))];
      if (!known.some(({ code }) => code === identity.code)) {
        throw new DomainError('branch-not-found', `${identity.code} is not in the draft.`);
      }
      const signingKey = publicSigningKey.parse(identity.signingKey);
      await saveIdentity(tx, { ...identity, signingKey });
    },
    async setDirectory(tx, name, rows) {
      const content = draftContent(name, rows);
      const known = (await findDraft(tx, name))?.sha256 ?? draftContent(name, []).sha256;
      if (known === content.sha256) return false;
      await saveDraft(tx, name, content);
      return true;
    },
  };
}

async function saveEdited(
  tx: Transaction,
  content: DatasetContent,
  { name, by }: { name: DatasetName; by: string | undefined },
): Promise<void> {
  await saveDraft(tx, name, content);
  if (by !== undefined) await addDraftEditor(tx, name, by);
}

function draftContent(name: DatasetName, rows: readonly unknown[]): DatasetContent {
  return datasetContent(name, parseDraftRows(name, rows));
}

/** What the draft's tables hold was parsed when it was saved. */
async function draftOf<Name extends DatasetName>(tx: Reader, name: Name) {
  return JSON.parse((await findDraft(tx, name))?.text ?? '[]') as DraftRow<Name>[];
}

function draftTerms(tx: Reader) {
  return draftOf(tx, 'branches');
}

async function draftRows<Name extends DatasetName>(
  tx: Reader,
  name: Name,
): Promise<readonly RowOf<Name>[]> {
  const joined: { [Joined in DatasetName]?: () => Promise<readonly RowOf<Joined>[]> } = {
    branches: async () => releasedBranches(await draftTerms(tx), await branchIdentities(tx)),
    'ported-numbers': async () =>
      withMovedNumbers(await draftOf(tx, 'ported-numbers'), {
        moved: await movedNumbers(tx),
        plan: await draftOf(tx, 'numbering-plan'),
        branches: (await draftTerms(tx)).map(({ code }) => code),
      }),
  };
  const rows = joined[name] ? await joined[name]() : await draftOf(tx, name);
  return rows as RowOf<Name>[];
}

/** Rows that are not what the draft's table holds, but joined with what the branches tell. */
async function isJoined(tx: Reader, name: DatasetName): Promise<boolean> {
  if (name === 'ported-numbers') return (await movedNumbers(tx)).length > 0;
  return name === 'branches';
}

async function readDraft(tx: Reader, from: Instant): Promise<Draft> {
  const rows = new Map<DatasetName, readonly object[]>();
  const contents = new Map<DatasetName, DatasetContent>();
  for (const name of datasetNames) {
    const list = await draftRows(tx, name);
    rows.set(name, list);
    // Saved drafts are canonical already.
    const saved = (await isJoined(tx, name)) ? undefined : await findDraft(tx, name);
    const content = saved ? { ...saved, rows: list.length } : datasetContent(name, list);
    contents.set(name, content);
  }
  const datasets = datasetsFrom(
    <Name extends DatasetName>(name: Name) => (rows.get(name) ?? []) as RowOf<Name>[],
  );
  const editors = await draftEditors(tx, from);
  return { revision: await draftRevision(tx), datasets, contents, editors };
}

interface Draft {
  readonly revision: bigint;
  readonly datasets: Datasets;
  readonly contents: Contents;
  readonly editors: Awaited<ReturnType<typeof draftEditors>>;
}

type Contents = ReadonlyMap<DatasetName, DatasetContent>;

function isAsReleased(
  last: ReleaseManifest | undefined,
  name: DatasetName,
  contents: Contents,
): boolean {
  return last?.datasets[name]?.sha256 === contents.get(name)?.sha256;
}

/** Whose changes a release of the draft would bring into force: those that none has, or none before it. */
function editorsOf({
  editors,
  contents,
  last,
  inForce,
}: Pick<Draft, 'editors' | 'contents'> & {
  readonly last: ReleaseManifest | undefined;
  readonly inForce: ReleaseManifest | undefined;
}) {
  return editors.filter(
    ({ dataset, effectiveFrom }) =>
      !isAsReleased(inForce, dataset, contents) ||
      // Taking back what is to come is a change too, but of who took it back.
      (effectiveFrom === null && !isAsReleased(last, dataset, contents)),
  );
}

function manifestOf({
  last,
  createdAt,
  effectiveFrom = createdAt,
  contents,
}: {
  readonly last: ReleaseManifest | undefined;
  readonly createdAt: Instant;
  readonly effectiveFrom: Instant | undefined;
  readonly contents: Contents;
}): ReleaseManifest {
  if (effectiveFrom < createdAt) {
    throw new DomainError('invalid-input', 'A release cannot come into force in the past.', {
      errors: [{ field: 'effectiveFrom', message: 'is in the past' }],
    });
  }
  return {
    ...(last?.keySets ? { keySets: last.keySets } : {}),
    version: (last?.version ?? 0) + 1,
    previous: last?.version ?? null,
    createdAt,
    effectiveFrom,
    datasets: Object.fromEntries(
      [...contents].map(([name, { sha256, rows }]) => [name, { sha256, rows }]),
    ),
  };
}

async function releasedRows(
  references: ReferenceService,
  released: ReleaseManifest | undefined,
  name: DatasetName,
): Promise<readonly object[]> {
  const listed = released?.datasets[name];
  return listed ? JSON.parse(await references.datasetContent(listed.sha256)) : [];
}

const isChanged = ({ added, removed, changed }: DatasetDiff) => added + removed + changed > 0;

function unseen(): DomainError {
  const detail = 'The draft has changed since you looked at it. Nothing was published; look again.';
  return new DomainError('draft-changed', detail);
}

function moved(): DomainError {
  const detail = 'The draft changed while it was being signed. Nothing was published; try again.';
  return new DomainError('draft-changed', detail);
}
