import { text } from 'node:stream/consumers';
import type { Node } from './node.ts';

/**
 * Adds an operator to a node that is not running: how its first administrator comes to be. The password is read from
 * standard input, so that it is in no process list.
 */
export async function addOperatorOffline(
  node: Pick<Node, 'access' | 'store' | 'code'>,
  operator: { login: string; name: string; role: string },
): Promise<void> {
  const password = (await text(process.stdin)).trimEnd();
  const passwordHash = await node.access.hashPassword(password);
  const by = { id: 'command-line', name: 'command line', node: node.code };
  await node.store.write((tx) => node.access.addOperator(tx, { ...operator, passwordHash, by }));
}
