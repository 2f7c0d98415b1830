import type { Command } from 'commander';

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
