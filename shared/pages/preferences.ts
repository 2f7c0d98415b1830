import { getCookie, setCookie } from 'hono/cookie';
import type { FrameContext } from '../web/exchange.ts';
import { type Language, languages, preferredLanguage } from './language.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const languageCookie = 'sbms_language';
const themeCookie = 'sbms_theme';
const keptSeconds = 365 * 24 * 3_600;

export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
}

export function preferencesOf(c: FrameContext): Preferences {
  const language = languages.find((each) => each === getCookie(c, languageCookie));
  const theme = themes.find((each) => each === getCookie(c, themeCookie));
  return {
    language: language ?? preferredLanguage(c.req.header('accept-language')),
    theme: theme ?? 'auto',
  };
}

/** What is not one of the choices changes nothing. */
export function keepPreferences(c: FrameContext, wish: Readonly<Record<string, string>>): void {
  const options = { path: '/', httpOnly: true, sameSite: 'Strict', maxAge: keptSeconds } as const;
  const language = languages.find((each) => each === wish.language);
  const theme = themes.find((each) => each === wish.theme);
  if (language) setCookie(c, languageCookie, language, options);
  if (theme) setCookie(c, themeCookie, theme, options);
}
