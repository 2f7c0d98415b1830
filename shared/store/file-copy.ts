import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from './durable-file.ts';

/** Small enough that hashing one keeps nobody waiting. */
const chunkBytes = 256 * 1024;
/** SQLite's file format: the write and the read version; 2 is a file with a WAL beside it, 1 one without. */
const versionsAt = 18;
const withoutWal = Buffer.from([1, 1]);

/**
 * Copies a store's file, which must not change meanwhile and be whole without its WAL, to a new file that needs none.
 * The event loop goes on. A copy that fails leaves nothing behind.
 * @returns the copy's SHA-256.
 */
export async function copyStoreFile(options: {
  source: string;
  target: string;
  /** Asked before each chunk. @throws Error to give the copy up. */
  assertMayGoOn(): void;
}): Promise<string> {
  const { target } = options;
  const draft = `${target}.draft`;
  try {
    const hash = await copyChunks(options.source, draft, options.assertMayGoOn);
    await rename(draft, target);
    syncPath(dirname(target));
    return hash;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

async function copyChunks(source: string, draft: string, assertMayGoOn: () => void) {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(chunkBytes);
  // Closing it gives up the locks that this process holds on the file; the lock file beside it is what keeps others out.
  const from = await open(source, 'r');
  const to = await open(draft, 'w', 0o600).catch(async (error: unknown) => {
    await from.close();
    throw error;
  });
  try {
    for (let position = 0; ; ) {
      assertMayGoOn();
      const { bytesRead } = await from.read(chunk, 0, chunkBytes, position);
      if (bytesRead === 0) break;
      if (position === 0) chunk.set(withoutWal, versionsAt);
      const part = chunk.subarray(0, bytesRead);
      hash.update(part);
      await to.appendFile(part);
      position += bytesRead;
    }
    await to.sync();
    return hash.digest('hex');
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}
