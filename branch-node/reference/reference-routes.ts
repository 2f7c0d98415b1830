import { z } from '@hono/zod-openapi';
import { DomainError } from '../../shared/problem/problem.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import { releasePolicy } from '../../shared/reference/release-policy.ts';
import type { Api } from '../../shared/web/api.ts';
import { instant } from '../../shared/web/schemas.ts';

const referenceView = z
  .strictObject({
    version: z.int().openapi({ description: 'The release in force' }),
    effectiveFrom: instant,
    heldVersion: z.int().openapi({ description: 'The highest release held, in force or not yet' }),
    confirmedAt: instant
      .optional()
      .openapi({ description: 'When head office last said that the release held is the latest' }),
    ageSeconds: z.int().openapi({ description: 'Since then, or since it was stored' }),
    state: z.enum(['normal', 'notice', 'limited', 'known-only']).openapi({
      description:
        'Up to 24 h, up to 72 h, up to 7 days (lower caps, no plan changes), over that (other branches only for subscribers they know)',
    }),
    plansMayChange: z.boolean(),
    failure: z
      .strictObject({ at: instant, code: z.string() })
      .optional()
      .openapi({ description: 'Why a newer release could not be applied' }),
  })
  .openapi('ReferenceState');

/** How far this branch's reference data can be trusted now. */
export function referenceRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  { references }: { references: ReferenceService },
): void {
  endpoint(
    {
      method: 'GET',
      path: '/api/v1/reference',
      permission: 'reference.read',
      operationId: 'getReferenceState',
      tag: 'Reference data',
      summary: 'The release in force, and since when head office has not confirmed it',
      response: referenceView,
    },
    async () => {
      const [inForce, freshness] = [references.current(), references.freshness()];
      if (!inForce || !freshness) throw new DomainError('no-release');
      const { version, confirmedAt, ageMs } = freshness;
      const { state, plansMayChange } = releasePolicy(ageMs);
      const failure = references.lastFailure();
      return {
        version: inForce.version,
        effectiveFrom: inForce.effectiveFrom,
        heldVersion: version,
        ...(confirmedAt ? { confirmedAt } : {}),
        ageSeconds: Math.floor(ageMs / 1_000),
        ...{ state, plansMayChange },
        ...(failure ? { failure: { at: failure.at, code: failure.code } } : {}),
      };
    },
  );
}
