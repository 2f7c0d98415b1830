import { z } from '@hono/zod-openapi';
import type { Access } from '../access/access-service.ts';
import type { Principal } from '../access/operator.ts';
import { maxPasswordLength, minPasswordLength } from '../access/passwords.ts';
import type { Store } from '../store/store.ts';
import type { AddEndpoint } from './endpoint.ts';
import type { FrameContext } from './exchange.ts';
import { presentedToken } from './guard.ts';
import { instant, sessionId, typedCode, typedPassword } from './schemas.ts';

const maxTypedLoginLength = 64;

const signedInOperator = z
  .strictObject({
    login: z.string(),
    name: z.string(),
    role: z.string(),
    permissions: z.array(z.string()),
    mustChangePassword: z.boolean().openapi({
      description: 'Until then what needs a permission is refused with `password-temporary`',
    }),
    hasSecondFactor: z.boolean(),
    mustSetUpSecondFactor: z.boolean().openapi({
      description: 'Until then what needs a permission is refused with `second-factor-missing`',
    }),
    needsSecondPerson: z.boolean().openapi({
      description: 'Whom or what he lets in waits for the approval of another person',
    }),
  })
  .openapi('SignedInOperator');

const session = z
  .strictObject({ expiresAt: instant, operator: signedInOperator })
  .openapi('Session');

const newSession = z
  .strictObject({
    token: z.string().openapi({ description: 'For `Authorization: Bearer`; shown only here' }),
    ...session.shape,
  })
  .openapi('NewSession');

/** One's own, those used last first. */
const ownSession = z
  .strictObject({
    id: z.string(),
    startedAt: instant,
    seenAt: instant.openapi({ description: 'To the minute' }),
    source: z.string().nullable().openapi({ description: 'The address it was opened from' }),
    isCurrent: z.boolean(),
  })
  .openapi('OwnSession');

const credentials = z
  .strictObject({
    login: z.string().min(1).max(maxTypedLoginLength),
    password: typedPassword,
    code: typedCode.optional(),
  })
  .openapi('Credentials');

const passwordChange = z
  .strictObject({
    current: typedPassword,
    password: z
      .string()
      .min(minPasswordLength)
      .max(maxPasswordLength)
      .openapi({ format: 'password' }),
  })
  .openapi('PasswordChange');

function operatorOf({ operatorId: _, permissions, ...shown }: Principal) {
  return { ...shown, permissions: [...permissions].sort() };
}

const tag = 'Sessions';
const all = '/api/v1/sessions';
const path = `${all}/current`;

interface SessionRouteDeps {
  readonly access: Access;
  readonly store: Store;
}

export function registerSessionEndpoints(endpoint: AddEndpoint, deps: SessionRouteDeps) {
  registerSignIn(endpoint, deps);
  return registerOwnSessions(endpoint, deps);
}

function registerSignIn(endpoint: AddEndpoint, { access }: SessionRouteDeps) {
  endpoint(
    {
      ...{ method: 'POST', path: all, permission: 'public', tag },
      ...{ operationId: 'signIn', summary: 'Sign in' },
      description: [
        'A session ends after 30 minutes without a request, and after 12 hours at most.',
        'Who has a second factor and sends no `code` is refused with `second-factor-required`.',
      ].join(' '),
      body: credentials,
      response: newSession,
    },
    async ({ body, traceId, context }) => {
      const { source } = context.get('exchange');
      const { token, principal, expiresAt } = await access.signIn({ ...body, source, traceId });
      return { token, expiresAt, operator: operatorOf(principal) };
    },
  );

  endpoint(
    {
      ...{ method: 'GET', path, permission: 'own-password', tag },
      ...{ operationId: 'currentSession', summary: 'Who is signed in, and what they may do' },
      response: session,
    },
    async ({ principal, context }) => {
      const token = presentedToken(context)?.token ?? '';
      const expiresAt = (await access.expiresAt(token)) ?? '';
      return { expiresAt, operator: operatorOf(principal) };
    },
  );

  endpoint(
    {
      ...{ method: 'DELETE', path, permission: 'own-password', tag },
      ...{ operationId: 'signOut', summary: 'Sign out' },
    },
    async ({ context, traceId }) => {
      await access.signOut(presentedToken(context)?.token ?? '', traceId);
    },
  );

  endpoint(
    {
      ...{ method: 'PUT', path: `${path}/password`, permission: 'own-password', tag },
      ...{
        operationId: 'changePassword',
        summary: 'Choose a new password, which ends all sessions',
      },
      body: passwordChange,
    },
    async ({ body, principal, context, traceId }) => {
      const { source } = context.get('exchange');
      await access.changePassword({ ...body, principal, source, traceId });
    },
  );
}

function registerOwnSessions(endpoint: AddEndpoint, { access, store }: SessionRouteDeps) {
  const common = { permission: 'own-account', tag } as const;
  const tokenOf = (context: FrameContext) => presentedToken(context)?.token ?? '';

  const listOwnSessions = endpoint(
    {
      ...{ ...common, method: 'GET', path: all },
      ...{ operationId: 'listOwnSessions', summary: "One's own sessions, at most 200" },
      response: z.strictObject({ items: z.array(ownSession) }).openapi('OwnSessions'),
    },
    async ({ principal, context }) => {
      const request = { principal, token: tokenOf(context) };
      return { items: await store.read((tx) => access.ownSessions(tx, request)) };
    },
  );

  const endOtherSessions = endpoint(
    {
      ...{ ...common, method: 'DELETE', path: all },
      ...{ operationId: 'endOtherSessions', summary: "End all of one's sessions but this one" },
    },
    async ({ principal, context, traceId }) => {
      await access.endOtherSessions({ principal, token: tokenOf(context), traceId });
    },
  );

  const endOwnSession = endpoint(
    {
      ...{ ...common, method: 'DELETE', path: `${all}/{id}` },
      ...{ operationId: 'endOwnSession', summary: "End one of one's sessions" },
      params: z.strictObject({ id: sessionId }),
    },
    async ({ params, principal, context, traceId }) => {
      await access.endOwnSession({ ...params, principal, token: tokenOf(context), traceId });
    },
  );

  return { listOwnSessions, endOtherSessions, endOwnSession };
}
