import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const mebibyte = 1_048_576;
/** What caches of bounded size may still take after a quarter of a run. */
const growthMaxBytes = 8 * mebibyte;
/** A shorter run says nothing. */
const leastInputs = 2_000;

/** Holds what is left in memory after a quarter of a run against what is left at its end. */
export function createHeapWatch(inputs: number) {
  let early: number | undefined;
  const isLong = inputs >= leastInputs;
  return {
    /** To be told while nothing is under way. */
    after(count: number): void {
      if (isLong && early === undefined && count >= inputs / 4) early = heapInUse();
    },
    end(): { readonly growth?: number; readonly fault?: string } {
      if (early === undefined) return {};
      const growth = heapInUse() - early;
      if (growth <= growthMaxBytes) return { growth };
      const [from, by] = [early, growth].map((bytes) => (bytes / mebibyte).toFixed(1));
      return { growth, fault: `memory is kept: ${by} MiB more than ${from} at a quarter` };
    },
  };
}

function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // The first pass frees what finalizers held.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
