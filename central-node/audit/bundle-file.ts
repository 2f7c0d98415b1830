import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Writes a bundle as it is made, whole or not at all. An existing file is never written over. */
export async function writeBundle(file: string, lines: AsyncIterable<string>): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await pipeline(Readable.from(lines), handle.createWriteStream());
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}
