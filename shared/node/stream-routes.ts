import { z } from '@hono/zod-openapi';
import type { Audit } from '../access/audit.ts';
import type { Federation } from '../federation/federation.ts';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Store } from '../store/store.ts';
import type { Api } from '../web/api.ts';
import { instant, nodeCode, page } from '../web/schemas.ts';

const streamView = z
  .strictObject({
    peer: nodeCode,
    reachable: z.boolean(),
    heardAt: instant.optional(),
    release: z.int().optional().openapi({ description: 'The release that the peer has applied' }),
    recovering: z.boolean().optional(),
    clockSkewMs: z.int().optional(),
    behind: z.int().openapi({ description: 'Entries that the peer has not acknowledged' }),
    lastError: z.string().optional(),
    outbound: z.array(
      z.strictObject({
        epoch: z.string(),
        position: z.int(),
        acknowledged: z.int(),
        forked: z.boolean(),
      }),
    ),
    inbound: z.array(z.strictObject({ epoch: z.string(), position: z.int(), forked: z.boolean() })),
  })
  .openapi('Stream');

/** Who is how far behind whom, as this node sees it. */
export function streamRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: { code: NodeCode; store: Store; audit: Audit; federation: Federation },
) {
  const { federation } = deps;
  const listStreams = endpoint(
    {
      method: 'GET',
      path: '/api/v1/streams',
      permission: 'stream.read',
      operationId: 'listStreams',
      tag: 'Federation',
      summary: 'The streams to and from every peer: positions, what waits, who is reachable',
      response: page(streamView),
    },
    async () => {
      const { outbound, inbound, lanes } = await federation.streams();
      const statuses = new Map(federation.liveness.statuses().map((each) => [each.peer, each]));
      const peers = new Set<NodeCode>([
        ...statuses.keys(),
        ...outbound.map(({ peer }) => peer),
        ...inbound.map(({ peer }) => peer),
      ]);
      const items = [...peers].sort().map((peer) => {
        const status = statuses.get(peer);
        const out = outbound.filter((stream) => stream.peer === peer);
        const lastError = lanes.get(peer)?.status().lastError;
        const behind = out.reduce((sum, each) => sum + each.position - each.acknowledged, 0n);
        return {
          peer,
          reachable: status?.reachable ?? false,
          ...(status?.heardAt === undefined ? {} : { heardAt: status.heardAt }),
          ...(status?.release === undefined ? {} : { release: status.release }),
          ...(status?.recovering === undefined ? {} : { recovering: status.recovering }),
          ...(status?.clockSkewMs === undefined ? {} : { clockSkewMs: status.clockSkewMs }),
          behind: Number(behind),
          ...(lastError === undefined ? {} : { lastError }),
          outbound: out.map(({ epoch, position, acknowledged, forked }) => ({
            epoch,
            position: Number(position),
            acknowledged: Number(acknowledged),
            forked: forked === 1n,
          })),
          inbound: inbound
            .filter((stream) => stream.peer === peer)
            .map(({ epoch, position, forked }) => ({
              epoch,
              position: Number(position),
              forked: forked === 1n,
            })),
        };
      });
      return { items, next: null };
    },
  );

  const retryStream = endpoint(
    {
      method: 'POST',
      path: '/api/v1/streams/{peer}/retry',
      permission: 'stream.retry',
      operationId: 'retryStream',
      tag: 'Federation',
      summary: 'Send now what waits for a peer, instead of at the next try',
      params: z.strictObject({ peer: nodeCode }),
      status: 202,
      response: z.strictObject({ peer: nodeCode }),
    },
    async ({ params, principal, traceId }) => {
      const { lanes } = await federation.streams();
      const lane = [...lanes.values()].find(({ peer }) => peer === params.peer);
      if (!lane) throw new DomainError('branch-not-found');
      lane.heard();
      const actor = { id: principal.operatorId, name: principal.name, node: deps.code };
      const entry = { actor, action: 'stream.retry', subject: lane.peer, traceId };
      await deps.store.write((tx) => deps.audit.record(tx, { ...entry, outcome: 'done' }));
      return { peer: lane.peer };
    },
  );

  return { listStreams, retryStream };
}
