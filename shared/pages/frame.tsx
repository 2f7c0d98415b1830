import type { Child, FC } from 'hono/jsx';
import { accountPath, passwordPath } from './account-paths.ts';
import type { Assets } from './assets.ts';
import { frameTexts } from './frame-texts.ts';
import type { Language } from './language.ts';
import { type Theme, themes } from './preferences.ts';
import { type PlaceGroup, type View, visiblePlaces } from './view.ts';

export interface FrameProps {
  readonly assets: Assets;
  readonly title: string;
  readonly nodeName: string;
  readonly language: Language;
  readonly theme: Theme;
  readonly content: Child;
}

const htmxConfig = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
});

/** The whole document, with or without somebody signed in. */
export const Document: FC<FrameProps & { view?: View; groups?: readonly PlaceGroup[] }> = (
  props,
) => {
  const { assets, title, nodeName, language, theme, content, view, groups = [] } = props;
  const words = frameTexts[language];
  // Who owes a password or a second factor of his own goes nowhere else before.
  const isFree =
    view && !view.principal.mustChangePassword && !view.principal.mustSetUpSecondFactor;
  return (
    <html lang={language} data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content={htmxConfig} />
        <title>{`${title} · ${nodeName}`}</title>
        <script src={assets.pathOf('type-ahead.js')}></script>
        <link rel="icon" href={assets.pathOf('icon.svg')} type="image/svg+xml" />
        <link rel="stylesheet" href={assets.pathOf('app.css')} />
        <script src={assets.pathOf('htmx.js')} defer></script>
        <script src={assets.pathOf('app.js')} type="module"></script>
      </head>
      <body class={view ? 'desk' : 'door'}>
        <a class="skip" href="#content">
          {words.skip}
        </a>
        {view ? <Top view={view} nodeName={nodeName} /> : null}
        {isFree ? <Navigation view={view} groups={groups} /> : null}
        <main id="content" tabindex={-1}>
          {content}
        </main>
        {isFree ? <Keys view={view} groups={groups} /> : null}
        {isFree ? <Palette view={view} /> : null}
      </body>
    </html>
  );
};

const Top: FC<{ view: View; nodeName: string }> = ({ view, nodeName }) => {
  const words = view.words(frameTexts);
  return (
    <header class="top">
      <a class="brand" href="/">
        {nodeName}
      </a>
      {view.may('subscriber.read') ? (
        <search>
          <form action="/find" class="find">
            <input
              type="search"
              name="q"
              id="find"
              autocomplete="off"
              placeholder={words.find}
              aria-label={words.find}
              aria-keyshortcuts="/"
              value={view.query.q ?? ''}
            />
            <kbd>/</kbd>
          </form>
        </search>
      ) : (
        <span />
      )}
      <button type="button" class="button plain go" data-palette="" aria-keyshortcuts="Control+K">
        {words.goTo} <kbd>Ctrl K</kbd>
      </button>
      <Person view={view} />
    </header>
  );
};

/** Who is signed in, and how the pages look to him. */
const Person: FC<{ view: View }> = ({ view }) => {
  const words = view.words(frameTexts);
  return (
    <details class="person">
      <summary>{view.principal.name}</summary>
      <div>
        <form method="post" action="/preferences">
          <input type="hidden" name="back" value={backPath(view)} />
          <button
            type="submit"
            class="button plain"
            name="language"
            value={view.language === 'ru' ? 'en' : 'ru'}
          >
            {words.language}
          </button>
          <fieldset>
            <legend>{words.themes}</legend>
            {themes.map((theme) => (
              <button
                type="submit"
                class="button plain"
                name="theme"
                value={theme}
                aria-pressed={String(theme === view.theme)}
              >
                {theme === 'auto'
                  ? words.themeAuto
                  : theme === 'light'
                    ? words.themeLight
                    : words.themeDark}
              </button>
            ))}
          </fieldset>
        </form>
        <p>
          <a href={passwordPath}>{words.ownPassword}</a>
        </p>
        <p>
          <a href={accountPath}>{words.ownAccount}</a>
        </p>
        <form method="post" action="/sign-out">
          <button type="submit" class="button plain">
            {words.signOut}
          </button>
        </form>
      </div>
    </details>
  );
};

/** Where this page is seen again; an answer to a form has no address of its own. */
function backPath({ c }: View): string {
  if (c.req.method !== 'GET') return '/';
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

/** The place itself, or what lies under it. */
const isIn = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

const Navigation: FC<{ view: View; groups: readonly PlaceGroup[] }> = ({ view, groups }) => {
  const words = view.words(frameTexts);
  const { path } = view.c.req;
  return (
    <nav aria-label={words.menu} class="places">
      {visiblePlaces(view, groups).map(({ label, places }) => (
        <section>
          <h2>{label[view.language]}</h2>
          <ul>
            {places.map((place) => (
              <li>
                <a
                  href={place.href}
                  {...(place.key ? { 'data-go': place.key } : {})}
                  {...(isIn(path, place.href) ? { 'aria-current': 'page' } : {})}
                >
                  {place.label[view.language]}
                  {place.badge ? (
                    <span hx-get={place.badge} hx-trigger="load, every 30s"></span>
                  ) : null}
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <div
        class="node-status"
        hx-get="/node-status"
        hx-trigger="load, every 10s"
        aria-live="polite"
      ></div>
    </nav>
  );
};

const Keys: FC<{ view: View; groups: readonly PlaceGroup[] }> = ({ view, groups }) => {
  const words = view.words(frameTexts);
  const places = visiblePlaces(view, groups).flatMap(({ places: all }) =>
    all.filter(({ key }) => key),
  );
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">{words.keys}</h2>
      <dl class="keys">
        {[
          ['/', words.keyFind],
          ['Ctrl K', words.keyPalette],
          ['↑ ↓', words.keyMove],
          ['Enter', words.keyEnter],
          ['Tab', words.keyTab],
          ['?', words.keyHelp],
          ['Esc', words.keyClose],
          ...places.map(({ key, label }) => [`g ${key}`, label[view.language]]),
        ].map(([key, does]) => (
          <div>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="button plain">
          {words.close}
        </button>
      </form>
    </dialog>
  );
};

/** Everything by its name: opened by Ctrl K, filled by the server as one types. */
const Palette: FC<{ view: View }> = ({ view }) => {
  const words = view.words(frameTexts);
  return (
    <dialog id="palette" aria-label={words.goTo}>
      <input
        {...{ type: 'text', name: 'q', id: 'palette-query', autocomplete: 'off' }}
        {...{ role: 'combobox', 'aria-expanded': 'true' }}
        placeholder={words.paletteHint}
        aria-label={words.paletteHint}
        aria-controls="palette-options"
        aria-activedescendant="option-0"
        hx-get="/palette"
        hx-trigger="palette, input changed"
        hx-target="#palette-options"
        hx-sync="this:replace"
      />
      <div id="palette-options" role="listbox" aria-label={words.goTo}></div>
    </dialog>
  );
};
