import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, createAccess } from '../../../shared/access/access-service.ts';
import { type Actor, type Audit, createAudit } from '../../../shared/access/audit.ts';
import type { PasswordHash } from '../../../shared/access/passwords.ts';
import type { NodeKind, Permission } from '../../../shared/access/permissions.ts';
import type { Duty } from '../../../shared/access/roles.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { Clock } from '../../../shared/time/clock.ts';

export interface TestClock extends Clock {
  advance(ms: number): void;
}

/**
 * Stands still until told; its timers are the system's, since nothing here waits for the time of
 * day.
 */
export function standingClock(startMs = Date.UTC(2025, 5, 30, 9)): TestClock {
  let ms = startMs;
  return {
    nowMs: () => ms,
    advance: (by) => {
      ms += by;
    },
    after(delayMs, fn) {
      const timer = setTimeout(fn, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

const roles: Readonly<Record<string, readonly Permission[]>> = {
  admin: ['operator.manage', 'audit.read', 'node.read'],
  cashier: ['payment.take', 'subscriber.read'],
};

export const byTest: { by: Actor } = { by: { id: 'cli', name: 'cli', node: 'MSK' } };

/** Hashing is slow on purpose; what is tested here does not depend on how slow. */
const cost = { N: 1_024, r: 8, p: 1 };

const hashes = new Map<string, PasswordHash>();

export interface AccessFixture {
  readonly store: Store;
  readonly clock: TestClock;
  readonly audit: Audit;
  readonly access: Access;
  /** A second service on the same store: what a restarted process would know. */
  restarted(own?: Partial<Store>): Access;
  /** As a release does that says something else of a role. */
  setRole(role: string, permissions: readonly Permission[]): void;
  /** As a release does that wants more of a role. */
  setDuty(role: string, duty: Duty): void;
  add(login: string, role: string, password: string, isTemporary?: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function accessFixture(node: NodeKind = 'branch'): Promise<AccessFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sbms-access-'));
  const { store } = await openStore({
    url: `file:${join(folder, 'store.db')}`,
    migrations: [
      { room: 'access', directory: 'shared/access/migrations' },
      { room: 'web', directory: 'shared/web/migrations' },
    ],
  });
  const clock = standingClock();
  const ids = systemIds;
  const audit = createAudit({ clock, ids });
  const roleTable = new Map(Object.entries(roles).map(([role, may]) => [role, new Set(may)]));
  const nothing = new Set<Permission>();
  const permissionsOf = (role: string) => roleTable.get(role) ?? nothing;
  const serverName = 'MSK';
  const duties = new Set<string>();
  const hasDuty = (role: string, duty: Duty) => duties.has(`${role} ${duty}`);
  const made = { store, clock, ids, audit, node, serverName };
  const deps = { ...made, permissionsOf, hasDuty, cost };
  const access = createAccess(deps);
  return {
    ...{ store, clock, audit, access },
    setRole: (role, may) => void roleTable.set(role, new Set(may)),
    setDuty(role, duty) {
      duties.add(`${role} ${duty}`);
      roleTable.set(role, new Set(roleTable.get(role)));
    },
    restarted: (own = {}) => createAccess({ ...deps, store: { ...store, ...own } }),
    async add(login, role, password, isTemporary) {
      const passwordHash = await (hashes.get(password) ?? access.hashPassword(password));
      hashes.set(password, passwordHash);
      await store.write((tx) =>
        access.addOperator(tx, {
          ...{ login, name: `Name of ${login}`, role, passwordHash, isTemporary, ...byTest },
        }),
      );
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
