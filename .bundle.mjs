// Makes each kind of node one file and a few it shares, beside the modules that tsc made: a process that starts loads
// 6 files instead of 900. The tests run the modules, except where they start a node as people do.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const outdir = 'dist/bundle';

/** Loaded when first needed, or with files of their own: these stay packages. */
const external = [
  ...['libsql', '@libsql/client', '@libsql/hrana-client'],
  ...['libphonenumber-js', 'node-forge', 'pdfkit'],
];

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: ['branch-node', 'central-node'].flatMap((node) => [
    `${node}/main.ts`,
    `${node}/cli.ts`,
  ]),
  outdir,
  outbase: '.',
  external,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
  // Packages in CommonJS ask for Node's own modules by this name.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
});
