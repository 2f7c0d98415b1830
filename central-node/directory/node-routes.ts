import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import type { Federation } from '../../shared/federation/federation.ts';
import { keyStates, keyUses } from '../../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { type Clock, msOf } from '../../shared/time/clock.ts';
import type { Api } from '../../shared/web/api.ts';
import type { AddEndpoint } from '../../shared/web/endpoint.ts';
import { instant, nodeCode, page } from '../../shared/web/schemas.ts';
import { type IssuedCertificate, invitationId } from './enrolment.ts';
import type { Enrolment } from './enrolment-service.ts';

/** Renewal begins ten days before the end. */
const expiringMs = 7 * 24 * 3_600_000;

export interface NodeRouteDeps {
  store: Store;
  clock: Clock;
  audit: Audit;
  federation: Federation;
  enrolment: Enrolment;
  /** The version of the release in force at head office; 0 for none. */
  release: () => number;
  /** Tells the branches of a change of the directory at once. */
  publishDue(): Promise<void>;
}

const nodeView = z
  .strictObject({
    code: nodeCode,
    active: z.boolean(),
    enrolledAt: instant,
    peerUrl: z.string(),
    frontUrl: z.string(),
    reachable: z.boolean(),
    heardAt: instant.optional(),
    codeVersion: z.string().optional(),
    release: z.int().optional(),
    releaseBehind: z.int().optional().openapi({ description: 'Releases that it has not applied' }),
    recovering: z.boolean().optional(),
    clockSkewMs: z.int().optional(),
    behind: z
      .record(z.string(), z.int())
      .optional()
      .openapi({ description: 'Entries that it has not got acknowledged, by node' }),
    certificate: z
      .strictObject({
        serial: z.string(),
        notAfter: instant,
        authority: z.string().optional().openapi({ description: 'SHA-256 of who issued it' }),
        expiring: z.boolean().openapi({ description: 'Ends in under a week, and is not renewed' }),
      })
      .optional()
      .openapi({ description: 'The newest one that is not revoked' }),
    keys: z.array(
      z.strictObject({
        use: z.enum(keyUses),
        key: z.string().openapi({ description: "A signing key's x, a TLS key's SHA-256" }),
        state: z.enum(keyStates),
      }),
    ),
  })
  .openapi('Node');

const isHeld = z.boolean().openapi({ description: 'Not good before another person admits it' });

const tokenView = z
  .strictObject({
    id: z.string().openapi({ description: 'What an admission names' }),
    code: nodeCode,
    createdBy: z.string().openapi({ description: "A person's login" }),
    createdAt: instant,
    expiresAt: instant,
    isHeld,
  })
  .openapi('EnrolmentToken');

const codeParams = z.strictObject({ code: nodeCode });

