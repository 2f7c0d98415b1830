import type { Command } from 'commander';
import { restoreStore, verifyStore } from './maintenance.ts';
import type { Node } from './node.ts';
import { addOperatorOffline, type OfflineOperator } from './operator-command.ts';
import { runNode } from './run.ts';

export interface CommandNode {
  /** Opens the node as its environment says, without starting it. */
  open(options?: { quiet: boolean }): Promise<Node>;
  storeUrl(): string;
}

/** Does something with a node that is not running; a running one refuses to be opened. */
export async function withStoppedNode<Opened extends { stop(): Promise<void> }>(
  open: () => Promise<Opened>,
  work: (node: Opened) => Promise<void>,
): Promise<void> {
  const node = await open();
  try {
    await work(node);
  } finally {
    await node.stop();
  }
}

/** The commands that every node has. */
export function addNodeCommands(program: Command, node: CommandNode): void {
  const withStopped = (work: (opened: Node) => Promise<void>) =>
    withStoppedNode(() => node.open({ quiet: true }), work);

  program
    .command('start')
    .description('run the node')
    .action(() => runNode(() => node.open()));

  program
    .command('add-operator')
    .description('add an operator to the stopped node')
    .requiredOption('--login <login>')
    .requiredOption('--name <name>')
    .requiredOption('--role <role>')
    .option('--password-file <file>', 'instead of standard input')
    .action((operator: OfflineOperator) =>
      withStopped((opened) => addOperatorOffline(opened, operator)),
    );

  program
    .command('verify')
    .description("check the stopped node's books, log and streams against the invariants")
    .action(() =>
      withStopped(async ({ store }) => {
        const faults = await verifyStore(store);
        for (const fault of faults) print(fault);
        print(faults.length === 0 ? 'No fault was found.' : `${faults.length} faults.`);
        process.exitCode = faults.length === 0 ? 0 : 1;
      }),
    );

  program
    .command('backup <file>')
    .description('write a consistent copy of the stopped node; a running one takes POST /backups')
    .action((file: string) => withStopped(({ store }) => store.backup(file)));

  program
    .command('restore <file>')
    .description('put a backup in the place of the stopped node; the next start recovers the rest')
    .action(async (file: string) => {
      // Opened once, so that a running node refuses it.
      await withStopped(async () => {});
      await restoreStore(node.storeUrl(), file);
      print('Restored. The next start asks the peers for what came after the backup.');
    });
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Parses and runs; a failure is one line and an exit code, not a stack. */
export async function runCommands(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
