import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock } from '../time/clock.ts';

/**
 * The system's resolver holds a thread of four for as long as a name server is silent; the others are left to the disk
 * and to names that do resolve.
 */
const lookupsMax = 2;
const lookupMaxMs = 5_000;
const freshMs = 30_000;
const namesMax = 1_024;

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly atMs: number;
}

type Resolve = (name: string) => Promise<LookupAddress[]>;

/**
 * Names of peers to addresses, as the system resolves them: few at a time, each one once however many wait for it, and
 * an address that is known is used at once and looked up again behind its back.
 */
export function createLookup(deps: { clock: Clock; resolve?: Resolve }): LookupFunction {
  const { clock, resolve = (name) => lookup(name, { all: true }) } = deps;
  const known = new Map<string, Known>();
  const underWay = new Map<string, Promise<Known>>();
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= lookupsMax) await new Promise<void>((go) => waiting.push(go));
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  }

  function lookUp(name: string): Promise<Known> {
    const same = underWay.get(name);
    if (same) return same;
    const started = inTurn(() => resolve(name))
      .then((addresses) => {
        const found = { addresses, atMs: clock.nowMs() };
        if (known.size >= namesMax) known.clear();
        known.set(name, found);
        return found;
      })
      .finally(() => underWay.delete(name));
    underWay.set(name, started);
    return started;
  }

  async function addressesOf(name: string): Promise<readonly LookupAddress[]> {
    const last = known.get(name);
    if (!last) return (await inTime(lookUp(name))).addresses;
    if (Math.abs(clock.nowMs() - last.atMs) > freshMs) lookUp(name).catch(() => undefined);
    return last.addresses;
  }

  function inTime(work: Promise<Known>): Promise<Known> {
    return new Promise((settle, reject) => {
      const cancel = clock.after(lookupMaxMs, () => reject(new Error('no name server answers')));
      work.then(settle, reject).finally(cancel);
    });
  }

  return (name, options, callback) => {
    const address = isIP(name);
    const found = address ? [{ address: name, family: address }] : addressesOf(name);
    Promise.resolve(found).then(
      (addresses) => {
        const [first] = addresses;
        if (!first) callback(new Error(`${name} has no address`), '');
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, ''),
    );
  };
}