/** The members of the federation: their state, how one joins, how one is cut off. */
export function nodeRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: NodeRouteDeps) {
  const { store, audit, federation, enrolment } = deps;

  const noting = (principal: Principal, action: string, subject: string) => (tx: Transaction) => {
    const actor = { id: principal.operatorId, name: principal.name, node: headOffice };
    return audit.record(tx, { actor, action, subject, outcome: 'done' });
  };

  /** The change stands; if it cannot be published now, the node tries on. */
  async function tellNow(): Promise<void> {
    await deps.publishDue().catch(() => undefined);
  }

  async function viewOf(branch: Awaited<ReturnType<Enrolment['branches']>>[number]) {
    const status = federation.liveness.statuses().find(({ peer }) => peer === branch.code);
    const [certificate] = (await enrolment.certificates(branch.code)).filter(
      ({ revokedAt }) => revokedAt === null,
    );
    const { code, active, enrolledAt, peerUrl, frontUrl } = branch;
    const known = status?.release === undefined ? {} : releaseOf(status.release);
    return {
      ...{ code, active, enrolledAt, peerUrl, frontUrl },
      reachable: status?.reachable ?? false,
      ...(status?.heardAt === undefined ? {} : { heardAt: status.heardAt }),
      ...(status?.codeVersion === undefined ? {} : { codeVersion: status.codeVersion }),
      ...known,
      ...(status?.recovering === undefined ? {} : { recovering: status.recovering }),
      ...(status?.clockSkewMs === undefined ? {} : { clockSkewMs: status.clockSkewMs }),
      ...(status?.behind === undefined ? {} : { behind: { ...status.behind } }),
      ...(certificate ? { certificate: certificateOf(certificate) } : {}),
      keys: branch.keys.map((key) => ({ ...key })),
    };
  }

  function certificateOf({ serial, notAfter, authoritySha256 }: IssuedCertificate) {
    const expiring = msOf(notAfter) - deps.clock.nowMs() < expiringMs;
    const authority = authoritySha256 === null ? {} : { authority: authoritySha256 };
    return { serial, notAfter, ...authority, expiring };
  }

  function releaseOf(release: number) {
    return { release, releaseBehind: Math.max(0, deps.release() - release) };
  }

  const listNodes = endpoint(
    {
      method: 'GET',
      path: '/api/v1/nodes',
      permission: 'node.read',
      operationId: 'listNodes',
      tag: 'Federation',
      summary: 'Every branch: who is up, who is behind, which release it has, its certificate',
      response: page(nodeView),
    },
    async () => ({
      items: await Promise.all((await enrolment.branches()).map(viewOf)),
      next: null,
    }),
  );

  const createEnrolmentToken = endpoint(
    {
      method: 'POST',
      path: '/api/v1/enrolment-tokens',
      permission: 'branch.enrol',
      operationId: 'createEnrolmentToken',
      tag: 'Federation',
      summary: 'A one-time token with which a branch joins; shown once, good for a day',
      body: z.strictObject({ code: nodeCode }),
      response: z.strictObject({ code: nodeCode, token: z.string(), isHeld }),
    },
    async ({ body, principal }) => {
      const code = body.code as NodeCode;
      const { login: actor, needsSecondPerson } = principal;
      const token = await enrolment.createToken({ code, actor, isHeld: needsSecondPerson });
      await store.write(noting(principal, 'branch.invite', code));
      return { code, token, isHeld: needsSecondPerson };
    },
  );

  const admitNode = endpoint(
    {
      method: 'POST',
      path: '/api/v1/nodes/{code}/admission',
      permission: 'branch.enrol',
      operationId: 'admitNode',
      tag: 'Federation',
      summary: "Make another person's token good, who may not let a branch in alone",
      params: codeParams,
      body: z.strictObject({
        invitation: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .openapi({ description: 'The one that was seen, by its id' }),
      }),
    },
    async ({ params, body, principal }) => {
      const code = params.code as NodeCode;
      const also = noting(principal, 'branch.admit', code);
      const { invitation } = body;
      await enrolment.admit({ code, invitation, actor: principal.login, also });
    },
  );

  const revokeNode = endpoint(
    {
      method: 'POST',
      path: '/api/v1/nodes/{code}/revocation',
      permission: 'branch.revoke',
      operationId: 'revokeNode',
      tag: 'Federation',
      summary: 'Cut a branch off: head office refuses it now, the others by a release made at once',
      params: codeParams,
      response: nodeView,
    },
    async ({ params, principal }) => {
      const code = params.code as NodeCode;
      const known = (await enrolment.branches()).some((branch) => branch.code === code);
      if (!known) throw new DomainError('branch-not-found');
      const branch = await enrolment.revoke({ code }, noting(principal, 'branch.revoke', code));
      await tellNow();
      return viewOf(branch);
    },
  );

  const rekeyNode = endpoint(
    {
      method: 'POST',
      path: '/api/v1/nodes/{code}/rekeying',
      permission: 'branch.rekey',
      operationId: 'rekeyNode',
      tag: 'Federation',
      summary: "End all of a branch's keys at once, and give the token for new ones; shown once",
      params: codeParams,
      response: z.strictObject({ code: nodeCode, token: z.string(), isHeld, release: z.int() }),
    },
    async ({ params, principal }) => {
      const code = params.code as NodeCode;
      const also = noting(principal, 'branch.rekey', code);
      const { login: actor, needsSecondPerson: isHeld } = principal;
      const token = await enrolment.rekey({ code, actor, isHeld, also });
      await tellNow();
      return { code, token, isHeld, release: deps.release() };
    },
  );

  const listEnrolmentTokens = enrolmentTokens(endpoint, enrolment);
  return { listNodes, createEnrolmentToken, listEnrolmentTokens, admitNode, revokeNode, rekeyNode };
}

function enrolmentTokens(endpoint: AddEndpoint, enrolment: Enrolment) {
  return endpoint(
    {
      method: 'GET',
      path: '/api/v1/enrolment-tokens',
      permission: 'branch.enrol',
      operationId: 'listEnrolmentTokens',
      tag: 'Federation',
      summary:
        'The tokens that wait to be used, and who has to admit one; not the tokens themselves',
      response: page(tokenView),
    },
    async () => {
      const tokens = await enrolment.openTokens();
      const items = tokens.map((token) => {
        const { code, createdBy, createdAt, expiresAt, isHeld: held } = token;
        return { id: invitationId(token), code, createdBy, createdAt, expiresAt, isHeld: held };
      });
      return { items, next: null };
    },
  );
}

/** As the pages ask them. */
export type NodeEndpoints = ReturnType<typeof nodeRoutes>;
