import { z } from '@hono/zod-openapi';
import { certificateFacts } from '../federation/certificates.ts';
import { instantOf } from '../time/clock.ts';
import type { Api } from '../web/api.ts';
import { instant, nodeCode } from '../web/schemas.ts';
import type { AdministrationDeps } from './administration.ts';

const nodeState = z
  .strictObject({
    code: nodeCode,
    checks: z.array(
      z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string().optional() }),
    ),
    alarms: z.array(
      z.strictObject({ code: z.string(), detail: z.string(), since: instant, count: z.int() }),
    ),
    certificate: z.strictObject({ notBefore: instant, notAfter: instant }),
    backup: z
      .strictObject({ takenAt: instant })
      .optional()
      .openapi({ description: 'The newest that was looked through; none without it' }),
  })
  .openapi('NodeState');

/** How this node is, for those who look after it. */
export function nodeStateRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: Pick<AdministrationDeps, 'code' | 'alarms' | 'backups' | 'readiness' | 'certPem' | 'clock'>,
) {
  const { clock } = deps;
  const getNodeState = endpoint(
    {
      method: 'GET',
      path: '/api/v1/node',
      permission: 'stream.read',
      operationId: 'getNodeState',
      tag: 'Maintenance',
      summary: 'What `/readyz` checks, alarms in full, the certificate, the newest backup',
      response: nodeState,
    },
    async () => {
      const { checks } = await deps.readiness();
      const { notBefore, notAfter } = certificateFacts(deps.certPem());
      const ageSeconds = deps.backups.ageSeconds();
      const takenAtMs = ageSeconds === undefined ? undefined : clock.nowMs() - ageSeconds * 1_000;
      return {
        code: deps.code,
        checks: Object.entries(checks).map(([name, check]) => ({ name, ...check })),
        alarms: deps.alarms.list().map((alarm) => ({ ...alarm })),
        certificate: { notBefore: instantOf(notBefore), notAfter: instantOf(notAfter) },
        ...(takenAtMs === undefined ? {} : { backup: { takenAt: instantOf(takenAtMs) } }),
      };
    },
  );
  return { getNodeState };
}
