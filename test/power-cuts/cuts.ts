import { createHash } from 'node:crypto';
import { createDisk, type DiskEvent, type Image } from './disk.ts';
import type { Fact } from './judge.ts';
import type { Recording } from './recording.ts';

/** Where in a recording the power is cut, kind by kind, and what may lie on the disk then. */

export interface Cut {
  readonly kind: string;
  readonly recording: Recording;
  /** Events before this one were made. */
  readonly index: number;
  readonly files: Image;
  /** What had been told before. */
  readonly facts: readonly Fact[];
}

interface Site {
  readonly recording: Recording;
  readonly index: number;
}

const passesMax = 12;
/** After a checkpoint's last page: its sync, and the first frames over the old log. */
const checkpointTail = 24;

/** All places of each kind: by what was being done, by what was being written. */
export function sitesByKind(recordings: readonly Recording[]): Map<string, Site[]> {
  const kinds = new Map<string, Site[]>();
  const add = (kind: string, site: Site) => {
    const sites = kinds.get(kind);
    if (sites) sites.push(site);
    else kinds.set(kind, [site]);
  };
  for (const recording of recordings) {
    const { events, phases, place } = recording;
    let checkpointed = Number.NEGATIVE_INFINITY;
    for (const [at, event] of events.entries()) {
      const site = { recording, index: at + 1 };
      const during = phases.filter(
        ({ fromMs, toMs }) => event.atMs >= fromMs && event.atMs <= toMs,
      );
      for (const { kind } of during) add(kind, site);
      if (event.path.startsWith(place.sentinel)) add('sentinel written', site);
      const isRunning = during.some(({ kind }) => !/start|stop|migration/.test(kind));
      if (isRunning && event.type === 'write' && event.path === place.store) checkpointed = at;
      if (at - checkpointed <= checkpointTail) add('checkpoint of the log', site);
    }
  }
  return kinds;
}

/** So many images of a kind, no two alike; fewer when the recording has no more. */
export function* cutsOf(
  kind: string,
  sites: readonly Site[],
  { images, random }: { images: number; random: () => number },
): Generator<Cut> {
  const seen = new Set<string>();
  for (let pass = 0; pass < passesMax && seen.size < images; pass += 1) {
    for (const recording of new Set(sites.map((site) => site.recording))) {
      const indexes = sites
        .filter((site) => site.recording === recording)
        .map(({ index }) => index);
      const share = Math.ceil(((images - seen.size) * indexes.length) / sites.length);
      yield* cutsIn(recording, { kind, indexes, share, seen, random, images });
    }
  }
}

interface Share {
  readonly kind: string;
  readonly indexes: readonly number[];
  readonly share: number;
  readonly seen: Set<string>;
  readonly random: () => number;
  readonly images: number;
}

function* cutsIn(
  recording: Recording,
  { kind, indexes, share, seen, random, images }: Share,
): Generator<Cut> {
  const disk = createDisk(recording.base);
  let made = 0;
  let applied = 0;
  for (const [turn, index] of indexes.entries()) {
    for (; applied < index; applied += 1) apply(disk, recording.events[applied]);
    const facts = factsBefore(recording, index);
    // Evenly over all places, also when there are more places than images; what one lacks, the next ones make up for.
    const wanted = Math.floor((share * (turn + 1)) / indexes.length) - made;
    const tries = disk.pending() === 0 ? 1 : 2 * wanted;
    let found = 0;
    for (let each = 0; each < tries && found < wanted && seen.size < images; each += 1) {
      const { files, signature } = disk.image(random);
      const name = createHash('sha256')
        .update(`${recording.place.store} ${signature}`)
        .digest('base64');
      if (seen.has(name)) continue;
      seen.add(name);
      found += 1;
      yield { kind, recording, index, files, facts };
    }
    made += found;
  }
}

function apply(disk: ReturnType<typeof createDisk>, event: DiskEvent | undefined): void {
  if (event) disk.apply(event);
}

/** The event at `index` had not begun: whatever was told by then must be on the disk. */
function factsBefore({ events, facts }: Recording, index: number): readonly Fact[] {
  const next = events[index]?.atMs ?? Number.POSITIVE_INFINITY;
  return facts.filter(({ atMs }) => atMs <= next);
}
