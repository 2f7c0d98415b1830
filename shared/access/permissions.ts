/**
 * Everything a person can be allowed, one line each: where it exists and what it allows. Endpoints,
 * page elements and roles all name these; a permission that is missing here does not compile.
 */
export const permissions = {
  'subscriber.read': ['branch', 'Find subscribers and see their cards, identifiers masked'],
  'subscriber.register': ['branch', 'Register customers and subscribers'],
  'subscriber.personal': ['branch', 'See and change personal data'],
  'subscriber.block': ['branch', 'Block and unblock subscribers'],
  'subscriber.terminate': ['branch', "End a subscriber's contract"],
  'payment.take': ['branch', 'Take payments'],
  'payment.cancel': ['branch', 'Cancel payments'],
  'suspense.read': ['branch', 'See money in suspense'],
  'suspense.resolve': ['branch', 'Refund or redirect money in suspense'],
  'sim.replace': ['branch', 'Replace SIM cards'],
  'sim.stock': ['branch', 'Receive and issue SIM cards and numbers'],
  'rate-plan.change': ['branch', 'Change rate plans'],
  'service.change': ['branch', 'Switch services on and off'],
  'number.move': ['branch', 'Move numbers between branches'],
  'operation.read': ['branch', 'See operations and their life'],
  'day.close': ['branch', 'Close the business day'],
  'settlement.recheck': ['branch', 'Check a disputed settlement again'],
  'node.read': ['centre', 'See the state of every node'],
  'branch.enrol': ['centre', 'Let a branch join the federation'],
  'branch.revoke': ['centre', 'Revoke a branch or its certificates'],
  'branch.rekey': ['centre', "End a branch's keys and let it enrol again with new ones"],
  'reference.edit': ['centre', 'Edit the draft of the reference data'],
  'reference.publish': ['centre', 'Sign and publish a release'],
  'reconciliation.read': ['centre', 'See reconciliation and its legs'],
  'case.work': ['centre', 'Work mismatch cases'],
  'settlement.make': ['centre', 'Prepare settlements'],
  'settlement.check': ['centre', 'Approve settlements that another person prepared'],
  'audit.export': ['centre', 'Hand proofs of entries and settlements to a third party'],
  'reference.read': ['both', 'See the reference data in force'],
  'case.read': ['both', 'See mismatch cases'],
  'settlement.read': ['both', 'See settlement windows, positions and statements'],
  'ledger.read': ['both', 'See ledger accounts and journal entries'],
  'stream.read': ['both', 'See the federation log and its streams'],
  'stream.retry': ['both', 'Send at once what waits for another node'],
  'operator.manage': ['both', 'Add and disable operators, set their passwords'],
  'audit.read': ['both', 'Read the audit trail'],
  'keys.manage': ['both', "See and rotate the node's keys; at head office the authority too"],
  'backup.take': ['both', 'Take a backup of the store'],
  'recovery.override': ['both', 'Decide how a recovering node goes on'],
} as const satisfies Record<string, readonly [where: NodeKind | 'both', allows: string]>;

export type NodeKind = 'branch' | 'centre';
export type Permission = keyof typeof permissions;

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(permissions, text);
}

/** True when a node of this kind has anything that the permission allows. */
export function existsAt(permission: Permission, node: NodeKind): boolean {
  const [where] = permissions[permission];
  return where === 'both' || where === node;
}
