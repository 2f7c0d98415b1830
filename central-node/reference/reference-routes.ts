import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { datasetNames, editableDatasets } from '../../shared/reference/datasets.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import type { ReleaseManifest } from '../../shared/reference/release.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import { cursorQuery, instant, limitQuery, page } from '../../shared/web/schemas.ts';
import { draftRowRoutes } from './draft-row-routes.ts';
import { importNumbering } from './numbering-import.ts';
import { preparedReleaseRoutes } from './prepared-release-routes.ts';
import type { PreparedReleases } from './prepared-releases.ts';
import type { PublishOptions, ReferenceDraftService } from './reference-draft-service.ts';

const maxImportBytes = 16 * 1024 * 1024;

export interface ReferenceRouteDeps {
  audit: Audit;
  references: ReferenceService;
  drafts: ReferenceDraftService;
  prepared: PreparedReleases;
  /** Of the draft, or of the prepared release where others have to sign it. */
  publish(options: PublishOptions): Promise<ReleaseManifest>;
  /** @throws DomainError `recovering` while head office may not know its own last release. */
  assertMayPublish(): Promise<void>;
  /** Tells every branch of a release, in the transaction that stores it. */
  tellReleased(tx: Transaction, manifest: ReleaseManifest): Promise<void>;
}

const releaseView = z
  .strictObject({
    version: z.int(),
    publishedAt: instant,
    effectiveFrom: instant,
    publishedBy: z.string(),
    datasets: z
      .record(z.string(), z.strictObject({ sha256: z.string(), rows: z.int() }))
      .optional(),
  })
  .openapi('ReferenceRelease');

const releaseCursor = z.strictObject({ version: z.int() });
const draftRevision = z.string().regex(/^\d{1,15}$/, 'must be a revision of the draft');
const anyRow = z.looseObject({});
const datasetDiff = z
  .strictObject({
    dataset: z.enum(datasetNames),
    added: z.int(),
    changed: z.int(),
    removed: z.int(),
    changedBy: z
      .array(z.string())
      .openapi({ description: 'Who changed it since the last release: another person publishes' }),
    samples: z
      .array(
        z.strictObject({
          kind: z.enum(['added', 'removed', 'changed']),
          key: z.string(),
          before: anyRow.optional(),
          after: anyRow.optional(),
        }),
      )
      .openapi({ description: 'The first changes' }),
  })
  .openapi('DatasetChanges');

const numberingView = z
  .strictObject({
    rows: z.int(),
    taken: z.int(),
    capacity: z.int(),
    branches: z.record(z.string(), z.strictObject({ ranges: z.int(), capacity: z.int() })),
    unknownRegions: z.array(z.string()),
  })
  .openapi('NumberingImport');

const datasetParams = z.strictObject({ name: z.enum(datasetNames) });
const editableParams = z.strictObject({ name: z.enum(editableDatasets) });
// Each data set has its own strict schema; the draft parses its rows by it.
const rows = z.array(z.record(z.string(), z.unknown()));

/** The draft of the reference data and the releases made of it. */
export function referenceRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: ReferenceRouteDeps) {
  const { drafts } = deps;

  const noting = (principal: Principal, action: string, subject: string) => (tx: Transaction) => {
    const actor = { id: principal.operatorId, name: principal.name, node: headOffice };
    return deps.audit.record(tx, { actor, action, subject, outcome: 'done' });
  };

  const publishRelease = endpoint(
    {
      method: 'POST',
      path: '/api/v1/reference-releases',
      permission: 'reference.publish',
      operationId: 'publishRelease',
      tag: 'Reference data',
      summary: 'Publish the draft as the next release: signed, and told to every branch',
      description: 'A draft that holds a change of yours is for another person to publish.',
      body: z.strictObject({
        effectiveFrom: instant.optional(),
        revision: draftRevision.optional().openapi({
          description: 'Of the changes that were looked at: refused if there are others',
        }),
      }),
      response: releaseView,
    },
    async ({ body, principal }) => {
      await deps.assertMayPublish();
      const { effectiveFrom, revision } = body;
      const manifest = await deps.publish({
        actor: principal.login,
        ...(effectiveFrom === undefined ? {} : { effectiveFrom }),
        ...(revision === undefined ? {} : { revision: BigInt(revision) }),
        async onPublished(tx, published) {
          await deps.tellReleased(tx, published);
          await noting(principal, 'reference.publish', `release ${published.version}`)(tx);
        },
      });
      const { version, datasets } = manifest;
      return {
        version,
        publishedAt: manifest.createdAt,
        effectiveFrom: manifest.effectiveFrom,
        publishedBy: principal.login,
        datasets,
      };
    },
  );

  const listReleases = endpoint(
    {
      method: 'GET',
      path: '/api/v1/reference-releases',
      permission: 'reference.read',
      operationId: 'listReleases',
      tag: 'Reference data',
      summary: 'The releases, the latest first',
      query: z.strictObject({ limit: limitQuery, cursor: cursorQuery }),
      response: page(releaseView),
    },
    async ({ query: { limit, cursor } }) => {
      const before = decodeCursor(cursor, releaseCursor)?.version;
      const part = { limit: limit + 1, ...(before === undefined ? {} : { before }) };
      return pageOf(await drafts.publications(part), limit, {
        item: ({ actor, ...release }) => ({ ...release, publishedBy: actor }),
        key: ({ version }) => ({ version }),
      });
    },
  );

  const getDraftChanges = endpoint(
    {
      method: 'GET',
      path: '/api/v1/reference-draft/changes',
      permission: 'reference.read',
      operationId: 'getDraftChanges',
      tag: 'Reference data',
      summary: 'What publishing now would change',
      response: z.strictObject({ revision: draftRevision, items: z.array(datasetDiff) }),
    },
    async () => ({
      // Read first: what changes in between is refused, and not published unseen.
      revision: String(await drafts.revision()),
      items: (await drafts.diff()).map(({ samples, changedBy, ...counts }) => ({
        ...counts,
        changedBy: [...changedBy],
        samples: samples.map(({ kind, key, before, after }) => ({
          ...{ kind, key },
          ...(before ? { before: { ...before } } : {}),
          ...(after ? { after: { ...after } } : {}),
        })),
      })),
    }),
  );

  preparedReleaseRoutes({ endpoint }, { prepared: deps.prepared, noting });
  const draft = draftRoutes({ endpoint }, deps, noting);
  const row = draftRowRoutes({ endpoint }, { drafts, noting });

  return { publishRelease, listReleases, getDraftChanges, ...draft, ...row };
}

