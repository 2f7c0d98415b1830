import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './durable-file.ts';

const nextFolder = 'next';
const mark = 'adopt';

/** Where the files are made that are to replace those of a folder, all of them at once. */
export const nextFolderOf = (dir: string): string => join(dir, nextFolder);

/** Forgets files that were never adopted. */
export function dropNextFiles(dir: string): void {
  rmSync(nextFolderOf(dir), { recursive: true, force: true });
}

/** From here on the next files are the folder's own, also after a crash. */
export function adoptNextFiles(dir: string): void {
  replaceFile(join(nextFolderOf(dir), mark), Buffer.from(''));
  finishAdopting(dir);
}

/** Many files are not replaced at once: what a crash interrupted is done again. Call it before reading them. */
export function finishAdopting(dir: string): void {
  const next = nextFolderOf(dir);
  if (!existsSync(join(next, mark))) return;
  for (const name of readdirSync(next)) {
    if (name === mark || name.endsWith('.draft')) continue;
    replaceFile(join(dir, name), readFileSync(join(next, name)));
  }
  dropNextFiles(dir);
}

/** Replaces several files of a folder, all or none. */
export function replaceFiles(dir: string, contents: Readonly<Record<string, string>>): void {
  dropNextFiles(dir);
  const next = nextFolderOf(dir);
  mkdirSync(next, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(contents)) {
    replaceFile(join(next, name), Buffer.from(text));
  }
  adoptNextFiles(dir);
}
