import { Hono } from 'hono';
import type { PeerEnv } from '../federation/peer-routes.ts';
import { DomainError } from '../problem/problem.ts';
import type { ReferenceService } from './reference-service.ts';

/**
 * Releases and data sets for peers: every node serves what it has, since all of it is signed. `latest` is HQ's alone.
 */
export function referencePeerRoutes(deps: {
  references: ReferenceService;
  latest?: () => Promise<string>;
}): Hono<PeerEnv> {
  const { references, latest } = deps;
  const routes = new Hono<PeerEnv>();
  routes.get('/peer/v1/releases/latest', async (context) => {
    if (!latest) throw new DomainError('not-found', 'Only head office says which is the latest.');
    return context.text(await latest());
  });
  routes.get('/peer/v1/releases/:version{\\d{1,9}}', async (context) =>
    context.text(await references.manifest(Number(context.req.param('version')))),
  );
  routes.get('/peer/v1/datasets/:sha256{[0-9a-f]{64}}', async (context) =>
    context.text(await references.datasetContent(context.req.param('sha256'))),
  );
  return routes;
}
