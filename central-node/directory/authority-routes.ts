import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import { type NodeIdentity, signingKeyId } from '../../shared/federation/identity.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { instant, nodeCode } from '../../shared/web/schemas.ts';
import type { AuthorityService } from './authority-service.ts';
import type { HeadOfficeKeys } from './head-office-keys.ts';

const authorityView = z
  .strictObject({
    authorities: z.array(
      z.strictObject({
        sha256: z.string(),
        state: z.enum(['issuing', 'trusted']),
        notAfter: instant,
      }),
    ),
    waitingFor: z.array(nodeCode).openapi({
      description: 'Active branches without a certificate of the new authority or its release',
    }),
    signingKey: z.string().openapi({ description: "The thumbprint of head office's own key" }),
    rotation: z.enum(['none', 'announced']).openapi({
      description: 'announced: its successor is used once every reachable branch knows it',
    }),
  })
  .openapi('Authority');

const flag = (description: string) => z.boolean().default(false).openapi({ description });
const stolen = flag('Nothing follows from the old one: every branch has to enrol again');

/** The federation's certificate authority and head office's signing key, and their succession. */
export function authorityRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: {
    audit: Audit;
    authority: AuthorityService;
    headOfficeKeys: HeadOfficeKeys;
    identity: () => NodeIdentity;
    /** Tells the branches of a change of the directory at once. */
    publishDue(): Promise<void>;
  },
): void {
  const { authority, headOfficeKeys } = deps;

  const noting = (principal: Principal, action: string, detail: object) => (tx: Transaction) => {
    const actor = { id: principal.operatorId, name: principal.name, node: headOffice };
    const record = { actor, action, subject: headOffice, outcome: 'done', detail } as const;
    return deps.audit.record(tx, record);
  };

  async function view() {
    return {
      ...(await authority.status()),
      signingKey: await signingKeyId(deps.identity().signingKey),
      rotation: await headOfficeKeys.state(),
    };
  }

  /** The change stands; if it cannot be published now, the node tries on. */
  async function told() {
    await deps.publishDue().catch(() => undefined);
    return view();
  }

  const common = { permission: 'keys.manage', tag: 'Federation', response: authorityView } as const;

  endpoint(
    {
      ...common,
      method: 'GET',
      path: '/api/v1/authority',
      operationId: 'getAuthority',
      summary: "The certificate authorities that are believed, and head office's signing key",
    },
    view,
  );

  endpoint(
    {
      ...common,
      method: 'POST',
      path: '/api/v1/authority/roll',
      operationId: 'rollAuthority',
      summary: 'Let a new authority issue all certificates; the old one stays believed',
      body: z.strictObject({ stolen }),
    },
    async ({ body, principal }) => {
      await authority.roll(body, noting(principal, 'authority.roll', body));
      return told();
    },
  );

  endpoint(
    {
      ...common,
      method: 'POST',
      path: '/api/v1/authority/retirement',
      operationId: 'retireAuthority',
      summary: 'Believe the old authority no more; refused while a branch needs it',
      body: z.strictObject({ force: flag('Also if branches still need it') }),
    },
    async ({ body, principal }) => {
      await authority.retire(body, noting(principal, 'authority.retire', body));
      return told();
    },
  );

  endpoint(
    {
      ...common,
      method: 'POST',
      path: '/api/v1/head-office-key/rotation',
      operationId: 'rotateHeadOfficeKey',
      summary: 'Announce a new signing key of head office; it is used once the branches know it',
      body: z.strictObject({ stolen }),
    },
    async ({ body, principal }) => {
      const also = noting(principal, 'head-office-key.rotate', body);
      if (body.stolen) await headOfficeKeys.replaceStolen(also);
      else await headOfficeKeys.begin(also);
      return told();
    },
  );
}
