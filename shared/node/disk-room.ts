import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { namedFile } from '../store/embedded-store.ts';
import type { NodeConfig } from './node-config.ts';

/** What the store, its WAL and a backup need to go on for a while. */
export const diskFreeMinBytes = 512 * 1024 * 1024;

/** What is free where the node writes: its folder, and that of its store, which may be on another disk. The least counts. */
export async function freeBytes({
  dataDir,
  storeUrl,
}: Pick<NodeConfig, 'dataDir' | 'storeUrl'>): Promise<number> {
  const file = namedFile(storeUrl);
  const folders = new Set([dataDir, ...(file === undefined ? [] : [thereAbove(file)])]);
  const free = [...folders].map(async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  });
  return Math.min(...(await Promise.all(free)));
}

/** The first start makes the folder of the store. */
function thereAbove(path: string): string {
  const above = dirname(path);
  return existsSync(above) ? above : thereAbove(above);
}
