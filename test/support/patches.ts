import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../shared/store/assets.ts';

/**
 * Named changes of the product's code, made to a copy of it: what runs from that copy, a process or a module imported
 * into this one, is changed; the product has no hook for it.
 */

export interface SourcePatch {
  readonly name: string;
  /** The source, as `shared/federation/inbox.ts`; what is changed is what it was compiled to. */
  readonly file: string;
  /** A piece of the compiled text that is there exactly once. Types are gone from it, and it is indented by four. */
  readonly find: string;
  readonly replace: string;
}

/** The rows of a table with these names. @throws Error for a name that it does not have. */
export function patchesNamed(
  table: readonly SourcePatch[],
  names: readonly string[],
): SourcePatch[] {
  return names.map((name) => {
    const found = table.filter((patch) => patch.name === name);
    const [patch] = found;
    if (!patch || found.length > 1) throw new Error(`${found.length} patches are named ${name}`);
    return patch;
  });
}

/** @throws Error that names the patch when its piece is not there exactly once. */
export function patchedText(text: string, { name, file, find, replace }: SourcePatch): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    const times = more.length > 0 ? `${more.length + 1} times` : 'nowhere';
    throw new Error(`patch ${name}: its piece is ${times} in ${file}`);
  }
  return before + replace + after;
}

/** The path of a source's compiled module below a project's root. */
export function compiledPath(file: string): string {
  return join('dist', file.replace(/\.tsx?$/, '.js'));
}

export interface PatchedTree {
  /** As the project's own root: `dist/branch-node/main.js` below it is a node with the patches. */
  readonly root: string;
  remove(): void;
}

/** A copy of the built project with these patches in it. @throws Error when one does not fit. */
export function patchedTree(patches: readonly SourcePatch[]): PatchedTree {
  const texts = patchedTexts(patches);
  const root = mkdtempSync(join(tmpdir(), 'sbms-patched-'));
  const remove = () => rmSync(root, { recursive: true, force: true });
  for (const entry of readdirSync(projectRoot())) {
    if (entry !== 'dist' && !entry.startsWith('.')) {
      symlinkSync(join(projectRoot(), entry), join(root, entry));
    }
  }
  mkdirSync(join(root, 'dist'));
  // What was made of the modules has no patches in it: source maps, half of the files, and each node's one file.
  const bundle = join(projectRoot(), 'dist/bundle');
  const filter = (path: string) => !path.endsWith('.map') && path !== bundle;
  cpSync(join(projectRoot(), 'dist'), join(root, 'dist'), { recursive: true, filter });
  for (const [path, text] of texts) writeFileSync(join(root, path), text);
  return { root, remove };
}

/**
 * The compiled modules that these patches change, by path, as they are then. All patches of one file are made one after the
 * other, each to what the ones before it left. @throws Error when one does not fit.
 */
export function patchedTexts(patches: readonly SourcePatch[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const patch of patches) {
    const path = compiledPath(patch.file);
    const text = texts.get(path) ?? readFileSync(join(projectRoot(), path), 'utf8');
    texts.set(path, patchedText(text, patch));
  }
  return texts;
}
