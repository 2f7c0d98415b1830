import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from '@hono/zod-openapi';
import { now } from '../time/clock.ts';
import { instant } from '../web/schemas.ts';
import type { Node } from './node.ts';

/** A consistent copy of the running node, into `backups` of its data folder. */
export function backupRoutes(
  { endpoint }: Pick<Node['api'], 'endpoint'>,
  node: Pick<Node, 'code' | 'config' | 'store' | 'audit' | 'clock'>,
): void {
  endpoint(
    {
      method: 'POST',
      path: '/api/v1/backups',
      permission: 'backup.take',
      operationId: 'takeBackup',
      tag: 'Maintenance',
      summary: 'Write a consistent copy of the running node',
      response: z.strictObject({ file: z.string(), bytes: z.int(), takenAt: instant }),
    },
    async ({ principal, traceId }) => {
      const takenAt = now(node.clock);
      const folder = join(node.config.dataDir, 'backups');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, `${node.code}-${takenAt.replaceAll(/[:.]/g, '-')}.db`);
      await node.store.backup(file);
      await node.store.write((tx) =>
        node.audit.record(tx, {
          actor: { id: principal.operatorId, name: principal.name, node: node.code },
          action: 'backup.take',
          subject: file,
          outcome: 'done',
          traceId,
        }),
      );
      return { file, bytes: (await stat(file)).size, takenAt };
    },
  );
}
