import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/**
 * A secret for a command: from a file, or from standard input if there is none, so that it stands in no process list.
 * The line's end after it is no part of it.
 * @throws Error when it is empty.
 */
export async function readCommandSecret(file: string | undefined): Promise<string> {
  const secret = await (file === undefined ? text(process.stdin) : readFile(file, 'utf8'));
  if (secret.trimEnd() === '') throw new Error(`${file ?? 'standard input'} holds no secret`);
  return secret.trimEnd();
}
