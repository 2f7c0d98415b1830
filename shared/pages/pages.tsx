import type { Child, FC, PropsWithChildren } from 'hono/jsx';
import type { Permission } from '../access/permissions.ts';
import { type DomainError, isDomainError, problems } from '../problem/problem.ts';
import { csvText } from '../text/csv.ts';
import type { Api } from '../web/api.ts';
import type { FrameContext } from '../web/exchange.ts';
import { readForm } from '../web/request-body.ts';
import { answer, pagePolicy, refusalOf } from '../web/response.ts';
import { accountPath, passwordPath } from './account-paths.ts';
import { loadAssets } from './assets.ts';
import { LinkButton, Notice } from './components.tsx';
import { formatsFor, plainFormats } from './formats.ts';
import { Document } from './frame.tsx';
import { frameTexts } from './frame-texts.ts';
import type { Names } from './names.ts';
import { preferencesOf } from './preferences.ts';
import { problemText } from './problem-texts.ts';
import { Refusal } from './refusal.tsx';
import { tableRows } from './table-rows.ts';
import type { PlaceGroup, View } from './view.ts';

const maxFormBytes = 64 * 1024;
const htmlType = 'text/html; charset=utf-8';
const signInPath = '/sign-in';
const maxCsvRows = 10_000;

export interface PageSpec {
  /** With parameters as `:name`. */
  readonly path: string;
  readonly permission: Permission | 'signed-in';
}

/** What a page is made of, or where the person goes instead. */
export type Shown = Made | { readonly goTo: string };

interface Made {
  readonly title: string;
  readonly content: Child;
  readonly status?: number;
  /** Of a list: the cursor of what comes after, null at its end. It can be had as CSV. */
  readonly next?: string | null;
}

