import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { MigrationSet } from '../../shared/store/migrations.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { Store } from '../../shared/store/store.ts';
import { moneyFaults } from '../support/invariants.ts';
import type { Image } from './disk.ts';

/** Something that somebody was told, and where it stands in a store: a query whose rows hold the value. */
export interface Fact {
  readonly atMs: number;
  readonly query: string;
  readonly value: string;
}

export interface Place {
  readonly store: string;
  readonly sentinel: string;
}

/** Of one node alone, payments that are in flight are no fault. */
const isInFlight = (fault: string) => /: payment \S+ (is still|executed|refused|null)/.test(fault);

/** What one content of a store says, whichever image it came from. */
interface Reading {
  readonly faults: readonly string[];
  /** By query. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface JudgeDeps {
  /** Where images are laid out, one at a time. */
  readonly folder: string;
  readonly migrations: readonly MigrationSet[];
  /** What is wrong with a store whatever was told. */
  readonly verify: (store: Store) => Promise<string[]>;
}

/** The invariants of a branch's books and log. */
export async function branchFaults(store: Store): Promise<string[]> {
  return (await moneyFaults([{ code: 'MSK', store }])).filter((fault) => !isInFlight(fault));
}

/**
 * Opens images as the node would after the cut, and looks for what its people and peers were told. Opening is done for
 * every image; what a store says is read once for all images that came to the same bytes by it.
 */
export function createJudge({ folder, migrations, verify }: JudgeDeps) {
  const readings = new Map<string, Reading>();

  /** @returns a line for each fault. */
  async function judge(
    files: Image,
    { from, facts, queries }: { from: Place; facts: readonly Fact[]; queries: readonly string[] },
  ): Promise<string[]> {
    const path = join(folder, basename(from.store));
    const options = {
      ...{ url: `file:${path}`, migrations },
      sentinel: join(folder, 'sentinels', basename(from.sentinel)),
    };
    layOut(files, from, folder);
    let isSetBack: boolean;
    try {
      const { store, setBack } = await openStore(options);
      isSetBack = setBack;
      await store.close();
    } catch (error) {
      return [`the store does not open: ${error instanceof Error ? error.message : error}`];
    }
    const name = nameOfContent(path);
    let reading = readings.get(name);
    if (!reading) {
      const { store } = await openStore(options);
      reading = await readStore(store, { verify, queries });
      await store.close();
      readings.set(name, reading);
    }
    const { values } = reading;
    const lost = facts
      .filter(({ query, value }) => !values.get(query)?.has(value))
      .map(({ query, value }) => `lost: ${/FROM (\w+)/.exec(query)?.[1]} ${value}`);
    const alarm = isSetBack ? ['the sentinel says that the store was set back'] : [];
    return [...alarm, ...lost, ...reading.faults];
  }

  return { judge, contents: () => readings.size };
}

/** Written over what the last one left, and cut to its length: that spares the machine most of the work. */
function layOut(files: Image, from: Place, folder: string): void {
  const apart = join(folder, 'sentinels');
  mkdirSync(apart, { recursive: true });
  const wanted = new Map<string, Buffer>();
  for (const [path, content] of files) {
    wanted.set(join(path.startsWith(from.store) ? folder : apart, basename(path)), content);
  }
  for (const place of [folder, apart]) {
    for (const { name } of readdirSync(place, { withFileTypes: true }).filter((one) =>
      one.isFile(),
    )) {
      if (!wanted.has(join(place, name))) rmSync(join(place, name));
    }
  }
  for (const [path, content] of wanted) {
    const file = openSync(path, existsSync(path) ? 'r+' : 'w');
    writeSync(file, content, 0, content.length, 0);
    ftruncateSync(file, content.length);
    closeSync(file);
  }
}

let scratch = Buffer.alloc(0);

function nameOfContent(path: string): string {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  if (scratch.length < size) scratch = Buffer.alloc(2 * size);
  readSync(file, scratch, 0, size, 0);
  closeSync(file);
  return createHash('sha1').update(scratch.subarray(0, size)).digest('base64');
}

async function readStore(
  store: Store,
  { verify, queries }: Pick<JudgeDeps, 'verify'> & { queries: readonly string[] },
): Promise<Reading> {
  try {
    const faults = await verify(store);
    const values = new Map<string, ReadonlySet<string>>();
    await store.read(async (tx) => {
      const check = 'SELECT quick_check AS said FROM pragma_quick_check';
      for (const { said } of await tx.all<{ said: string }>(check)) {
        if (said !== 'ok') faults.push(`damaged: ${said}`);
      }
      for (const query of queries) {
        const rows = await tx.all<{ value: string }>(query);
        values.set(query, new Set(rows.map(({ value }) => value)));
      }
    });
    return { faults, values };
  } catch (error) {
    const what = error instanceof Error ? error.message : error;
    return { faults: [`the store cannot be read: ${what}`], values: new Map() };
  }
}
