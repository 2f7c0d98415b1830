/**
 * Keeps what `make` made for a text, at most `entriesMax` of them: the oldest goes first.
 * What was dropped is made again when it is asked for.
 */
export function boundedCache<Value>(
  entriesMax: number,
  make: (text: string) => Value,
): (text: string) => Value {
  const kept = new Map<string, Value>();
  return (text) => {
    const found = kept.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    for (const oldest of kept.keys()) {
      if (kept.size < entriesMax) break;
      kept.delete(oldest);
    }
    kept.set(text, made);
    return made;
  };
}
