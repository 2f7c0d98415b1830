import type { Command } from 'commander';
import { z } from 'zod';
import { print } from './command-line.ts';
import type { NodeConfig } from './node-config.ts';
import { type Caller, callRunningNode } from './running-node.ts';

const path = '/api/v1/recovery';
const state = z.object({
  recovering: z.boolean(),
  certain: z.boolean(),
  answered: z.array(z.string()),
  awaited: z.array(z.string()),
  overrides: z.int(),
});

/** What a node that was set back waits for, and how two people end the waiting: asked of the running node. */
export function addRecoveryCommands(program: Command, config: () => NodeConfig): void {
  const recovery = program.command('recovery').description('of the running node, after a restore');

  asCaller(recovery.command('status'))
    .description('is it recovering, and for whom does it wait?')
    .action(async (caller: Caller) => {
      const answer = await callRunningNode(config().front, caller, { method: 'GET', path });
      tell(state.parse(answer));
    });

  asCaller(recovery.command('override'))
    .description('end the waiting for a peer that never comes back: two people, each with a reason')
    .requiredOption('--reason <reason>', 'at least 10 characters, kept in the audit trail')
    .action(async ({ reason, ...caller }: Caller & { reason: string }) => {
      const request = { method: 'POST', path: `${path}/override`, body: { reason } } as const;
      tell(state.parse(await callRunningNode(config().front, caller, request)));
    });
}

function asCaller(command: Command): Command {
  return command
    .requiredOption('--login <login>', 'an operator of the running node')
    .option('--password-file <file>', 'instead of standard input');
}

function tell({ recovering, certain, ...waiting }: z.infer<typeof state>): void {
  const { answered, awaited, overrides } = waiting;
  if (certain) {
    print('The node is not recovering.');
    return;
  }
  const what = recovering
    ? 'Recovering.'
    : 'Not recovering; no money is paid out before all answer.';
  print(`${what} Answered: ${answered.join(', ') || 'nobody'}.`);
  print(`Awaited: ${awaited.join(', ') || 'nobody'}. Overrides given: ${overrides} of 2.`);
}