/** As the pages ask them. */
export type ReferenceEndpoints = ReturnType<typeof referenceRoutes>;

type Noting = (
  principal: Principal,
  action: string,
  subject: string,
) => (tx: Transaction) => Promise<void>;

function draftRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { drafts }: ReferenceRouteDeps,
  noting: Noting,
) {
  const getDraftDataset = endpoint(
    {
      method: 'GET',
      path: '/api/v1/reference-draft/datasets/{name}',
      permission: 'reference.read',
      operationId: 'getDraftDataset',
      tag: 'Reference data',
      summary: 'The rows of a data set as they would be released now',
      params: datasetParams,
      response: z.strictObject({ name: z.string(), rows }),
    },
    async ({ params: { name } }) => ({
      name,
      rows: (await drafts.rows(name)).map((row) => ({ ...row })),
    }),
  );

  const replaceDraftDataset = endpoint(
    {
      method: 'PUT',
      path: '/api/v1/reference-draft/datasets/{name}',
      permission: 'reference.edit',
      operationId: 'replaceDraftDataset',
      tag: 'Reference data',
      summary: "Replace a data set's rows in the draft, all or none",
      params: editableParams,
      body: z.strictObject({ rows }),
      maxBodyBytes: maxImportBytes,
      response: z.strictObject({ name: z.string(), rows: z.int() }),
    },
    async ({ params: { name }, body, principal }) => {
      const also = noting(principal, 'reference.edit', name);
      await drafts.replaceDataset(name, body.rows, { by: principal.login, also });
      return { name, rows: body.rows.length };
    },
  );

  const importedNumbering = endpoint(
    {
      method: 'POST',
      path: '/api/v1/numbering-imports',
      permission: 'reference.edit',
      operationId: 'importNumbering',
      tag: 'Reference data',
      summary: "Import the public numbering registry: the operator's ranges become home branches",
      body: z.strictObject({
        registry: z.string().min(1).openapi({ description: 'The registry, CSV as published' }),
        regions: z.string().min(1).openapi({ description: 'region;branch' }),
        inn: z.string().regex(/^\d{9,12}$/, 'must be 9 to 12 digits'),
        dryRun: z.boolean().default(false),
      }),
      maxBodyBytes: maxImportBytes,
      response: numberingView,
    },
    async ({ body, principal }) => {
      const result = importNumbering({
        registry: Buffer.from(body.registry),
        regions: Buffer.from(body.regions),
        inn: body.inn,
      });
      const { rows: count, taken, capacity, branches, unknownRegions } = result;
      if (!body.dryRun) {
        if (unknownRegions.length > 0 || taken === 0) throw notImported(unknownRegions);
        const also = noting(principal, 'numbering.import', body.inn);
        await drafts.importNumbering(result, { by: principal.login, also });
      }
      return {
        ...{ rows: count, taken, capacity },
        branches: { ...branches },
        unknownRegions: [...unknownRegions],
      };
    },
  );

  return { getDraftDataset, replaceDraftDataset, importNumbering: importedNumbering };
}

function notImported(unknownRegions: readonly string[]): DomainError {
  const detail =
    unknownRegions.length === 0
      ? 'No range belongs to an operator with this INN. Nothing was imported.'
      : `The map does not know ${unknownRegions.length} regions. Nothing was imported.`;
  return new DomainError('release-invalid', detail, {
    errors: unknownRegions.map((region) => ({ field: 'regions', message: `lacks ${region}` })),
  });
}
