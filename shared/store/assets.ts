import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The folder of the nearest `package.json` above this file: the same from the sources and from
 * `dist`.
 */
export function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
}

/** A program that the build made, as `branch-node/main.js`: one file, or its modules where they were changed since. */
export function programPath(relative: string): string {
  const dist = join(projectRoot(), 'dist');
  const bundled = join(dist, 'bundle', relative);
  return existsSync(bundled) ? bundled : join(dist, relative);
}

/**
 * The full path of a file that is read at run time (SQL, CSV, CSS): such files are not copied to
 * `dist`.
 */
export function assetPath(relative: string): string {
  return resolve(projectRoot(), relative);
}
