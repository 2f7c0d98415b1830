/**
 * Starts that a peer has heard of and that nothing proves: a start may have sent only what earlier ones still owed.
 * Few, and none that anything hangs on; otherwise a peer could fill a recovering node with starts that never were.
 */
const maxUnprovenStarts = 4;
/** Of one peer in one start of this node, however often it is asked. */
const maxUnprovenOfPeer = 16;

/** A start and those before it, oldest first, as one of the node's own signed heads names them. */
export type StartLine = readonly string[];

/**
 * The starts that this node forgot, oldest first. Their order is what its own signed heads say; a peer's word is only
 * good for a few more that come last.
 */
export function forgottenStarts(
  claimed: readonly string[],
  lines: readonly StartLine[],
  said: readonly string[] = [],
): { readonly all: readonly string[]; readonly unproven: readonly string[] } {
  const earlier = new Map<string, Set<string>>();
  for (const line of lines) {
    for (const [index, start] of line.entries()) {
      const before = earlier.get(start) ?? new Set();
      const previous = line[index - 1];
      if (previous !== undefined) before.add(previous);
      earlier.set(start, before);
    }
  }
  const ordered = new Set<string>();
  const entered = new Set<string>();
  function visit(start: string): void {
    if (entered.has(start)) return;
    entered.add(start);
    for (const before of earlier.get(start) ?? []) visit(before);
    ordered.add(start);
  }
  const proven = (start: string) => earlier.has(start);
  for (const start of [...claimed.filter(proven), ...earlier.keys()]) visit(start);
  const unproven = claimed.filter((start) => !proven(start));
  const last = [...new Set([...said, ...unproven.slice(-maxUnprovenStarts)])].slice(
    0,
    maxUnprovenOfPeer,
  );
  return { all: [...ordered, ...last], unproven: last };
}
