import { z } from '@hono/zod-openapi';
import type { Access } from '../access/access-service.ts';
import { loginPattern, maxNameLength, type Operator, type Principal } from '../access/operator.ts';
import { maxPasswordLength, minPasswordLength } from '../access/passwords.ts';
import type { Store } from '../store/store.ts';
import { decodeCursor, pageOf } from './cursor.ts';
import type { AddEndpoint } from './endpoint.ts';
import { cursorQuery, instant, limitQuery, page } from './schemas.ts';

const login = z
  .string()
  .regex(loginPattern, 'must be 2 to 32 of a–z, 0–9, dot, dash, underscore')
  .openapi({ example: 'anna.petrova' });
const password = z
  .string()
  .min(minPasswordLength)
  .max(maxPasswordLength)
  .openapi({ format: 'password' });

const temporary = z.boolean().default(true).openapi({
  description: 'Good for 7 days, and for nothing that needs a permission; false for a program',
});

const operator = z
  .strictObject({
    login: z.string(),
    name: z.string(),
    role: z.string(),
    disabled: z.boolean(),
    createdAt: instant,
    hasSecondFactor: z.boolean(),
    isHeld: z.boolean().openapi({ description: 'Stays out until another person approves' }),
  })
  .openapi('Operator');

const newOperator = z
  .strictObject({
    login,
    name: z.string().trim().min(1).max(maxNameLength),
    role: z.string().min(1).max(64),
    password,
    temporary,
  })
  .openapi('NewOperator');

const cursorKey = z.strictObject({ login: z.string() });

function wireOperator({ id: _, heldBy, ...shown }: Operator): z.input<typeof operator> {
  return { ...shown, isHeld: heldBy !== undefined };
}

const common = { permission: 'operator.manage', tag: 'Operators' } as const;
const path = '/api/v1/operators';

interface OperatorRouteDeps {
  readonly access: Access;
  readonly store: Store;
  readonly serverName: string;
}

export function registerOperatorEndpoints(endpoint: AddEndpoint, deps: OperatorRouteDeps) {
  return { ...registerList(endpoint, deps), ...registerChanges(endpoint, deps) };
}

function registerList(endpoint: AddEndpoint, { access, store, serverName }: OperatorRouteDeps) {
  const listOperators = endpoint(
    {
      ...{ ...common, method: 'GET', path },
      ...{ operationId: 'listOperators', summary: 'Operators by login' },
      query: z.strictObject({ limit: limitQuery, cursor: cursorQuery }),
      response: page(operator),
    },
    async ({ query: { limit, cursor } }) => {
      const after = decodeCursor(cursor, cursorKey)?.login;
      const rows = await store.read((tx) => access.operators(tx, { after, limit: limit + 1 }));
      return pageOf(rows, limit, { item: wireOperator, key: (last) => ({ login: last.login }) });
    },
  );

  // Not idempotent by key: the hash of a body with a password must not be stored. A repeat is
  // refused as `login-taken`.
  const addOperator = endpoint(
    {
      ...{ ...common, method: 'POST', path },
      ...{ operationId: 'addOperator', summary: 'Add an operator' },
      body: newOperator,
      response: operator,
    },
    async ({ body: { password, temporary, ...body }, principal, traceId, idempotency }) => {
      const passwordHash = await access.hashPassword(password, [body.login, body.name]);
      const by = byOf(principal, serverName);
      const added = { ...body, passwordHash, isTemporary: temporary, ...by, traceId };
      return idempotency.write(async (tx) => wireOperator(await access.addOperator(tx, added)));
    },
  );

  return { listOperators, addOperator };
}

function registerChanges(endpoint: AddEndpoint, { access, serverName }: OperatorRouteDeps) {
  const setPassword = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/{login}/password` },
      ...{ operationId: 'setPassword', summary: 'Set a password, which ends all sessions' },
      params: z.strictObject({ login }),
      body: z.strictObject({ password, temporary }).openapi('NewPassword'),
    },
    async ({ params, body, principal, traceId, idempotency }) => {
      const passwordHash = await access.hashPassword(body.password, [params.login]);
      const by = byOf(principal, serverName);
      const isTemporary = body.temporary;
      await idempotency.write((tx) =>
        access.setPassword(tx, { ...params, passwordHash, isTemporary, ...by, traceId }),
      );
    },
  );

  const disableOperator = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/{login}/disablement` },
      ...{
        operationId: 'disableOperator',
        summary: 'Disable an operator, which ends all sessions',
      },
      ...{ status: 200, idempotent: true },
      params: z.strictObject({ login }),
      response: operator,
    },
    async ({ params, principal, traceId, idempotency }) =>
      idempotency.write(async (tx) =>
        wireOperator(
          await access.disable(tx, { ...params, ...byOf(principal, serverName), traceId }),
        ),
      ),
  );

  const dropSecondFactor = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/{login}/second-factor-removal` },
      operationId: 'dropSecondFactor',
      summary: "Remove another's second factor, which ends all his sessions",
      params: z.strictObject({ login }),
    },
    async ({ params, principal, traceId, idempotency }) => {
      const by = byOf(principal, serverName);
      await idempotency.write((tx) => access.dropSecondFactor(tx, { ...params, ...by, traceId }));
    },
  );

  const approveOperator = endpoint(
    {
      ...{ ...common, method: 'POST', path: `${path}/{login}/approval` },
      operationId: 'approveOperator',
      summary: 'Let in whom another person added or gave a new password, and may not alone',
      ...{ status: 200, idempotent: true },
      params: z.strictObject({ login }),
      response: operator,
    },
    async ({ params, principal, traceId, idempotency }) => {
      const by = byOf(principal, serverName);
      return idempotency.write(async (tx) =>
        wireOperator(await access.approve(tx, { ...params, ...by, traceId })),
      );
    },
  );

  return { setPassword, disableOperator, dropSecondFactor, approveOperator };
}

function byOf({ operatorId: id, name, needsSecondPerson }: Principal, node: string) {
  return { by: { id, name, node }, needsSecondPerson };
}
