import type { FC } from 'hono/jsx';
import { frameTexts } from './frame-texts.ts';
import type { Pages } from './pages.tsx';
import { type PlaceGroup, type View, visiblePlaces } from './view.ts';

const maxQueryLength = 100;
const maxShown = 12;

export interface PaletteItem {
  readonly label: string;
  /** What it is, for somebody who did not look for it. */
  readonly hint: string;
  readonly href: string;
}

export interface PaletteDeps {
  readonly pages: Pages;
  readonly groups: readonly PlaceGroup[];
  /** What a node finds besides its pages. */
  find?(view: View, query: string): Promise<readonly PaletteItem[]>;
}

/** Everything by its name: pages, and whatever the node finds. */
export function palettePages({ pages, groups, find }: PaletteDeps): void {
  pages.fragment({ path: '/palette', permission: 'signed-in' }, async (view) => {
    const query = (view.query.q ?? '').trim().slice(0, maxQueryLength);
    const found = query === '' || !find ? [] : await find(view, query);
    const items = [...found, ...placesNamed(view, groups, query)].slice(0, maxShown);
    const { nothingFound } = view.words(frameTexts);
    return items.length === 0 ? <p class="hint">{nothingFound}</p> : <Options items={items} />;
  });
}

function placesNamed(view: View, groups: readonly PlaceGroup[], query: string): PaletteItem[] {
  const wanted = query.toLocaleLowerCase();
  return visiblePlaces(view, groups).flatMap(({ label, places }) =>
    places
      .filter((place) => place.label[view.language].toLocaleLowerCase().includes(wanted))
      .map(({ label: name, href }) => ({
        ...{ label: name[view.language], hint: label[view.language], href },
      })),
  );
}

const Options: FC<{ items: readonly PaletteItem[] }> = ({ items }) => (
  <>
    {items.map(({ label, hint, href }, index) => (
      <a
        {...{ role: 'option', id: `option-${index}`, href, tabindex: -1 }}
        {...{ 'aria-selected': String(index === 0) }}
      >
        <span>{label}</span> <span class="soft">{hint}</span>
      </a>
    ))}
  </>
);
