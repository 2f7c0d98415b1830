/**
 * Numbers by range and one by one, packed: 10 bytes for a single number, so that a million of them
 * fit a small node. MSISDNs have 15 digits at most and are exact in a double.
 */
export interface NumberIndex {
  /** The owner of `number`, an index into the owners given, or -1. */
  find(number: number): number;
}

export interface NumberRange {
  readonly from: number;
  readonly to: number;
  readonly owner: number;
}

/** Index of ranges that do not overlap, in any order. Looks up in O(log n) without allocation. */
export function indexRanges(ranges: readonly NumberRange[]): NumberIndex {
  const sorted = ranges.toSorted((a, b) => a.from - b.from);
  const starts = Float64Array.from(sorted, (range) => range.from);
  const ends = Float64Array.from(sorted, (range) => range.to);
  const owners = Uint32Array.from(sorted, (range) => range.owner);
  return {
    find(number) {
      const place = lastNotAfter(starts, number);
      return place >= 0 && number <= (ends[place] ?? -1) ? (owners[place] ?? -1) : -1;
    },
  };
}

export interface SingleNumbers extends NumberIndex {
  readonly size: number;
  /** Calls `visit` for every number, ascending. */
  each(visit: (number: number, owner: number) => void): void;
}

/** Index of single numbers, in any order (those in order are the quickest), each with its owner. */
export function indexSingles<Row>(
  rows: readonly Row[],
  of: { readonly number: (row: Row) => number; readonly owner: (row: Row) => number },
): SingleNumbers {
  const sorted = rows.toSorted((a, b) => of.number(a) - of.number(b));
  const numbers = Float64Array.from(sorted, of.number);
  const owners = Uint16Array.from(sorted, of.owner);
  return {
    size: numbers.length,
    find(number) {
      const place = lastNotAfter(numbers, number);
      return place >= 0 && numbers[place] === number ? (owners[place] ?? -1) : -1;
    },
    each(visit) {
      for (const [place, number] of numbers.entries()) visit(number, owners[place] ?? 0);
    },
  };
}

/** The last place whose value is not over `number`, or -1. */
function lastNotAfter(sorted: Float64Array, number: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= number) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
