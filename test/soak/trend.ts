/** How something grows: robust against the outliers that a garbage collector makes. */

const mebibyte = 1024 * 1024;

export interface Sample {
  readonly second: number;
  readonly rss: number;
  readonly heap: number;
  /** Open files and the like. */
  readonly handles: number;
  readonly sockets: number;
  readonly wal: number;
  readonly store: number;
  readonly lagSeconds: number;
}

/** SQLite's page cache may grow to this with the store; see shared/store/embedded-store.ts. */
const pageCacheMax = 64 * mebibyte;
const windowsMin = 6;
/** What V8 and the allocator take as they please. */
const heapSlack = 8 * mebibyte;
/** Connections that are opened side by side now and then. */
const socketSlack = 16;
const rssSlack = 32 * mebibyte;
/** `journal_size_limit`, and what one group of writes may add. */
const walMax = 80 * mebibyte;

/** Theil and Sen's estimate: the median of the slopes between all pairs, per second. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x1, y1], index) =>
    points.slice(index + 1).map(([x2, y2]) => (y2 - y1) / (x2 - x1)),
  );
  return medianOf(slopes);
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** The least of each window: what is left after a collection. */
function floors(samples: readonly Sample[], of: (sample: Sample) => number) {
  const size = Math.max(1, Math.floor(samples.length / (2 * windowsMin)));
  const points: [number, number][] = [];
  for (let start = 0; start + size <= samples.length; start += size) {
    const window = samples.slice(start, start + size);
    points.push([window[0]?.second ?? 0, Math.min(...window.map(of))]);
  }
  return points;
}

/** What was gained over the whole time if the trend holds, in bytes. */
function gainOf(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const seconds = (samples.at(-1)?.second ?? 0) - (samples[0]?.second ?? 0);
  return slopeOf(floors(samples, of)) * seconds;
}

export interface Verdict {
  readonly faults: readonly string[];
  readonly line: string;
}

/** The samples after the warm-up. */
export function judge(code: string, samples: readonly Sample[]): Verdict {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || samples.length < windowsMin) {
    return { faults: [`${code}: too few samples`], line: code };
  }
  const grown = last.store - first.store;
  const gains = {
    heap: gainOf(samples, ({ heap }) => heap),
    rss: gainOf(samples, ({ rss }) => rss),
  };
  const half = Math.floor(samples.length / 2);
  const mostOf = (of: (sample: Sample) => number) =>
    [samples.slice(0, half), samples.slice(half)].map((part) => Math.max(...part.map(of)));
  const handles = mostOf((sample) => sample.handles);
  const sockets = mostOf((sample) => sample.sockets);
  const wal = Math.max(...samples.map((sample) => sample.wal));
  const faults = [
    ...(gains.heap > heapSlack ? [`${code}: the heap grew by ${mib(gains.heap)} MiB`] : []),
    ...(gains.rss > Math.min(grown, pageCacheMax) + rssSlack
      ? [`${code}: memory grew by ${mib(gains.rss)} MiB, the store by ${mib(grown)} MiB`]
      : []),
    ...((handles[1] ?? 0) > (handles[0] ?? 0)
      ? [`${code}: at most ${handles[0]} handles, then ${handles[1]}`]
      : []),
    ...((sockets[1] ?? 0) > (sockets[0] ?? 0) + socketSlack
      ? [`${code}: at most ${sockets[0]} sockets, then ${sockets[1]}`]
      : []),
    ...(wal > walMax ? [`${code}: the WAL reached ${mib(wal)} MiB`] : []),
  ];
  const line = [
    code.padEnd(4),
    `rss ${mib(first.rss)} → ${mib(last.rss)} MiB (trend ${mib(gains.rss)})`,
    `heap trend ${mib(gains.heap)} MiB`,
    `handles ${handles.join(' → ')}`,
    `sockets ${sockets.join(' → ')}`,
    `WAL at most ${mib(wal)} MiB`,
    `store ${mib(first.store)} → ${mib(last.store)} MiB`,
    `loop p99 median ${Math.round(1000 * medianOf(samples.map((each) => each.lagSeconds)))} ms`,
  ].join(', ');
  return { faults, line };
}

function mib(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}
