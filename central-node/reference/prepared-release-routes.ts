import { z } from '@hono/zod-openapi';
import type { Principal } from '../../shared/access/operator.ts';
import { keySetStatement } from '../../shared/reference/release-keys.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { instant } from '../../shared/web/schemas.ts';
import type { PreparedReleases } from './prepared-releases.ts';

const jsonObject = z.record(z.string(), z.unknown());

/** A release for the holders of release keys: given out to be signed, and taken back. */
export function preparedReleaseRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: {
    prepared: PreparedReleases;
    noting(
      principal: Principal,
      action: string,
      subject: string,
    ): (tx: Transaction) => Promise<void>;
  },
): void {
  const { prepared, noting } = deps;

  endpoint(
    {
      method: 'POST',
      path: '/api/v1/prepared-releases',
      permission: 'reference.publish',
      operationId: 'prepareRelease',
      tag: 'Reference data',
      summary: 'Make the draft a release for the holders of release keys to sign',
      body: z.strictObject({
        effectiveFrom: instant.optional(),
        nextKeys: keySetStatement.optional(),
      }),
      response: z.strictObject({
        manifest: jsonObject,
        contents: z.record(z.string(), z.string()),
      }),
    },
    async ({ body: { effectiveFrom, nextKeys }, principal }) => {
      const also = noting(principal, 'reference.prepare', 'release');
      const wish = { actor: principal.login, effectiveFrom, nextKeys, also };
      const { manifest, contents } = await prepared.prepare(wish);
      return { manifest: { ...manifest }, contents: { ...contents } };
    },
  );

  endpoint(
    {
      method: 'POST',
      path: '/api/v1/prepared-releases/current/approvals',
      permission: 'reference.publish',
      operationId: 'approveRelease',
      tag: 'Reference data',
      summary: "Hand in a release key's signature of the prepared release",
      body: z.strictObject({ approval: z.string().max(2_048) }),
      response: z.strictObject({ signed: z.int(), needed: z.int() }),
    },
    async ({ body: { approval }, principal }) =>
      prepared.approve(approval, noting(principal, 'reference.approve', 'release')),
  );
}
