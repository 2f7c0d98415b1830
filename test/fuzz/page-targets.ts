import fc from 'fast-check';
import { sessionCookie } from '../../shared/web/guard.ts';
import { pageRows } from '../access/access-matrix.ts';
import { escaped, headers as oddHeaders, tamperedCursors } from './api-inputs.ts';
import { documentOf, harvestLists, roleFor, saysWho, sendable } from './api-targets.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzedCode, FuzzFederation } from './fuzz-federation.ts';
import { hostileTexts } from './hostile-values.ts';
import { formsIn, linksIn } from './page-forms.ts';
import { marks, pageFault } from './page-judge.ts';
import { validValues } from './valid-values.ts';

const kibibyte = 1_024;
const formMaxBytes = 64 * kibibyte;
const pagesMax = 400;
const wordsMax = 40;
const maxShownLength = 2_000;
const anyTexts = fc.string({ unit: 'binary', maxLength: 40 });
/** A file takes as long as a hundred pages. */
const filesMax = 500;
/** What is no page: it has no row of its own, and the same bytes for everybody. */
const isAsset = (path: string) => path.startsWith('/assets/');

interface Route {
  readonly method: string;
  readonly path: string;
  readonly names: readonly string[];
  readonly pattern: RegExp;
  /** What was seen in its place, by a name of its path. */
  readonly places: Map<string, Set<string>>;
  /** What was seen in each field of its form or query. */
  readonly fields: Map<string, Set<string>>;
  /** Something leads there. */
  isMet: boolean;
}

