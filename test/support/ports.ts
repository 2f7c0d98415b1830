import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Below the ports that systems give to callers: a node that is started again finds its own still free. A process keeps
 * the stretches that it took until it ends, by a file each: another test beside it must not take the port of a node that
 * is only stopped for a while.
 */
const first = 12_000;
const last = 32_000;
const stretch = 20;
const stretches = (last - first) / stretch;
/** A prime: of how many stretches lie between the first ones of two processes that follow each other. */
const farApart = 401;
const kept: string[] = [];
let turns = 0;

process.once('exit', () => {
  for (const file of kept) rmSync(file, { force: true });
});

/** The first of `count` ports in a row that nobody listens on and no other test keeps. */
export async function freePortBase(count: number): Promise<number> {
  const wanted = Math.ceil(count / stretch);
  for (let turn = 0; turn < stretches; turn += 1) {
    turns += 1;
    // One after the other, so that every stretch is tried; processes of neighbouring numbers begin far from each other.
    const at = (process.pid * farApart + turns) % (stretches - wanted + 1);
    const bases = Array.from({ length: wanted }, (_, index) => first + (at + index) * stretch);
    if (!bases.every(keep)) continue;
    const [base = first] = bases;
    const ports = Array.from({ length: count }, (_, index) => base + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every((each) => each)) return base;
  }
  throw new Error('no free ports');
}

export async function freePorts(count: number): Promise<number[]> {
  const base = await freePortBase(count);
  return Array.from({ length: count }, (_, index) => base + index);
}

function keep(base: number): boolean {
  const file = join(tmpdir(), `sbms-ports-${base}`);
  if (write(file)) return true;
  if (isRunning(file)) return false;
  // It was killed before it could tidy up.
  rmSync(file, { force: true });
  return write(file);
}

function write(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch {
    return false;
  }
  kept.push(file);
  return true;
}

/** Whoever has made the file and not yet written into it is running too. */
function isRunning(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
