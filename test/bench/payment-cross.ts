import Database from 'libsql';
import {
  type DescribedNode,
  demoPlace,
  deskAt,
  type RunningDemo,
  untilCalm,
} from '../support/processes.ts';
import type { Bench, Round } from './bench.ts';
import { quantile, runLoad } from './load.ts';
import { numbersOf, payingAt } from './paying.ts';

const connections = 64;
const seconds = 4;
const creditSeconds = 8;
const looksPerSecond = 4;

/** Payments for another branch's numbers, from the desk to head office's match. */
export const paymentCross: Bench = {
  name: 'payment-cross',
  method: `${connections} connections at one branch for the numbers of another, until head office has matched the last; three processes and the client; yardstick: the same branch, its own numbers, until head office has the last`,
  goal: 'at least 0.25 of payment-local; credited after 100 ms (p50) and 500 ms (p99) at half that load',
  async run(rounds, note) {
    const place = await demoPlace(3);
    const demo = await place.up('--branches', '2');
    try {
      const [serving, home] = demo.description.nodes.filter(({ role }) => role === 'branch');
      if (!serving || !home) throw new Error('the demo has two branches');
      const load = await loadOn(demo, { serving, note });
      const own = await payingAt(serving, await numbersOf(serving));
      const across = await payingAt(serving, await numbersOf(home));
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await load({ seconds, request: own });
        const measured = await load({ seconds, request: across });
        if (round > 0) results.push({ yardstick, measured });
      }
      const rates = results.map(({ measured }) => measured.perSecond);
      const perSecondMax = quantile(rates, 0.5) / 2;
      const since = new Date().toISOString();
      await load({ seconds: creditSeconds, request: across, perSecondMax });
      await demo.interrupt();
      const [p50 = 0, p99 = 0] = creditQuantiles(home, { since, serving: serving.code });
      note(`at ${perSecondMax.toFixed(0)}/s credited after ${p50} ms (p50), ${p99} ms (p99)`);
      return results;
    } finally {
      await demo.killAll();
      place.remove();
    }
  },
};

async function loadOn(
  demo: RunningDemo,
  { serving, note }: { serving: DescribedNode; note: (text: string) => void },
) {
  const { nodes } = demo.description;
  const desks = await Promise.all(nodes.map((node) => deskAt(node)));
  const pids = nodes.map(({ code }) => demo.pid(code));
  return async (
    given: Pick<Parameters<typeof runLoad>[0], 'seconds' | 'request' | 'perSecondMax'>,
  ) => {
    const waiting: number[] = [];
    const watch = setInterval(async () => {
      const { items } = (await desks
        .find(({ code }) => code === serving.code)
        ?.get('/api/v1/streams')) ?? { items: [] };
      waiting.push(items.reduce((sum: number, each: { behind: number }) => sum + each.behind, 0));
    }, 1_000 / looksPerSecond);
    const untilDone = async () => {
      clearInterval(watch);
      await untilCalm(desks);
    };
    const sample = await runLoad({ ...given, url: serving.url, connections, pids, untilDone });
    note(`entries that waited at ${serving.code}, four times a second: ${waiting.join(' ')}`);
    return sample;
  };
}

/** Both branches are on this machine and go by its clock. */
function creditQuantiles(
  home: DescribedNode,
  { since, serving }: { since: string; serving: string },
): number[] {
  const db = new Database(home.store, { readonly: true });
  try {
    const rows = db
      .prepare(
        `SELECT json_extract(operation, '$.occurredAt') AS accepted, decided_at AS credited
         FROM decisions WHERE kind = 'payment' AND serving = ? AND decided_at >= ?`,
      )
      .all([serving, since]) as { accepted: string; credited: string }[];
    const times = rows.map((row) => Date.parse(row.credited) - Date.parse(row.accepted));
    return [0.5, 0.99].map((share) => quantile(times, share));
  } finally {
    db.close();
  }
}
