import { z } from '@hono/zod-openapi';
import type { Audit, AuditEntry } from '../access/audit.ts';
import type { Store } from '../store/store.ts';
import { decodeCursor, pageOf } from './cursor.ts';
import type { AddEndpoint } from './endpoint.ts';
import { cursorQuery, instant, limitQuery, page } from './schemas.ts';

const maxFilterLength = 128;
const filter = z.string().min(1).max(maxFilterLength).optional();

const auditEntry = z
  .strictObject({
    id: z.string(),
    at: instant,
    actor: z.strictObject({ id: z.string(), name: z.string(), node: z.string() }),
    action: z.string().openapi({ example: 'operator.disable' }),
    subject: z.string().optional(),
    outcome: z.enum(['done', 'denied', 'failed']),
    detail: z.record(z.string(), z.unknown()).optional(),
    traceId: z.string().optional(),
  })
  .openapi('AuditEntry');

const cursorKey = z.strictObject({ before: z.int().positive() });

function wireEntry({ position: _, detail, ...entry }: AuditEntry): z.input<typeof auditEntry> {
  return { ...entry, ...(detail ? { detail: { ...detail } } : {}) };
}

export function registerAuditEndpoints(
  endpoint: AddEndpoint,
  { audit, store }: { audit: Audit; store: Store },
) {
  const listAuditEntries = endpoint(
    {
      ...{ method: 'GET', path: '/api/v1/audit', permission: 'audit.read', tag: 'Audit trail' },
      ...{ operationId: 'listAuditEntries', summary: 'The audit trail, newest first' },
      query: z.strictObject({
        limit: limitQuery,
        cursor: cursorQuery,
        action: filter,
        actor: filter.openapi({ description: "The actor's id" }),
        subject: filter,
      }),
      response: page(auditEntry),
    },
    async ({ query: { limit, cursor, ...filters } }) => {
      const before = decodeCursor(cursor, cursorKey)?.before;
      const rows = await store.read((tx) =>
        audit.list(tx, { ...filters, before, limit: limit + 1 }),
      );
      return pageOf(rows, limit, {
        item: wireEntry,
        key: ({ position }) => ({ before: position }),
      });
    },
  );

  return { listAuditEntries };
}
