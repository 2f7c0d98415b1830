import { z } from '@hono/zod-openapi';
import type { Access } from '../access/access-service.ts';
import type { Principal } from '../access/operator.ts';
import type { Store } from '../store/store.ts';
import type { AddEndpoint } from './endpoint.ts';
import type { FrameContext } from './exchange.ts';
import { presentedToken } from './guard.ts';
import { typedCode, typedPassword } from './schemas.ts';

const state = z
  .strictObject({
    isSetUp: z.boolean(),
    isRequired: z.boolean().openapi({ description: 'By the role, and not there yet' }),
    recoveryCodesLeft: z.int().nullable(),
  })
  .openapi('SecondFactor');

const offer = z
  .strictObject({
    secret: z.string().openapi({ description: 'Base32, for an authenticator; shown only here' }),
    address: z.string().openapi({ description: 'The same, as `otpauth://`' }),
  })
  .openapi('SecondFactorOffer');

const recoveryCodes = z
  .strictObject({
    recoveryCodes: z.array(z.string()).openapi({
      description: 'Each signs in once instead of a code; shown only here',
    }),
  })
  .openapi('RecoveryCodes');

const proof = z
  .strictObject({
    current: typedPassword.openapi({ description: 'The password' }),
    code: typedCode.optional().openapi({ description: 'Of the second factor that is there' }),
  })
  .openapi('SecondFactorChange');

const common = { permission: 'own-account', tag: 'Second factor' } as const;
const path = '/api/v1/sessions/current/second-factor';

interface SecondFactorRouteDeps {
  readonly access: Access;
  readonly store: Store;
}

interface Asked {
  readonly principal: Principal;
  readonly context: FrameContext;
  readonly traceId: string;
}

const requestOf = ({ principal, context, traceId }: Asked) => ({
  ...{ principal, traceId, source: context.get('exchange').source },
  token: presentedToken(context)?.token ?? '',
});

/**
 * One-time passwords beside the password. None is idempotent by key: a body with a password and an
 * answer with a secret must not be stored.
 */
export function registerSecondFactorEndpoints(endpoint: AddEndpoint, deps: SecondFactorRouteDeps) {
  const { access, store } = deps;

  const getSecondFactor = endpoint(
    {
      ...{ ...common, method: 'GET', path },
      ...{ operationId: 'getSecondFactor', summary: "Whether one's second factor is set up" },
      response: state,
    },
    async ({ principal }) => {
      const left = await store.read((tx) => access.recoveryCodesLeft(tx, principal.operatorId));
      const isRequired = principal.mustSetUpSecondFactor;
      return { isSetUp: left !== undefined, isRequired, recoveryCodesLeft: left ?? null };
    },
  );

  const offerSecondFactor = endpoint(
    {
      ...{ ...common, method: 'POST', path },
      ...{ operationId: 'offerSecondFactor', summary: 'Begin to set up a second factor' },
      description: 'One-time passwords after RFC 6238. Nothing changes before the confirmation.',
      ...{ body: proof, response: offer },
    },
    async ({ body, ...asked }) => access.offerSecondFactor({ ...body, ...requestOf(asked) }),
  );

  const confirmSecondFactor = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/confirmation` },
      operationId: 'confirmSecondFactor',
      summary: 'Prove the new second factor by a code, which ends all other sessions',
      body: z.strictObject({ code: typedCode }).openapi('SecondFactorCode'),
      response: recoveryCodes,
    },
    async ({ body, ...asked }) => ({
      recoveryCodes: [...(await access.confirmSecondFactor({ ...body, ...requestOf(asked) }))],
    }),
  );

  const removeSecondFactor = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/removal` },
      operationId: 'removeSecondFactor',
      summary: "Remove one's second factor, which ends all other sessions",
      body: proof,
    },
    async ({ body, ...asked }) => {
      await access.removeSecondFactor({ ...body, ...requestOf(asked) });
    },
  );

  return { getSecondFactor, offerSecondFactor, confirmSecondFactor, removeSecondFactor };
}
