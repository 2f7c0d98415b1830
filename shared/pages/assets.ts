import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Hono } from 'hono';
import { assetPath } from '../store/assets.ts';
import type { FrameEnv } from '../web/exchange.ts';
import { answer } from '../web/response.ts';

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};
const hashLength = 12;
const forEver = 'public, max-age=31536000, immutable';

const own = ['app.css', 'app.js', 'type-ahead.js', 'icon.svg'] as const;
const htmx = 'htmx.js';

export type Assets = ReturnType<typeof readAssets>;

/** The few files that pages are made of, at addresses that change with their content; read once. */
export function loadAssets(): Assets {
  kept ??= readAssets();
  return kept;
}

let kept: Assets | undefined;

function readAssets() {
  const require = createRequire(import.meta.url);
  const files: [string, string][] = [
    ...own.map((name): [string, string] => [name, assetPath(`shared/pages/assets/${name}`)]),
    [htmx, require.resolve('htmx.org/dist/htmx.min.js')],
  ];
  const byPath = new Map<string, { text: string; contentType: string }>();
  const paths = new Map<string, string>();
  for (const [name, file] of files) {
    const written = readFileSync(file, 'utf8');
    // A style sheet is read by its braces: a tenth of it is indentation.
    const text = name.endsWith('.css') ? written.replaceAll(/^ +/gm, '') : written;
    const hash = createHash('sha256').update(text).digest('hex').slice(0, hashLength);
    const path = `/assets/${hash}/${name}`;
    paths.set(name, path);
    const contentType = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'text/plain';
    byPath.set(path, { text, contentType });
  }
  return {
    pathOf(name: (typeof own)[number] | typeof htmx): string {
      return paths.get(name) ?? '/';
    },
    register(app: Pick<Hono<FrameEnv>, 'get'>): void {
      for (const [path, { text, contentType }] of byPath) {
        const headers = { 'cache-control': forEver };
        app.get(path, (c) => answer(c, { status: 200, text, contentType, headers }));
      }
    },
  };
}
