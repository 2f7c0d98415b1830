import { readCommandSecret } from './command-secret.ts';
import type { Node } from './node.ts';

/** An operator as the command line names one; without a file the password is read from standard input. */
export interface OfflineOperator {
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly passwordFile?: string;
}

/** Who changes a node that is not running. */
export const commandLine = (node: string) => ({
  ...{ id: 'command-line', name: 'command line', node },
});

/** Adds an operator to a node that is not running: how its first administrator comes to be. */
export async function addOperatorOffline(
  node: Pick<Node, 'access' | 'store' | 'code'>,
  { passwordFile, ...operator }: OfflineOperator,
): Promise<void> {
  const passwordHash = await node.access.hashPassword(await readCommandSecret(passwordFile));
  const by = commandLine(node.code);
  await node.store.write((tx) => node.access.addOperator(tx, { ...operator, passwordHash, by }));
}
