import type { Operations } from '../../../branch-node/operations/operation-service.ts';
import { simRoutes } from '../../../branch-node/sim/sim-routes.ts';
import { subscriberDeskRoutes } from '../../../branch-node/subscribers/subscriber-desk-routes.ts';
import { subscriberRoutes } from '../../../branch-node/subscribers/subscriber-routes.ts';
import { createAccess } from '../../../shared/access/access-service.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { answerOf } from '../web/api-fixture.ts';
import { type Branch, today } from './branches-fixture.ts';

const password = 'correct horse battery';
const clerkPermissions: readonly Permission[] = [
  ...(['subscriber.read', 'subscriber.register', 'subscriber.personal', 'sim.stock'] as const),
  ...(['sim.replace', 'rate-plan.change', 'service.change', 'subscriber.block'] as const),
  ...(['number.move'] as const),
];
const roles: Readonly<Record<string, readonly Permission[]>> = {
  clerk: clerkPermissions,
  cashier: ['subscriber.read'],
  shop: ['subscriber.register', 'sim.replace', 'operation.read'],
  visitor: ['operation.read'],
};
/** A branch with its front door, and somebody of each role signed in. */
export async function frontOf(
  branch: Branch,
  recall: Operations['recall'] = async () => undefined,
) {
  const { node, store, clock, ids, audit, base, sims, numbers, subscribers } = branch;
  const access = createAccess({
    ...{ store, clock, ids, audit, node: 'branch', serverName: node },
    permissionsOf: (role) => new Set(roles[role] ?? []),
  });
  const logger = createLogger({ clock, node, level: 'silent' });
  const api = createApi({
    ...{ title: node, version: '1', store, access, audit, clock, ids, logger, serverName: node },
  });
  const { desk, customers, directory } = branch;
  subscriberRoutes(api, {
    ...{ node, store, subscribers, directory, reference: base.reference },
    businessDate: async () => today,
  });
  subscriberDeskRoutes(api, { node, ids, desk, customers, recall });
  simRoutes(api, { node, store, audit, sims, numbers });

  const passwordHash = await access.hashPassword(password);
  const tokens: Record<string, string> = {};
  for (const role of Object.keys(roles)) {
    const operator = { login: role, name: role, role, passwordHash };
    const by = { id: 'test', name: 'test', node };
    await store.write((tx) => access.addOperator(tx, { ...operator, by }));
    tokens[role] = (await access.signIn({ login: role, password, source: 'test' })).token;
  }

  return async (
    method: string,
    path: string,
    { as = 'clerk', body, key }: { as?: string; body?: object; key?: string } = {},
  ) => {
    const headers: Record<string, string> = { authorization: `Bearer ${tokens[as]}` };
    if (body) headers['content-type'] = 'application/json';
    if (key) headers['idempotency-key'] = key;
    const response = await api.app.request(`/api/v1/${path}`, {
      ...{ method, headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const { status, json } = await answerOf(response);
    return { status, json };
  };
}