export interface MadeFile {
  /** In letters that a header can hold. */
  readonly name: string;
  readonly contentType: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

export interface PagesDeps {
  readonly api: Pick<Api, 'app' | 'enter' | 'reportRefusal' | 'unmatched'>;
  /** What people call this node. */
  readonly nodeName: () => string;
  readonly timeZone: () => string;
  readonly names: Names;
  /** In the order of the menu. */
  readonly groups: readonly PlaceGroup[];
}

export type Pages = ReturnType<typeof createPages>;

/**
 * Pages for people, on the endpoints of the same node: a page asks an endpoint as a program would, so that permissions,
 * checks and audit are one.
 */
export function createPages({ api, nodeName, timeZone, names, groups }: PagesDeps) {
  const { app } = api;
  const assets = loadAssets();
  assets.register(app);

  // A person who mistypes an address gets a page to go on from; a program its problem document.
  app.notFound(async (c) => (isLookedAt(c) ? unknownPage(c) : api.unmatched(c)));

  function html(c: FrameContext, status: number, text: string): Response {
    const headers = { 'content-security-policy': pagePolicy };
    return answer(c, { status, text, contentType: htmlType, headers });
  }

  function goTo(c: FrameContext, path: string): Response {
    if (c.req.header('hx-request') === undefined) {
      return answer(c, { status: 303, text: null, headers: { location: path } });
    }
    return answer(c, {
      status: 200,
      text: '',
      contentType: htmlType,
      headers: { 'hx-redirect': path },
    });
  }

  /** A whole page; without `view`, for somebody who is not signed in. */
  function document(
    c: FrameContext,
    made: { title: string; content: Child; status?: number },
    view?: View,
  ) {
    const { title, content, status = 200 } = made;
    const page = (
      <Document
        {...{ assets, title, content, groups }}
        {...preferencesOf(c)}
        nodeName={nodeName()}
        {...(view ? { view } : {})}
      />
    );
    return html(c, status, `<!doctype html>${String(page)}`);
  }

  async function viewOf(
    c: FrameContext,
    spec: PageSpec,
    form: Readonly<Record<string, string>>,
  ): Promise<View> {
    // What somebody owes first is asked for by a page of its own, below.
    const entry = spec.permission === 'signed-in' ? 'own-password' : spec.permission;
    const principal = await api.enter(c, entry);
    const preferences = preferencesOf(c);
    return {
      ...{ c, principal, form, ...preferences, ...names },
      format: formatsFor(preferences.language, timeZone()),
      query: c.req.query(),
      params: c.req.param(),
      may: (permission) => principal.permissions.has(permission),
      words: (texts) => texts[preferences.language],
    };
  }

  async function unknownPage(c: FrameContext): Promise<Response> {
    c.get('exchange').route = 'unmatched';
    const view = await viewOf(c, { path: '', permission: 'signed-in' }, {}).catch(() => undefined);
    const { notFoundTitle: title, notFoundText } = frameTexts[preferencesOf(c).language];
    const content = (
      <DeadEnd {...{ c, title }}>
        <p>{notFoundText}</p>
      </DeadEnd>
    );
    return document(c, { title, content, status: 404 }, view);
  }

  async function refused(
    c: FrameContext,
    thrown: unknown,
    view: View | undefined,
  ): Promise<Response> {
    const error = refusalOf(thrown);
    const [status] = problems[error.code];
    await api.reportRefusal(c, error, status);
    if (isDomainError(error, 'not-signed-in')) {
      const back = c.req.method === 'GET' ? `?next=${encodeURIComponent(pathOf(c))}` : '';
      return goTo(c, `${signInPath}${back}`);
    }
    if (isDomainError(error, 'password-temporary')) return goTo(c, passwordPath);
    if (isDomainError(error, 'second-factor-missing')) return goTo(c, accountPath);
    if (c.req.header('hx-request') !== undefined) {
      const { language } = preferencesOf(c);
      return html(c, 200, String(<Refusal language={language} error={error} />));
    }
    return document(c, { ...refusalPage(c, error), status }, view);
  }

  async function serve(
    c: FrameContext,
    spec: PageSpec,
    work: (view: View) => Promise<Response>,
  ): Promise<Response> {
    c.get('exchange').route = spec.path;
    let view: View | undefined;
    try {
      const form = c.req.method === 'POST' ? await readForm(c, maxFormBytes) : {};
      view = await viewOf(c, spec, form);
      const owed = owedBy(view);
      if (owed !== undefined && !spec.path.startsWith(owed)) return goTo(c, owed);
      return await work(view);
    } catch (error) {
      const known =
        view ?? (await viewOf(c, { ...spec, permission: 'signed-in' }, {}).catch(() => undefined));
      return refused(c, error, known);
    }
  }

  async function shown(view: View, made: Shown): Promise<Response> {
    if ('goTo' in made) return goTo(view.c, made.goTo);
    const { title, content, next, ...rest } = made;
    if (next === undefined) return document(view.c, { title, content, ...rest }, view);
    const list = (
      <>
        {content}
        <ListEnd view={view} next={next} />
      </>
    );
    return document(view.c, { title, content: list, ...rest }, view);
  }

  /** The list that a page shows, by the same filter, to its end. */
  async function csv(view: View, show: (view: View) => Promise<Shown>): Promise<Response> {
    const plain = { ...view, format: plainFormats };
    let rows: string[][] = [];
    let cursor: string | null | undefined = view.query.cursor;
    do {
      const query = { ...view.query, ...(cursor ? { cursor } : {}) };
      const made = await show({ ...plain, query });
      if ('goTo' in made || made.next === undefined || made.status !== undefined) {
        return shown(view, made);
      }
      const [head = [], ...body] = lastTable(made.content);
      rows = rows.length === 0 ? [head, ...body] : [...rows, ...body];
      cursor = made.next;
    } while (cursor !== null && rows.length < maxCsvRows);
    const name = view.c.req.path.replaceAll(/\W+/g, '-').slice(1) || 'list';
    return file(view, {
      name: `${name}.csv`,
      contentType: 'text/csv; charset=utf-8',
      // Spreadsheets take a file without a mark for one of an older alphabet.
      content: `\uFEFF${csvText(rows)}`,
    });
  }

  function file(view: View, { name, contentType, content }: MadeFile): Response {
    const headers = { 'content-disposition': `attachment; filename="${name}"` };
    return answer(view.c, { status: 200, text: content, contentType, headers });
  }

  /** The page that somebody acted on, with what came of it on top. */
  async function inPlace(view: View, error: DomainError, made: Shown): Promise<Response> {
    if ('goTo' in made) return goTo(view.c, made.goTo);
    const [status] = problems[error.code];
    await api.reportRefusal(view.c, error, status);
    const content = (
      <>
        <Refusal language={view.language} error={error} />
        {made.content}
      </>
    );
    return document(view.c, { ...made, content, status }, view);
  }

  return {
    document,
    goTo,
    /** A page that is looked at. */
    page(spec: PageSpec, show: (view: View) => Promise<Shown>): void {
      app.get(spec.path, (c) =>
        serve(c, spec, async (view) =>
          view.query.format === 'csv' ? csv(view, show) : shown(view, await show(view)),
        ),
      );
    },
    /**
     * A form that is sent. It goes somewhere, or shows itself again; what refuses it is told on top of `again`, the page
     * that it stands on.
     */
    action(
      spec: PageSpec,
      act: (view: View) => Promise<Shown>,
      again?: (view: View) => Promise<Shown>,
    ): void {
      app.post(spec.path, (c) =>
        serve(c, spec, async (view) => {
          try {
            return await shown(view, await act(view));
          } catch (error) {
            if (!again || !isDomainError(error) || isOwnPage(error)) throw error;
            return inPlace(view, error, await again(view));
          }
        }),
      );
    },
    /** A file that a page offers. */
    file(spec: PageSpec, make: (view: View) => Promise<MadeFile>): void {
      app.get(spec.path, (c) => serve(c, spec, async (view) => file(view, await make(view))));
    },
    /** A part of a page that renews itself; null: what is shown still holds. */
    fragment(spec: PageSpec, show: (view: View) => Promise<Child>): void {
      app.get(spec.path, (c) => {
        c.get('exchange').isUnattended = true;
        return serve(c, spec, async (view) => {
          const part = await show(view);
          return part === null
            ? answer(c, { status: 204, text: null })
            : html(c, 200, String(part));
        });
      });
    },
  };
}

/** Where somebody has to go first. */
function owedBy({ principal }: View): string | undefined {
  if (principal.mustChangePassword) return passwordPath;
  return principal.mustSetUpSecondFactor ? accountPath : undefined;
}

function pathOf(c: FrameContext): string {
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

/** What a page's last table says; lists stand below what they are made of. */
function lastTable(content: Child): string[][] {
  const tables: string[][][] = [];
  String(<tableRows.Provider value={tables}>{content}</tableRows.Provider>);
  return tables.at(-1) ?? [];
}

const ListEnd: FC<{ view: View; next: string | null }> = ({ view, next }) => {
  const words = view.words(frameTexts);
  const here = (change: Readonly<Record<string, string>>) =>
    `?${new URLSearchParams({ ...view.query, ...change })}`;
  // Of the whole list, on whatever page of it somebody stands.
  const { cursor: _, ...list } = view.query;
  return (
    <p class="actions">
      {next === null ? null : <LinkButton href={here({ cursor: next })}>{words.more}</LinkButton>}
      <LinkButton href={`?${new URLSearchParams({ ...list, format: 'csv' })}`}>CSV</LinkButton>
    </p>
  );
};

/** True for a browser that goes to an address, not a program or a part of a page. */
function isLookedAt(c: FrameContext): boolean {
  const accepts = c.req.header('accept') ?? '';
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
  return isRead && accepts.includes('text/html') && c.req.header('hx-request') === undefined;
}

/** What the door or a page of its own tells, and no form. */
function isOwnPage(error: DomainError): boolean {
  const codes = ['not-signed-in', 'not-permitted', 'password-temporary', 'second-factor-missing'];
  return codes.includes(error.code);
}

const DeadEnd: FC<PropsWithChildren<{ c: FrameContext; title: string }>> = (props) => {
  const { c, title, children } = props;
  return (
    <>
      <h1>{title}</h1>
      {children}
      <p>
        <LinkButton href="/">{frameTexts[preferencesOf(c).language].home}</LinkButton>
      </p>
    </>
  );
};

function refusalPage(c: FrameContext, error: DomainError) {
  const { language } = preferencesOf(c);
  const words = frameTexts[language];
  const isDenied = error.code === 'not-permitted';
  const title = isDenied ? words.deniedTitle : words.failedTitle;
  const content = (
    <DeadEnd {...{ c, title }}>
      <Notice tone="bad" title={isDenied ? undefined : problemText(language, error)}>
        {isDenied ? words.deniedText : words.recorded(c.get('exchange').trace.traceId)}
      </Notice>
    </DeadEnd>
  );
  return { title, content };
}
