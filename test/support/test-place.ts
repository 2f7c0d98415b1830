import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const memory = '/dev/shm';
/** A whole run leaves less than half of this. */
const roomBytes = 4 * 1024 ** 3;

let place: string | undefined;

/**
 * Where there is room, a run makes its files in memory: what a commit survives is for the power cuts to say, and the syncs
 * of each test's nodes take a quarter of its time. `TMPDIR`, where it is given, stays as it is.
 */
export function mochaGlobalSetup(): void {
  if (process.env.TMPDIR !== undefined || !hasRoom()) return;
  place = mkdtempSync(join(memory, 'sbms-tests-'));
  process.env.TMPDIR = place;
}

export function mochaGlobalTeardown(): void {
  if (place !== undefined) rmSync(place, { recursive: true, force: true, maxRetries: 5 });
}

function hasRoom(): boolean {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= roomBytes && freemem() >= 2 * roomBytes;
  } catch {
    return false;
  }
}
