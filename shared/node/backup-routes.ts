import { z } from '@hono/zod-openapi';
import type { Api } from '../web/api.ts';
import { instant } from '../web/schemas.ts';
import type { AdministrationDeps } from './administration.ts';

const backupView = z
  .strictObject({
    file: z.string(),
    node: z.string(),
    takenAt: instant,
    bytes: z.int(),
    sha256: z.string(),
    log: z.strictObject({ epoch: z.string(), seq: z.int() }).openapi({
      description: "The newest entry of the node's log in it",
    }),
  })
  .openapi('Backup');

/** A consistent copy of the running node, into `backups` of its data folder. */
export function backupRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  node: Pick<AdministrationDeps, 'code' | 'store' | 'audit' | 'backups'>,
) {
  const takeBackup = endpoint(
    {
      method: 'POST',
      path: '/api/v1/backups',
      permission: 'backup.take',
      operationId: 'takeBackup',
      tag: 'Maintenance',
      summary: 'Write a copy of the running node, look it through, keep the newest ones',
      response: backupView,
    },
    async ({ principal, traceId }) => {
      const taken = await node.backups.take();
      await node.store.write((tx) =>
        node.audit.record(tx, {
          actor: { id: principal.operatorId, name: principal.name, node: node.code },
          action: 'backup.take',
          subject: taken.file,
          outcome: 'done',
          detail: { sha256: taken.sha256 },
          traceId,
        }),
      );
      return taken;
    },
  );

  return { takeBackup };
}
