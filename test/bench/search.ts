import { password, send, startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { customerAt, documentAt, fillBranch, iccidAt, numberAt, surnames } from './full-branch.ts';
import { quantile, runLoad, timed } from './load.ts';

const subscribers = 1_000_000;
/** Of the branch's first range: the only one that another branch knows by the demo's numbering plan. */
const planned = 100_000;
const seconds = 2;
const spread = 7_919;

type Asked = (index: number) => string;

/** What people look for, as the pages and programs ask it. */
const kinds: Readonly<Record<string, Asked>> = {
  number: (index) => `/api/v1/subscribers?query=${numberAt(index)}`,
  'end of a number': (index) => `/api/v1/subscribers?query=${numberAt(index).slice(-4)}`,
  'whole name': (index) => `/api/v1/subscribers?query=${nameAt(index, ' Иван Ильич')}`,
  'begin of a name': (index) => `/api/v1/subscribers?query=${nameAt(index, '')}`,
  'two letters': () => `/api/v1/subscribers?query=${encodeURIComponent('Ив')}`,
  ICCID: (index) => `/api/v1/subscribers?query=${iccidAt(index)}`,
  'customer number': (index) => `/api/v1/subscribers?query=MSK-${customerAt(index)}`,
  document: (index) => `/api/v1/subscribers?query=${encodeURIComponent(documentAt(index))}`,
  card: (index) => `/api/v1/subscribers/${numberAt(index)}`,
  'page of a search': (index) => `/find?q=${nameAt(index, '')}`,
  'page of a card': (index) => `/subscribers/${numberAt(index)}`,
};

const nameAt = (index: number, rest: string) =>
  encodeURIComponent((surnames[index % surnames.length] ?? '') + rest);

/** Finding people and showing their cards, over the front port, in a branch of a large region. */
export const search: Bench = {
  name: 'search',
  method: `${subscribers} subscribers in a branch; one person asks without a pause; client and node share a process; yardstick: the same of an address that asks no store`,
  goal: 'p95 under 50 ms for each kind',
  async run(rounds, note) {
    const federation = await startFederation(['MSK', 'SPB']);
    try {
      const { store } = federation.running('MSK');
      const { p50Ms } = await timed(() => fillBranch(store, subscribers));
      note(`filled in ${(p50Ms / 1_000).toFixed(0)} s`);
      const home = await askerOf(federation, 'MSK');
      for (const [kind, path] of Object.entries(kinds)) note(await line(kind, () => home(path)));
      const away = await askerOf(federation, 'SPB');
      const card = (index: number) => `/api/v1/subscribers/${numberAt(index % planned)}`;
      note(await line('card, asked at another branch', () => away(card)));
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await home(() => '/livez');
        const measured = await home((index) => {
          const all = Object.values(kinds);
          return all[index % all.length]?.(index) ?? '/';
        });
        if (round > 0) results.push({ yardstick, measured });
      }
      return results;
    } finally {
      await federation.stop();
    }
  },
};

type Loaded = Awaited<ReturnType<typeof runLoad>>;

async function line(kind: string, ask: () => Promise<Loaded>): Promise<string> {
  await ask();
  const { latenciesMs, cpuMs } = await ask();
  const [p50 = '', p95 = ''] = [0.5, 0.95].map((share) => quantile(latenciesMs, share).toFixed(1));
  return `${kind.padEnd(30)} p50 ${p50} ms, p95 ${p95} ms, ${cpuMs.toFixed(2)} ms of processor time each`;
}

/** Somebody at a branch's desk who may see everything there. */
async function askerOf(federation: TestFederation, code: string) {
  const { url } = federation.branch(code);
  const body = { login: 'manager', password };
  const session = await send(url, 'POST', '/api/v1/sessions', { body });
  const authorization = `Bearer ${session.body.token}`;
  return (path: Asked): Promise<Loaded> =>
    runLoad({
      ...{ url, connections: 1, seconds, pids: [process.pid] },
      request: (turn) => ({
        method: 'GET',
        path: path((turn * spread) % subscribers),
        headers: { authorization },
      }),
    });
}
