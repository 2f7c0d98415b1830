import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { openReplica } from '../../../shared/store/server-replica.ts';
import { systemClock } from '../../../shared/time/clock.ts';

const timesFaster = 50;
const hourMs = 3_600_000;

describe('waiting for a replica that is away', () => {
  it('ends in time although the clock was set back meanwhile', async () => {
    const startMs = systemClock.nowMs();
    let setBackMs = 0;
    const clock = {
      nowMs: () => startMs + (systemClock.nowMs() - startMs) * timesFaster - setBackMs,
      after: (delayMs: number, fn: () => void) => systemClock.after(delayMs / timesFaster, fn),
    };
    // Nobody listens there.
    const options = { url: 'http://127.0.0.1:1', isAwaited: true };
    const replica = openReplica(options, { authToken: undefined, clock });
    const reached = replica.reach(1n).then(
      () => undefined,
      (error: unknown) => error,
    );
    setBackMs = hourMs;
    expect(isDomainError(await reached, 'store-unavailable')).to.equal(true);
    replica.close();
  }).timeout(5_000);
});

describe('many that read at a replica at once', () => {
  it('share one connection to it, and none is left behind', async () => {
    const sockets: Duplex[] = [];
    const server = createServer().on('upgrade', (_, socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { url: `http://127.0.0.1:${port}`, isAwaited: false };
    const replica = openReplica(options, { authToken: undefined, clock: systemClock });
    const elsewhere = replica.readOr(
      (fn) => fn({ get: async () => undefined, all: async () => [] }),
      () => 0n,
    );
    const reads = Array.from({ length: 8 }, () => elsewhere((tx) => tx.all('SELECT 1')));
    await once(server, 'upgrade');
    await pause(100);
    const opened = sockets.length;
    for (const socket of sockets) socket.destroy();
    await Promise.all(reads);
    replica.close();
    server.close();
    expect(opened).to.equal(1);
  });

  it('make none any more once it is closed', async () => {
    let opened = 0;
    const server = createServer().on('upgrade', (_, socket) => {
      opened += 1;
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { url: `http://127.0.0.1:${port}`, isAwaited: true };
    const replica = openReplica(options, { authToken: undefined, clock: systemClock });
    const reached = replica.reach(1n).then(
      () => undefined,
      (error: unknown) => error,
    );
    await once(server, 'upgrade');
    replica.close();
    opened = 0;
    await pause(200);
    server.close();
    expect(opened).to.equal(0);
    expect(isDomainError(await reached, 'store-unavailable')).to.equal(true);
  });
});
