import { Hono } from 'hono';
import type { z } from 'zod';
import {
  enrolmentRequest,
  keysAdoption,
  keysRequest,
  lateRenewalRequest,
  renewalRequest,
} from '../../shared/federation/enrolment-messages.ts';
import { callerOf, type PeerBindings } from '../../shared/federation/peer-server.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { BranchKeys } from './branch-keys.ts';
import type { Enrolment } from './enrolment-service.ts';

/**
 * How nodes get certificates. `/enrolment/…` is reachable without one (the token speaks);
 * renewal is for a proved peer. Goes behind the peer server, which bounds the bodies, and into its
 * app, which answers and reports what is refused.
 */
export function createEnrolmentRoutes(deps: {
  enrolment: Enrolment;
  branchKeys: BranchKeys;
  /** How head office's signing key came to be what it is. */
  successors(): Promise<string[]>;
}) {
  const { branchKeys } = deps;
  const routes = new Hono<{ Bindings: PeerBindings }>();

  routes.get('/enrolment/ca.pem', (c) =>
    c.body(deps.enrolment.authorityPem(), 200, { 'content-type': 'application/x-pem-file' }),
  );

  routes.post('/enrolment/requests', async (c) => {
    const request = parse(enrolmentRequest, await c.req.text());
    return c.json(await deps.enrolment.enrol(request, c.env.address), 201);
  });

  routes.post('/peer/v1/certificates', async (c) => {
    const { csrPem } = parse(renewalRequest, await c.req.text());
    return c.json(await deps.enrolment.renew({ caller: callerOf(c.env), csrPem }), 201);
  });

  routes.post('/enrolment/renewals', async (c) => {
    const request = parse(lateRenewalRequest, await c.req.text());
    return c.json(await branchKeys.renewLate(request, c.env.address), 201);
  });

  routes.get('/peer/v1/head-office-keys', async (c) => {
    callerOf(c.env);
    return c.json({ items: await deps.successors() });
  });

  routes.post('/peer/v1/keys', async (c) => {
    const request = parse(keysRequest, await c.req.text());
    return c.json(await branchKeys.announce(callerOf(c.env), request), 201);
  });

  routes.post('/peer/v1/keys/adoption', async (c) => {
    const { signingKey } = parse(keysAdoption, await c.req.text());
    const { tlsKeySha256 = '' } = c.env;
    await deps.enrolment.adoptKeys({ caller: callerOf(c.env), tlsKeySha256, signingKey });
    return c.json({});
  });

  return routes;
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  const result = schema.safeParse(parseJson(text));
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({
    field: path.join('.') || 'body',
    message,
  }));
  throw new DomainError('invalid-input', undefined, { errors });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DomainError('invalid-input', 'The body is not JSON.', { cause });
  }
}