interface PageInput {
  readonly method: string;
  readonly path: string;
  readonly isKnown: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Two targets for every page and every form of a node: as a person would fill them in, and spoilt. */
export async function pageTargets(fuzz: FuzzFederation, code: FuzzedCode): Promise<Target[]> {
  await harvestLists(fuzz, code);
  const routes = await routesOf(fuzz, code);
  const ask = browser(fuzz, code);
  await walk(routes, ask.look);
  const missing = routes.filter(({ method, path, isMet }) => {
    return method === 'POST' && !isMet && rareForms[path] === undefined;
  });
  if (missing.length > 0) {
    throw new Error(`no form leads to ${missing.map(({ path }) => path).join(', ')}`);
  }
  // What was stored is shown afterwards.
  const inOrder = routes.toSorted(
    (a, b) => Number(a.method === 'GET') - Number(b.method === 'GET'),
  );
  return inOrder.flatMap((route) => {
    const { valid, hostile } = pageInputs(fuzz, route);
    const name = `${code} ${route.method} ${route.path}`;
    const probe = (input: PageInput) => ask.probe(route, input);
    const slow = route.path.endsWith('.pdf') ? { maxInputs: filesMax } : {};
    return [
      targetOf({ name, kind: 'valid', inputs: valid, probe, ...slow }),
      targetOf({ name, kind: 'hostile', inputs: hostile, probe, ...slow }),
    ];
  });
}

async function routesOf(fuzz: FuzzFederation, code: FuzzedCode): Promise<Route[]> {
  const documented = new Set(
    Object.entries<object>((await documentOf(fuzz, code)).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  );
  const registered = fuzz.node(code).api.app.routes.filter(({ method }) => method !== 'ALL');
  const ids = new Set(registered.map(({ method, path }) => `${method} ${path}`));
  return [...ids].flatMap((id) => {
    const [method = '', path = ''] = id.split(' ');
    const asDocumented = `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`;
    if (documented.has(asDocumented) || isAsset(path)) return [];
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '([^/]+)')}$`);
    const rare = method === 'POST' ? (rareForms[path] ?? []) : [];
    const fields = new Map(rare.map((name) => [name, new Set<string>()]));
    return [{ method, path, names, pattern, places: new Map(), fields, isMet: false }];
  });
}

/** Goes wherever links lead, and keeps what forms ask for. */
async function walk(
  routes: readonly Route[],
  look: (route: Route, path: string) => Promise<string>,
): Promise<void> {
  const isRead = ({ method, names }: Route) => method === 'GET' && names.length === 0;
  const waiting = routes.filter(isRead).map(({ path }) => path);
  const seen = new Set(waiting);
  for (let next = 0; next < Math.min(waiting.length, pagesMax); next += 1) {
    const path = waiting[next] ?? '';
    const route = find(routes, 'GET', path);
    if (!route) continue;
    const html = await look(route, path);
    for (const { method, action, fields } of formsIn(html)) {
      const target = find(routes, method, action || path);
      for (const [name, values] of fields)
        for (const value of values) keep(target?.fields, name, value);
      for (const name of fields.keys()) keep(target?.fields, name, '');
    }
    for (const link of linksIn(html)) {
      const leads = link.startsWith('?') ? path.split('?')[0] + link : link;
      find(routes, 'GET', leads);
      if (!seen.has(leads) && leads.startsWith('/')) waiting.push(leads);
      seen.add(leads);
    }
  }
}

/** The route of an address, which keeps what stands in its places. */
function find(routes: readonly Route[], method: string, link: string): Route | undefined {
  const { pathname, searchParams } = new URL(link, 'http://node');
  const fits = (each: Route) => each.method === method && each.pattern.test(pathname);
  // A word that stands for itself is meant before one that is only a name.
  const [route] = routes.filter(fits).toSorted((a, b) => a.names.length - b.names.length);
  if (!route) return undefined;
  route.isMet = true;
  const [, ...places] = route.pattern.exec(pathname) ?? [];
  for (const [index, name] of route.names.entries()) {
    keep(route.places, name, decodeURIComponent(places[index] ?? ''));
  }
  if (method === 'GET') for (const [name, value] of searchParams) keep(route.fields, name, value);
  return route;
}

function keep(words: Map<string, Set<string>> | undefined, name: string, word: string): void {
  const known = words?.get(name) ?? new Set();
  if (word !== '' && known.size < wordsMax) known.add(word);
  words?.set(name, known);
}

/** What forms ask for that stand on a page in a state only that the walk does not meet. */
const rareForms: Readonly<Record<string, readonly string[]>> = {
  '/sign-in': ['login', 'password', 'next', 'code', 'ticket'],
  '/account/second-factor/confirmation': ['code'],
  '/account/second-factor/removal': ['current', 'code'],
  '/account/sessions/:id/end': [],
  '/account/sessions/end-others': [],
  '/payments/:operationId/cancellation': ['key', 'reason'],
  '/payments/:operationId/payout/reinstatement': ['key', 'reason'],
  '/settlements/:id/check': ['key'],
  '/branches/:code/admission': ['invitation'],
  '/node/recovery': ['reason'],
  '/reference/releases': ['revision'],
  '/cases/:id/adjustment': ['reason', 'debtor', 'creditor', 'sum', 'currency', 'key'],
  '/cases/:id/approval': ['proposal', 'key'],
  '/settlement': ['model', 'key'],
  '/lost-settlements/:id/decisions': ['key', 'branch', 'peer', 'without', 'reason'],
  '/lost-settlements/:id/decisions/approval': ['key', 'proposal'],
  '/staff/:login/approval': [],
  '/staff/:login/second-factor-removal': [],
};

function pageInputs({ vocabulary }: FuzzFederation, route: Route) {
  const { method, path, names } = route;
  const { texts } = validValues({ vocabulary, definitions: {} });
  const seen = (words: ReadonlySet<string> | undefined) => {
    const known = [...(words ?? [])].filter((word) => !vocabulary.isRefused(word));
    return known.length === 0 ? [] : [{ arbitrary: fc.constantFrom(...known), weight: 3 }];
  };
  const placed = (name: string) => {
    const [, before] = new RegExp(`([^/]+)/:${name}`).exec(path) ?? [];
    const made = { arbitrary: texts({ minLength: 1 }, name, before), weight: 1 };
    return fc.oneof(...seen(route.places.get(name)), made);
  };
  const filledIn = (name: string) => {
    if (name === 'key' || name === 'ticket') return fc.uuid();
    return fc.oneof(...seen(route.fields.get(name)), { arbitrary: texts({}, name), weight: 1 });
  };
  const fieldNames = [...route.fields.keys()];
  const parts = fc.record({
    places: fc.record(Object.fromEntries(names.map((name) => [name, placed(name)]))),
    fields: fc
      .tuple(...fieldNames.map((name) => fc.option(filledIn(name), { freq: 12 })))
      .map((values) =>
        values.flatMap((value, index) =>
          value === null ? [] : [[fieldNames[index] ?? '', value]],
        ),
      ),
    isKnown: fc.nat({ max: 24 }).map((at) => at > 0),
    isPart: fc.nat({ max: 3 }).map((at) => at === 0),
  });
  type Parts = typeof parts extends fc.Arbitrary<infer Made> ? Made : never;

  function inputOf({ places, fields, isKnown, isPart }: Parts): PageInput {
    const filled = path.replaceAll(/:(\w+)/g, (_, name) => escaped(places[name] ?? ''));
    const said = fields.map((pair) => pair.map((text) => escaped(text ?? '')).join('=')).join('&');
    const headers = {
      'sec-fetch-site': 'same-origin',
      ...(isPart ? { 'hx-request': 'true' } : {}),
    };
    if (method === 'GET') {
      return { method, path: said === '' ? filled : `${filled}?${said}`, isKnown, headers };
    }
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method, path: filled, isKnown, headers: { ...headers, ...type }, body: said };
  }

  const bad = fc.oneof(
    fc.constantFrom(...hostileTexts),
    fc.constantFrom(...marks),
    tamperedCursors(vocabulary),
    anyTexts,
  );
  const someName = fc.constantFrom('bogus', '__proto__', 'cursor', 'format', ...fieldNames);
  const badFields = fc
    .tuple(parts, fc.array(fc.tuple(someName, bad), { minLength: 1, maxLength: 2 }))
    .map(([good, worse]) => inputOf({ ...good, fields: [...good.fields, ...worse] }));
  const onlyBad = fc.tuple(parts, bad).map(([good, text]) => {
    return inputOf({ ...good, fields: good.fields.map(([name]) => [name ?? '', text]) });
  });
  const badPlace = fc.tuple(parts, bad, fc.nat()).map(([good, text, at]) => {
    const name = names[at % names.length] ?? '';
    return inputOf({ ...good, places: { ...good.places, [name]: text } });
  });
  const valid = parts.map(inputOf);
  const asCsv = parts.map((good) =>
    inputOf({ ...good, fields: [...good.fields, ['format', 'csv']] }),
  );
  const badHeaders = fc
    .tuple(valid, fc.constantFrom(...oddHeaders, ...foreign))
    .map(([good, more]) => ({ ...good, headers: { ...good.headers, ...more } }));
  const broken = fc
    .tuple(valid, fc.constantFrom(...breaking))
    .map(([good, breaks]) => ({ ...good, body: breaks(String(good.body ?? '')) }));
  const hostile = fc.oneof(
    { arbitrary: badFields, weight: 10 },
    { arbitrary: onlyBad, weight: 2 },
    { arbitrary: badHeaders, weight: 3 },
    ...(names.length > 0 ? [{ arbitrary: badPlace, weight: 4 }] : []),
    method === 'GET' ? { arbitrary: asCsv, weight: 1 } : { arbitrary: broken, weight: 3 },
  );
  return { valid, hostile };
}

/** From another site, or from none that says which. */
const foreign: readonly Readonly<Record<string, string>>[] = [
  ...['cross-site', 'same-site', 'none', ''].map((site) => ({ 'sec-fetch-site': site })),
  { 'sec-fetch-site': '', origin: 'null' },
  { cookie: `${sessionCookie}=${'x'.repeat(4_000)}; ${sessionCookie}=y` },
  { cookie: 'sbms_language=<fuzz>; sbms_theme="><fuzz>' },
  { 'hx-request': '<fuzz>', 'hx-current-url': 'javascript:fuzz', referer: '//evil.example' },
  { accept: 'text/html', 'accept-language': 'ru;q=NaN,en;q=1e400,*;q=-1,<fuzz>' },
];

/** What is done to a form as a whole. */
const breaking: readonly ((text: string) => string | Buffer)[] = [
  () => '',
  () => '%',
  () => '%zz=%&&&===',
  (text) => `${text}&${text}`,
  (text) => `${text}&%FF%FE=%C0%AF`,
  (text) => Buffer.concat([Buffer.from(text), Buffer.from([0x26, 0xff, 0x3d, 0x00])]),
  (text) => text.replaceAll('=', '[]='),
  (text) => JSON.stringify({ text }),
  (text) => `--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n${text}\r\n--x--`,
  (text) => `${text}&pad=${'x'.repeat(formMaxBytes)}`,
  () => 'a=1&'.repeat(formMaxBytes / 4 - 1),
  () => '&'.repeat(formMaxBytes),
];

function browser(fuzz: FuzzFederation, code: FuzzedCode) {
  const { api } = fuzz.node(code);
  const needs = new Map(
    pageRows[code === 'HQ' ? 'centre' : 'branch'].map((row) => [row.route, row.needs]),
  );
  const tokenFor = ({ method, path }: Route) => {
    const row = `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`;
    return fuzz.tokenFor(code, roleFor(fuzz, code, needs.get(row) ?? 'signed-in'));
  };

  async function send({ method, path, headers, body }: PageInput, token: string | undefined) {
    const cookie = token === undefined ? {} : { cookie: `${sessionCookie}=${token}` };
    const request = new Request(`http://node${path}`, {
      method,
      redirect: 'manual',
      headers: { accept: 'text/html', ...cookie, ...sendable(headers) },
      ...(body === undefined ? {} : { body: body as string }),
    });
    const { made, wrote } = await fuzz.watch.watch(async () => {
      const response = await api.fetch(request);
      return { response, text: await response.text() };
    });
    const { response, text } = made;
    return { method, status: response.status, headers: response.headers, text, wrote };
  }

  return {
    async look(route: Route, path: string): Promise<string> {
      const input: PageInput = { method: 'GET', path, isKnown: true, headers: {} };
      return (await send(input, await tokenFor(route))).text;
    },
    async probe(route: Route, input: PageInput): Promise<Verdict> {
      const token = input.isKnown ? await tokenFor(route) : undefined;
      const page = await send(input, token);
      const { status, headers } = page;
      const isOut = (headers.get('location') ?? headers.get('hx-redirect') ?? '').startsWith(
        '/sign-in',
      );
      if (((isOut && !saysWho(input)) || status === 429) && token) fuzz.forget(token);
      const fault = pageFault(page);
      const outcome = isOut ? `${status} to the door` : String(status);
      return { outcome, fault: fault && `${fault}\n${shown(input)}` };
    },
  };
}

function shown({ method, path, headers, body }: PageInput): string {
  const said = `${method} ${path} ${JSON.stringify(headers)}\n${String(body ?? '')}`;
  return said.length > maxShownLength ? `${said.slice(0, maxShownLength)}… (${said.length})` : said;
}
