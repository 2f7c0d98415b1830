import { z } from '@hono/zod-openapi';
import type { Access } from '../access/access-service.ts';
import type { Principal } from '../access/operator.ts';
import { maxPasswordLength, minPasswordLength } from '../access/passwords.ts';
import type { AddEndpoint } from './endpoint.ts';
import { presentedToken } from './guard.ts';
import { instant } from './schemas.ts';

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

const typedPassword = z.string().min(1).max(maxPasswordLength).openapi({ format: 'password' });

const credentials = z
  .strictObject({
    login: z.string().min(1).max(maxTypedLoginLength),
    password: typedPassword,
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

function operatorOf({ login, name, role, permissions, mustChangePassword }: Principal) {
  return { login, name, role, permissions: [...permissions].sort(), mustChangePassword };
}

export function registerSessionEndpoints(endpoint: AddEndpoint, { access }: { access: Access }) {
  const tag = 'Sessions';
  const path = '/api/v1/sessions/current';

  endpoint(
    {
      ...{ method: 'POST', path: '/api/v1/sessions', permission: 'public', tag },
      ...{ operationId: 'signIn', summary: 'Sign in' },
      description: 'A session ends after 30 minutes without a request, and after 12 hours at most.',
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
      ...{ method: 'GET', path, permission: 'signed-in', tag },
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
      ...{ method: 'DELETE', path, permission: 'signed-in', tag },
      ...{ operationId: 'signOut', summary: 'Sign out' },
    },
    async ({ context, traceId }) => {
      await access.signOut(presentedToken(context)?.token ?? '', traceId);
    },
  );

  endpoint(
    {
      ...{ method: 'PUT', path: `${path}/password`, permission: 'signed-in', tag },
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
