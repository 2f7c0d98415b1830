import type { Principal } from '../access/operator.ts';
import type { Permission } from '../access/permissions.ts';
import type { FrameContext } from '../web/exchange.ts';
import type { Formats } from './formats.ts';
import type { Catalogue, Language, Texts } from './language.ts';
import type { Names } from './names.ts';
import type { Theme } from './preferences.ts';

/** One look at a page: who looks, in which language, at what. */
export interface View extends Names {
  readonly c: FrameContext;
  readonly language: Language;
  readonly theme: Theme;
  readonly format: Formats;
  readonly principal: Principal;
  readonly query: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  /** A form's fields; empty at a GET. */
  readonly form: Readonly<Record<string, string>>;
  may(permission: Permission): boolean;
  words<T extends Texts>(texts: Catalogue<T>): T;
}

/** A place that people go to; who may not go there does not see it. */
export interface Place {
  readonly href: string;
  readonly label: Readonly<Record<Language, string>>;
  readonly permission: Permission | 'signed-in';
  /** The second key after `g` that leads there. */
  readonly key?: string;
  /** The fragment that says how much waits there. */
  readonly badge?: string;
}

export interface PlaceGroup {
  readonly label: Readonly<Record<Language, string>>;
  readonly places: readonly Place[];
}

/** The menu as this person sees it. */
export function visiblePlaces(view: View, groups: readonly PlaceGroup[]): PlaceGroup[] {
  const isOpen = ({ permission }: Place) => permission === 'signed-in' || view.may(permission);
  return groups.flatMap(({ label, places }) => {
    const open = places.filter(isOpen);
    return open.length === 0 ? [] : { label, places: open };
  });
}
