import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import { bundleScope } from '../../shared/audit/bundle.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import type { Store } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import type { Api } from '../../shared/web/api.ts';
import type { AuditExport } from './audit-export.ts';
import { writeBundle } from './bundle-file.ts';

export interface AuditRouteDeps {
  store: Store;
  audit: Audit;
  clock: Clock;
  dataDir: string;
  bundles: AuditExport;
}

/** What head office holds, for a third party, into `audit` of its data folder. */
export function auditRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: AuditRouteDeps): void {
  const { store, audit, clock, bundles } = deps;
  endpoint(
    {
      method: 'POST',
      path: '/api/v1/audit-bundles',
      permission: 'audit.export',
      operationId: 'exportAuditBundle',
      tag: 'Maintenance',
      summary: 'Write a file that proves entries, an operation or a settlement to a third party',
      body: bundleScope,
      response: z.strictObject({ file: z.string(), bytes: z.int() }),
    },
    async ({ body, principal, traceId }) => {
      const folder = join(deps.dataDir, 'audit');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = `${headOffice}-${now(clock).replaceAll(/[:.]/g, '-')}-${traceId.slice(0, 8)}`;
      const file = join(folder, `${name}.jsonl`);
      await writeBundle(file, bundles.lines(body));
      await store.write((tx) =>
        audit.record(tx, {
          actor: { id: principal.operatorId, name: principal.name, node: headOffice },
          action: 'audit.export',
          subject: file,
          outcome: 'done',
          detail: { ...body },
          traceId,
        }),
      );
      return { file, bytes: (await stat(file)).size };
    },
  );
}
