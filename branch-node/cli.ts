import { Command, Option } from 'commander';
import { z } from 'zod';
import { enrolWithCentre } from '../shared/federation/enrolment.ts';
import { print, runCommands } from '../shared/node/command-line.ts';
import { readCommandSecret } from '../shared/node/command-secret.ts';
import { addNodeCommands } from '../shared/node/node-commands.ts';
import { type Caller, callRunningNode } from '../shared/node/running-node.ts';
import { readBranchConfig } from './config.ts';

interface EnrolOptions {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly again: boolean;
}

const program = new Command('sbms-branch').description(
  "A branch node. It is configured by its environment; see the README's table.",
);

addNodeCommands(program, {
  async open({ quiet } = { quiet: false }) {
    // A command that needs no branch, as enrolling, is not kept waiting by the loading of one.
    const { openBranch } = await import('./branch.ts');
    const config = readBranchConfig(process.env);
    return openBranch(quiet ? { ...config, logLevel: 'error' } : config);
  },
  config: () => readBranchConfig(process.env),
  migrations: async () => (await import('./branch.ts')).migrations,
});

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
  .option('--again', 'with new keys, when the old ones were stolen or lost; the store stays', false)
  .action(async ({ token, tokenFile, again }: EnrolOptions) => {
    const config = readBranchConfig(process.env);
    const isGiven = token !== undefined && token !== '-';
    await enrolWithCentre({
      centreUrl: config.centreUrl,
      token: isGiven ? token : await readCommandSecret(tokenFile),
      dir: config.identityDir,
      code: config.code,
      peerUrl: config.peer.url,
      frontUrl: config.front.url,
      again,
    });
    print(`${config.code} is enrolled; it is known to the others from the next release on.`);
  });

program
  .command('rotate-keys')
  .description('let the running node make new keys; old ones end when every peer knows the new')
  .requiredOption('--login <login>', "an operator who may manage the node's keys")
  .option('--password-file <file>', 'instead of standard input')
  .action(async (caller: Caller) => {
    const request = { method: 'POST', path: '/api/v1/keys/rotation', body: {} } as const;
    const answer = await callRunningNode(readBranchConfig(process.env).front, caller, request);
    print(`Rotation: ${z.object({ rotation: z.string() }).parse(answer).rotation}.`);
  });

await runCommands(program);
