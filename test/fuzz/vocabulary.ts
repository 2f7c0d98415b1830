/** Words that mean something to the nodes under test, by the name of the field they were seen in. */

const maxWordsPerName = 200;
/** What a node says of itself or of text is no name of anything. */
const prose: ReadonlySet<string> = new Set(['token', 'detail', 'title', 'type', 'traceId', 'next']);

export type Vocabulary = ReturnType<typeof createVocabulary>;

export function createVocabulary() {
  const words = new Map<string, Set<string>>();
  const refused = new Set<string>();

  function add(name: string, word: string): void {
    if (refused.has(word)) return;
    const known = words.get(name) ?? new Set();
    words.set(name, known.add(word));
    const [oldest] = known;
    if (known.size > maxWordsPerName && oldest !== undefined) known.delete(oldest);
  }

  /** Each text under its field's name, also with that of the list or object that it was found in. */
  function harvest(value: unknown, within: string, name = ''): void {
    if (typeof value === 'string') {
      if (prose.has(name)) return;
      add(name, value);
      add(`${within}.${name}`, value);
    } else if (Array.isArray(value)) {
      for (const item of value) harvest(item, within, name);
    } else if (typeof value === 'object' && value !== null) {
      const inner = name === '' || name === 'items' ? within : name;
      for (const [key, member] of Object.entries(value)) harvest(member, inner, key);
    }
  }

  return {
    add,
    harvest,
    /** Never offered: the fuzzer's own logins, which it would lock out of the node. */
    refuse: (word: string) => refused.add(word),
    isRefused: (word: string) => refused.has(word),
    /** The words for the most telling of these names that has any. */
    of(...names: readonly string[]): readonly string[] {
      for (const name of names) {
        const known = words.get(name);
        if (known && known.size > 0) return [...known];
      }
      return [];
    },
  };
}
