import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { assetPath } from '../../shared/store/assets.ts';
import { type KeyRing, keyRing, takeKeys } from './keys.ts';
import type { Template } from './template.ts';

/**
 * Templates of the unchanged code that processes hand on, in the folder that `SIMULATION_TEMPLATES` names: making one
 * takes as long as ten seeds.
 */
export async function keptTemplate(
  branches: number,
  build: () => Promise<Template>,
): Promise<Template> {
  const folder = process.env.SIMULATION_TEMPLATES;
  if (folder === undefined) return build();
  const keys = join(folder, 'keys');
  const file = join(folder, `template-${branches}-${schemaVersion()}`);
  if (existsSync(keys)) {
    const ring: KeyRing = deserialize(readFileSync(keys));
    takeKeys(ring);
  }
  if (existsSync(file)) return deserialize(readFileSync(file));
  const made = await build();
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, serialize(made));
  writeFileSync(keys, serialize(keyRing()));
  return made;
}

/** A template whose stores another version migrated would have every seed fail. */
function schemaVersion(): string {
  const hash = createHash('sha256');
  for (const part of ['shared', 'branch-node', 'central-node']) {
    const names = readdirSync(assetPath(part), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((each) => each.endsWith('.sql')).sort()) hash.update(name);
  }
  return hash.digest('hex').slice(0, 8);
}
