import type { Command } from 'commander';
import { systemClock } from '../time/clock.ts';
import { print } from './command-line.ts';
import { examine } from './doctor.ts';
import type { NodeConfig } from './node-config.ts';

/** Exit code 1 when something is not well. */
export function addDoctorCommand(
  program: Command,
  config: () => NodeConfig & { readonly centreUrl?: string },
): void {
  program
    .command('doctor')
    .description('look at the node and its surroundings: one line each, and what to do')
    .action(async () => {
      const read = config();
      const findings = await examine(read, { clock: systemClock, centreUrl: read.centreUrl });
      for (const { what, ok, detail, advice } of findings) {
        const todo = ok || !advice ? '' : `; ${advice}`;
        print(`${ok ? 'ok  ' : 'BAD '} ${what.padEnd(22)} ${detail}${todo}`);
      }
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    });
}
