import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeVerdict, verifyBundleFile } from '../audit/verify-command.ts';
import type { MigrationSet } from '../store/migrations.ts';
import { checkBackup } from './backup-check.ts';
import { addBackupCommand, assertStoreThere } from './backup-command.ts';
import { print } from './command-line.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { assertAsTaken, restoreStore, verifyStopped } from './maintenance.ts';
import type { Node } from './node.ts';
import { type NodeConfig, storePlaceOf } from './node-config.ts';
import { addOperatorOffline, type OfflineOperator } from './operator-command.ts';
import { addRecoveryCommands } from './recovery-commands.ts';
import { runNode } from './run.ts';

export interface CommandNode {
  /** Opens the node as its environment says, without starting it. */
  open(options?: { quiet: boolean }): Promise<Node>;
  /** @throws Error naming every variable that is wrong. */
  config(): NodeConfig;
  /** Of all rooms. */
  migrations(): Promise<readonly MigrationSet[]>;
}

/** Does something with a node that is not running; a running one refuses to be opened. */
export async function withStoppedNode<Opened extends { stop(): Promise<void> }>(
  opening: () => Promise<Opened>,
  work: (node: Opened) => Promise<void>,
): Promise<void> {
  const node = await opening();
  try {
    await work(node);
  } finally {
    await node.stop();
  }
}

/** The same for what writes to it. */
export function changeStoppedNode<Opened extends Pick<Node, 'stop' | 'keepSetBack'>>(
  opening: () => Promise<Opened>,
  work: (node: Opened) => Promise<void>,
): Promise<void> {
  return withStoppedNode(opening, async (node) => {
    await node.keepSetBack();
    await work(node);
  });
}

/** The commands that every node has. */
export function addNodeCommands(program: Command, node: CommandNode): void {
  const openQuietly = () => node.open({ quiet: true });

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
      changeStoppedNode(openQuietly, (opened) => addOperatorOffline(opened, operator)),
    );

  program
    .command('verify [file]')
    .description(
      "check the stopped node's books, log and streams against the invariants; or, without any node, those in a backup, or prove or refute an audit bundle",
    )
    .option('--trust <key>', "of a bundle: head office's public key in a file, or its fingerprint")
    .option('--release-keys <file>', 'of a bundle: the release keys that must have signed releases')
    .option('--release-keys-from <version>', 'the first release that needed them', wholeNumber, 1)
    .action(async (file: string | undefined, options: BundleTrust) => {
      if (file === undefined) {
        const config = node.config();
        assertStoreThere(config);
        return tell(await verifyStopped(storePlaceOf(config), await node.migrations()));
      }
      if (!(await isStoreFile(file))) return verifyBundleHere(file, options);
      await assertAsTaken(file);
      tell((await checkBackup(file)).faults);
    });

  addBackupCommand(program, () => node.config());

  program
    .command('restore <file>')
    .description('put a backup in the place of the stopped node; the next start recovers the rest')
    .action(async (file: string) => {
      await restoreStore({ ...node.config(), migrations: await node.migrations() }, file);
      print('Restored. The next start asks the peers for what came after the backup.');
    });

  addRecoveryCommands(program, () => node.config());
  addDoctorCommand(program, () => node.config());
}

interface BundleTrust {
  readonly trust?: string;
  readonly releaseKeys?: string;
  readonly releaseKeysFrom: number;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`${text} is no release's number`);
}

async function verifyBundleHere(bundle: string, options: BundleTrust): Promise<void> {
  const { trust, releaseKeys: keys, releaseKeysFrom: from } = options;
  if (trust === undefined) throw new Error("say whose key to trust: --trust <head office's key>");
  const verdict = await verifyBundleFile(
    bundle,
    trust,
    keys === undefined ? undefined : { keys, from },
  );
  for (const line of describeVerdict(verdict)) print(line);
  process.exitCode = verdict.proven ? 0 : 1;
}

function tell(faults: readonly string[]): void {
  for (const fault of faults) print(fault);
  print(faults.length === 0 ? 'No fault was found.' : `${faults.length} faults.`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

/** Whether it begins as SQLite's files do; a pipe can be read once, and is a bundle. */
async function isStoreFile(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    if (!(await file.stat()).isFile()) return false;
    const { buffer } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.toString('latin1') === 'SQLite format 3\0';
  } finally {
    await file.close();
  }
}
