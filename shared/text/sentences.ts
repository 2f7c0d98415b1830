/** `{name}` in a sentence is filled in. */
type Blanks<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Blanks<Rest>
  : never;

export type Filled<Text extends string> = Readonly<Record<Blanks<Text>, string>>;

export type Sentences<Texts extends Readonly<Record<string, string>>> = ReturnType<
  typeof sentences<Texts>
>;

/** A sentence that was known again, with what filled its blanks. */
export interface KnownSentence<Key> {
  readonly key: Key;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * Sentences that are stored and sent as text, and known again when they are read: so pages say them in the reader's
 * language, old ones too. The first that fits counts. `shapes` says what may stand in a blank, as a regular expression
 * without groups; anything may without one.
 */
export function sentences<const Texts extends Readonly<Record<string, string>>>(
  texts: Texts,
  shapes: Readonly<Record<string, string>> = {},
) {
  type Key = keyof Texts & string;
  const patterns = Object.entries(texts).map(([key, text]) => ({
    ...{ key: key as Key, pattern: patternOf(text, shapes) },
  }));
  return {
    say<Name extends Key>(key: Name, values: Filled<Texts[Name]>): string {
      const filled: Readonly<Record<string, string>> = values;
      const text: string = texts[key] ?? '';
      return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => filled[name] ?? '');
    },
    read(text: string): KnownSentence<Key> | undefined {
      for (const { key, pattern } of patterns) {
        const match = pattern.exec(text);
        if (match) return { key, values: match.groups ?? {} };
      }
      return undefined;
    },
  };
}

function patternOf(text: string, shapes: Readonly<Record<string, string>>): RegExp {
  const parts = text.split(/\{(\w+)\}/);
  const source = parts.map((part, place) =>
    place % 2 === 0 ? escaped(part) : `(?<${part}>${shapes[part] ?? '.+'})`,
  );
  return new RegExp(`^${source.join('')}$`, 's');
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
