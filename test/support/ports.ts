import { createServer } from 'node:net';

/**
 * Below the ports that systems give to callers: a node that is started again finds its own still free. Each process
 * begins elsewhere, and takes no stretch twice.
 */
const first = 12_000;
const last = 32_000;
let taken = 0;

/** The first of `count` ports in a row that nobody listens on. */
export async function freePortBase(count: number): Promise<number> {
  const stretches = Math.floor((last - first) / count);
  for (let turn = 0; turn < stretches; turn += 1) {
    taken += 1;
    // Odd steps of two primes: processes of neighbouring numbers do not run after each other.
    const base = first + ((process.pid * 101 + taken * 37) % stretches) * count;
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

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
