import { z } from '@hono/zod-openapi';
import type { Audit } from '../access/audit.ts';
import type { Federation } from '../federation/federation.ts';
import type { NodeCode } from '../ids/ids.ts';
import type { Store } from '../store/store.ts';
import type { Api } from '../web/api.ts';
import { nodeCode } from '../web/schemas.ts';

const recoveryView = z
  .strictObject({
    recovering: z.boolean(),
    certain: z.boolean().openapi({
      description:
        'All peers have told this start what they hold of the node; until then no money leaves it',
    }),
    answered: z.array(nodeCode).openapi({ description: 'Peers that gave back what they hold' }),
    awaited: z.array(nodeCode),
    overrides: z
      .int()
      .openapi({ description: 'People who have ended the waiting; two are needed' }),
    overriddenBy: z.array(z.string()).openapi({ description: 'Their operator ids' }),
  })
  .openapi('Recovery');

/** Whom a node waits for after a set-back, or before it pays money out, and how two people end the waiting. */
export function recoveryRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: { node: NodeCode; store: Store; audit: Audit; federation: Federation },
) {
  const { node, store, audit, federation } = deps;

  async function view() {
    const { awaited, ...state } = await federation.recovery.status();
    const overrides = state.overriddenBy.length;
    return { ...state, awaited: state.certain ? [] : awaited, overrides };
  }

  const getRecovery = endpoint(
    {
      method: 'GET',
      path: '/api/v1/recovery',
      permission: 'stream.read',
      operationId: 'getRecovery',
      tag: 'Federation',
      summary:
        'Is this node recovering from an older state, or uncertain of its past, and for whom does it wait?',
      response: recoveryView,
    },
    view,
  );

  const overrideRecovery = endpoint(
    {
      method: 'POST',
      path: '/api/v1/recovery/override',
      permission: 'recovery.override',
      operationId: 'overrideRecovery',
      tag: 'Federation',
      summary:
        'End the waiting for a dead peer, in a recovery or before money is paid out: needs two people',
      body: z.strictObject({ reason: z.string().trim().min(10).max(500) }),
      response: recoveryView,
    },
    async ({ body: { reason }, principal, traceId }) => {
      await store.write(async (tx) => {
        await federation.recovery.override(tx, { operator: principal.operatorId, reason });
        await audit.record(tx, {
          actor: { id: principal.operatorId, name: principal.name, node },
          action: 'recovery.override',
          outcome: 'done',
          detail: { reason },
          traceId,
        });
      });
      return view();
    },
  );

  return { getRecovery, overrideRecovery };
}
