#!/usr/bin/env node
// Runs the built command; `npm run build` makes it.
import { existsSync } from 'node:fs';

const built = new URL('../dist/bundle/branch-node/cli.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('The project is not built yet: run "npm run build" first.\n');
  process.exit(1);
}
await import(built.href);
