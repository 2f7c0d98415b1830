import { z } from '@hono/zod-openapi';
import type { Principal } from '../../shared/access/operator.ts';
import { rowKey } from '../../shared/reference/dataset-content.ts';
import { datasetNames, editableDatasets } from '../../shared/reference/datasets.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import { cursorQuery, limitQuery, page } from '../../shared/web/schemas.ts';
import type { ReferenceDraftService } from './reference-draft-service.ts';
import { cellsOfRow, columnsOf } from './row-cells.ts';

const maxSearchLength = 100;
const row = z.record(z.string(), z.unknown());
const cursorKey = z.strictObject({ key: z.string() });

/** The draft row by row, as people edit it. */
export function draftRowRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: {
    drafts: Pick<ReferenceDraftService, 'changeRow' | 'editedRows'>;
    noting(
      principal: Principal,
      action: string,
      subject: string,
    ): (tx: Transaction) => Promise<void>;
  },
) {
  const { drafts, noting } = deps;

  const listDraftRows = endpoint(
    {
      method: 'GET',
      path: '/api/v1/reference-draft/datasets/{name}/rows',
      permission: 'reference.read',
      operationId: 'listDraftRows',
      tag: 'Reference data',
      summary: 'The rows of a data set as they are edited, by key',
      params: z.strictObject({ name: z.enum(datasetNames) }),
      query: z.strictObject({
        q: z.string().max(maxSearchLength).optional().openapi({ description: 'In any field' }),
        key: z.string().optional().openapi({ description: 'The row of this key alone' }),
        limit: limitQuery,
        cursor: cursorQuery,
      }),
      response: page(z.strictObject({ key: z.string(), row })),
    },
    async ({ params: { name }, query: { q = '', key: wanted, limit, cursor } }) => {
      const after = decodeCursor(cursor, cursorKey)?.key ?? '';
      const sought = q.trim().toLowerCase();
      const columns = columnsOf(name);
      const isSought = (each: object) =>
        sought === '' ||
        Object.values(cellsOfRow(columns, each)).join('\n').toLowerCase().includes(sought);
      const found: { key: string; row: object }[] = [];
      for (const each of await drafts.editedRows(name)) {
        const key = rowKey(name, each);
        if (key <= after || (wanted !== undefined && key !== wanted)) continue;
        if (!isSought(each)) continue;
        found.push({ key, row: each });
        if (found.length > limit) break;
      }
      return pageOf(found, limit, {
        item: (item) => ({ key: item.key, row: { ...item.row } }),
        key: ({ key }) => ({ key }),
      });
    },
  );

  const changeDraftRow = endpoint(
    {
      method: 'POST',
      path: '/api/v1/reference-draft/datasets/{name}/row-changes',
      permission: 'reference.edit',
      operationId: 'changeDraftRow',
      tag: 'Reference data',
      summary: 'Add, change or remove one row of the draft',
      params: z.strictObject({ name: z.enum(editableDatasets) }),
      body: z
        .strictObject({
          before: row.optional().openapi({ description: 'As it was found; a new row has none' }),
          after: row.optional().openapi({ description: 'As it is left; a removed row has none' }),
        })
        .refine(({ before, after }) => before || after, 'names no row'),
      status: 204,
    },
    ({ params: { name }, body, principal }) => {
      const { before, after } = body;
      const keys = [before, after].flatMap((each) => (each ? [rowKey(name, each)] : []));
      const also = noting(principal, 'reference.edit', `${name} ${[...new Set(keys)].join(' → ')}`);
      return drafts.changeRow(name, body, { by: principal.login, also });
    },
  );

  return { listDraftRows, changeDraftRow };
}
