import type { Command } from 'commander';
import { z } from 'zod';
import { print } from '../../shared/node/command-line.ts';
import type { NodeConfig } from '../../shared/node/node-config.ts';
import {
  type Caller,
  callRunningNode,
  type RunningRequest,
} from '../../shared/node/running-node.ts';

const state = z.object({
  authorities: z.array(z.object({ sha256: z.string(), state: z.string(), notAfter: z.string() })),
  waitingFor: z.array(z.string()),
  signingKey: z.string(),
  rotation: z.string(),
});

/** The federation's authority and head office's key, asked of the running node. */
export function addAuthorityCommands(program: Command, config: () => NodeConfig): void {
  async function ask(caller: Caller, request: RunningRequest): Promise<void> {
    tell(state.parse(await callRunningNode(config().front, caller, request)));
  }
  const authority = program.command('authority').description("the federation's authority");

  asCaller(authority.command('status'))
    .description('which authorities are believed, and who still needs the old one')
    .action((caller: Caller) => ask(caller, { method: 'GET', path: '/api/v1/authority' }));

  asCaller(authority.command('roll'))
    .description('let a new authority issue all certificates; the old one stays believed')
    .option('--stolen', 'believe the old one no more: every branch has to enrol again', false)
    .action(({ stolen, ...caller }: Caller & { stolen: boolean }) =>
      ask(caller, { method: 'POST', path: '/api/v1/authority/roll', body: { stolen } }),
    );

  asCaller(authority.command('retire'))
    .description('believe the old authority no more; refused while a branch needs it')
    .option('--force', 'all the same', false)
    .action(({ force, ...caller }: Caller & { force: boolean }) =>
      ask(caller, { method: 'POST', path: '/api/v1/authority/retirement', body: { force } }),
    );

  asCaller(program.command('rotate-key'))
    .description("announce head office's next signing key; it is used once the branches know it")
    .option('--stolen', 'use it at once: every branch has to enrol again', false)
    .action(({ stolen, ...caller }: Caller & { stolen: boolean }) =>
      ask(caller, { method: 'POST', path: '/api/v1/head-office-key/rotation', body: { stolen } }),
    );
}

function asCaller(command: Command): Command {
  return command
    .requiredOption('--login <login>', 'an operator who may manage the keys')
    .option('--password-file <file>', 'instead of standard input');
}

function tell({ authorities, waitingFor, signingKey, rotation }: z.infer<typeof state>): void {
  for (const { sha256, state: now, notAfter } of authorities) {
    print(`authority ${sha256.slice(0, 16)} ${now}, until ${notAfter}`);
  }
  if (authorities.length > 1) print(`still need the old one: ${waitingFor.join(', ') || 'nobody'}`);
  print(`signing key ${signingKey}, rotation ${rotation}`);
}
