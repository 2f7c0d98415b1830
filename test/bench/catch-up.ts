import { password, send, startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench } from './bench.ts';
import { quantile, runLoad } from './load.ts';
import { asProcesses, drain, subscribersOf, untilTold } from './outage.ts';
import { paymentRequests } from './paying.ts';

const waiting = 100_000;
const connections = 64;
const seconds = 6;
const besidePerSecond = 20;

/** A home branch that comes back to what waited for it. */
export const catchUp: Bench = {
  name: 'catch-up',
  method: `${waiting} payments wait at one branch for another, which starts; until all are credited, concluded and matched; ${besidePerSecond} new payments a second meanwhile; yardstick: payments across by ${connections} connections, until matched; three processes and the client; one round`,
  goal: 'drains at least 3 times as fast as payment-cross, and new payments keep their p99',
  async run(_, note, scale) {
    const federation = await startFederation(['MSK', 'SPB']);
    try {
      const numbers = await subscribersOf(federation, 'SPB');
      const own = await subscribersOf(federation, 'MSK');
      const yardstick = await across(federation, numbers);
      const beside: number[] = [];
      const count = Math.round(waiting * scale);
      const given = { serving: 'MSK', home: 'SPB', numbers, count };
      const measured = await drain(federation, given, async ({ pid }) => {
        const request = await requestsAt(federation, own);
        const { url } = federation.branch('MSK');
        const load = { url, connections: 8, seconds, pids: [pid], perSecondMax: besidePerSecond };
        beside.push(...(await runLoad({ ...load, request })).latenciesMs);
      });
      const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => quantile(beside, share));
      note(
        `${count} waited; new payments meanwhile p50 ${p50.toFixed(0)}, p99 ${p99.toFixed(0)} ms`,
      );
      return [{ measured, yardstick }];
    } finally {
      await federation.stop();
    }
  },
};

async function across(federation: TestFederation, numbers: readonly string[]) {
  return asProcesses(federation, ['HQ', 'MSK', 'SPB'], async (running) => {
    const { url } = federation.branch('MSK');
    const pids = [...running.values()].map(({ pid }) => pid);
    const request = await requestsAt(federation, numbers);
    const untilDone = () => untilTold(federation, ['MSK', 'SPB']);
    return runLoad({ ...{ url, connections, seconds, pids, request, untilDone } });
  });
}

async function requestsAt({ branch }: TestFederation, numbers: readonly string[]) {
  const body = { login: 'manager', password };
  const session = await send(branch('MSK').url, 'POST', '/api/v1/sessions', { body });
  return paymentRequests(`Bearer ${session.body.token}`, numbers);
}
