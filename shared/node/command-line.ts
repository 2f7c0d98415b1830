import type { Command } from 'commander';

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is wrong, and what lies behind it: a full disk, a name that does not resolve. */
function reasonsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : error.name;
  const message = error.message || code;
  const cause = error.cause === undefined ? '' : reasonsOf(error.cause);
  return cause === '' || message.includes(cause) ? message : `${message} (${cause})`;
}

/** Parses and runs; a failure is one line and an exit code, not a stack. */
export async function runCommands(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    process.stderr.write(`${reasonsOf(error)}\n`);
    process.exitCode = 1;
  }
}
