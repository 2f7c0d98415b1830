import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
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
  const isMemory = process.env.TMPDIR === undefined && hasRoom();
  place = mkdtempSync(join(isMemory ? memory : tmpdir(), 'sbms-tests-'));
  if (isMemory) process.env.TMPDIR = place;
  const keys = join(place, 'keys');
  mkdirSync(keys);
  process.env.TEST_KEYS = keys;
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
