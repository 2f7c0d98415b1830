import { isPermission, type NodeKind, type Permission, permissions } from './permissions.ts';

/** What a release says of roles. */
export interface RoleTable {
  permissionsOf(role: string, node: NodeKind): ReadonlySet<string>;
}

/** Until a first release says what roles may do, the administrator may do everything. */
const firstRoles: ReadonlyMap<string, NodeKind> = new Map([
  ['branch-admin', 'branch'],
  ['centre-admin', 'centre'],
]);
const everything: ReadonlySet<string> = new Set(Object.keys(permissions));
const nothing: ReadonlySet<string> = new Set();

/**
 * What a role may do at this node by the release in force at that moment. The same set comes back
 * until the release changes, so that asking at every request costs nothing.
 */
export function createRoles(
  node: NodeKind,
  inForce: () => RoleTable | undefined,
): (role: string) => ReadonlySet<Permission> {
  const known = new WeakMap<ReadonlySet<string>, ReadonlySet<Permission>>();
  return (role) => {
    const first = firstRoles.get(role) === node ? everything : nothing;
    const names = inForce()?.permissionsOf(role, node) ?? first;
    const made = known.get(names) ?? new Set([...names].filter(isPermission));
    known.set(names, made);
    return made;
  };
}

/**
 * Rows of the roles that allow nothing. Who has such a role needs a second factor; needs another
 * person for letting people and branches in.
 */
export type Duty = 'second-factor.required' | 'second-person.required';
export type HasDuty = (role: string, duty: Duty) => boolean;

/** What a role asks of its people, by the release in force at that moment. */
export function createDuties(node: NodeKind, inForce: () => RoleTable | undefined): HasDuty {
  return (role, duty) => inForce()?.permissionsOf(role, node).has(duty) ?? false;
}

/** The roles of a kind of node as the release in force has them, and what each may do. */
export function rolesOf(
  kind: NodeKind,
  rows: readonly { role: string; node: NodeKind; permission: string }[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    if (row.node !== kind) continue;
    found.set(row.role, [...(found.get(row.role) ?? []), row.permission]);
  }
  return found;
}
