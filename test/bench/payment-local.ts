import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../shared/store/assets.ts';
import { demoPlace } from '../support/processes.ts';
import type { Bench, Round } from './bench.ts';
import { runLoad } from './load.ts';
import { numbersOf, payingAt, paymentBody } from './paying.ts';

const connections = 64;
const seconds = 4;

/** Payments over HTTP at one branch, for its own numbers, against an echo with the same client. */
export const paymentLocal: Bench = {
  name: 'payment-local',
  method: `${connections} connections; a branch process of the demo with TLS to its peers, sessions, idempotency keys, synchronous=FULL; yardstick: a bare Hono POST echo in a process of its own`,
  goal: 'at least 0.6 of the echo, p99 under 50 ms',
  async run(rounds) {
    const place = await demoPlace(2);
    const demo = await place.up('--branches', '1');
    const echo = await startEcho();
    try {
      const branch = demo.node('MSK');
      const numbers = await numbersOf(branch);
      const request = await payingAt(branch, numbers);
      const headers = { 'content-type': 'application/json' };
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await runLoad({
          ...{ url: echo.url, connections, seconds, pids: [echo.pid] },
          request: (turn) => ({ path: '/echo', headers, body: paymentBody(numbers, turn) }),
        });
        const measured = await runLoad({
          ...{ url: branch.url, connections, seconds, pids: [branch.pid], request },
        });
        if (round > 0) results.push({ yardstick, measured });
      }
      return results;
    } finally {
      echo.stop();
      await demo.killAll();
      place.remove();
    }
  },
};

async function startEcho(): Promise<{ url: string; pid: number; stop(): void }> {
  const child = spawn(process.execPath, [join(projectRoot(), 'dist/test/bench/echo.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout, 'data');
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    pid: child.pid ?? 0,
    stop: () => void child.kill(),
  };
}
