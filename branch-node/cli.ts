import { Command, Option } from 'commander';
import { enrolWithCentre } from '../shared/federation/enrolment.ts';
import { readCommandSecret } from '../shared/node/command-secret.ts';
import { restoreStore, verifyStore } from '../shared/node/maintenance.ts';
import { addOperatorOffline, type OfflineOperator } from '../shared/node/operator-command.ts';
import { runNode } from '../shared/node/run.ts';
import type { Branch } from './branch.ts';
import { type BranchConfig, readBranchConfig } from './config.ts';

const program = new Command('sbms-branch').description(
  "A branch node. It is configured by its environment; see the README's table.",
);

program
  .command('start')
  .description('run the node')
  .action(() => runNode(() => openBranch(readBranchConfig(process.env))));

program
  .command('enrol')
  .description('join the federation with a one-time token from head office')
  .option('--token <token>', 'the token itself')
  .addOption(
    new Option(
      '--token-file <file>',
      'a file that holds it; without either, standard input',
    ).conflicts('token'),
  )
  .action(async ({ token, tokenFile }: { token?: string; tokenFile?: string }) => {
    const config = readBranchConfig(process.env);
    const isGiven = token !== undefined && token !== '-';
    await enrolWithCentre({
      centreUrl: config.centreUrl,
      token: isGiven ? token : await readCommandSecret(tokenFile),
      dir: config.identityDir,
      code: config.code,
      peerUrl: config.peer.url,
      frontUrl: config.front.url,
    });
    print(`${config.code} is enrolled; it is known to the others from the next release on.`);
  });

program
  .command('add-operator')
  .description('add an operator to the stopped node')
  .requiredOption('--login <login>')
  .requiredOption('--name <name>')
  .requiredOption('--role <role>')
  .option('--password-file <file>', 'instead of standard input')
  .action((operator: OfflineOperator) =>
    withBranch((branch) => addOperatorOffline(branch, operator)),
  );

program
  .command('verify')
  .description("check the stopped node's books, log and streams against the money invariants")
  .action(() =>
    withBranch(async (branch) => {
      const faults = await verifyStore(branch.store);
      for (const fault of faults) print(fault);
      print(faults.length === 0 ? 'No fault was found.' : `${faults.length} faults.`);
      process.exitCode = faults.length === 0 ? 0 : 1;
    }),
  );

program
  .command('backup <file>')
  .description('write a consistent copy of the stopped node; a running one takes POST /backups')
  .action((file: string) => withBranch((branch) => branch.store.backup(file)));

program
  .command('restore <file>')
  .description('put a backup in the place of the stopped node; the next start recovers the rest')
  .action(async (file: string) => {
    const config = readBranchConfig(process.env);
    // Opened once, so that a running node refuses it.
    await withBranch(async () => {});
    await restoreStore(config.storeUrl, file);
    print('Restored. The next start asks the peers for what came after the backup.');
  });

/** A command that needs no branch, as enrolling, is not kept waiting by the loading of one. */
async function openBranch(config: BranchConfig): Promise<Branch> {
  const branch = await import('./branch.ts');
  return branch.openBranch(config);
}

async function withBranch(work: (branch: Branch) => Promise<void>): Promise<void> {
  const branch = await openBranch({ ...readBranchConfig(process.env), logLevel: 'error' });
  try {
    await work(branch);
  } finally {
    await branch.stop();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
