/** What people read, in every language of the pages. A text that a language lacks does not compile. */

export const languages = ['en', 'ru'] as const;
export type Language = (typeof languages)[number];

// biome-ignore lint/suspicious/noExplicitAny: a text takes whatever values its own sentence needs
type Sentence = string | ((...values: any[]) => string);
type Text = Sentence | readonly string[] | Readonly<Record<string, Sentence>>;
export type Texts = Readonly<Record<string, Text>>;
export type Catalogue<T extends Texts> = Readonly<Record<Language, T>>;

/** A room's texts. The second language has exactly the texts of the first. */
export function catalogue<T extends Texts>(en: T, ru: NoInfer<T>): Catalogue<T> {
  return { en, ru };
}

export interface PluralForms {
  readonly one: string;
  /** Russian: 2–4. */
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
}

const pluralRules = new Map(languages.map((each) => [each, new Intl.PluralRules(each)]));

/** The form that a count takes: 1 платёж, 2 платежа, 5 платежей. */
export function plural(language: Language, count: number, forms: PluralForms): string {
  const rule = pluralRules.get(language)?.select(count);
  const form = rule === 'one' || rule === 'few' || rule === 'many' ? forms[rule] : undefined;
  return form ?? forms.other;
}

/** The language that a browser asks for first, of those that there are. RFC 9110, 12.5.4. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  const wishes = (acceptLanguage ?? '').split(',').map((wish) => {
    const [tag = '', weight] = wish.trim().split(/;\s*q=/);
    return { primary: tag.slice(0, 2).toLowerCase(), weight: weight ?? '1' };
  });
  const sorted = wishes.toSorted((one, other) => (one.weight < other.weight ? 1 : -1));
  for (const { primary } of sorted) {
    const found = languages.find((each) => each === primary);
    if (found) return found;
  }
  return 'en';
}
