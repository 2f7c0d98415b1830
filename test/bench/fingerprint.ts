import { createDaySearch } from '../../central-node/reconciliation/day-search.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import { startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench } from './bench.ts';
import { branch, dateOf, fillDay } from './counted-day.ts';
import { timed } from './load.ts';

const legs = 1_000_000;
const differing = 10;
const day = { branch, businessDate: dateOf(legs) };
const mebibyte = 2 ** 20;

/** Head office finds the legs in which a branch's date differs from its own, over real mTLS. */
export const fingerprint: Bench = {
  name: 'fingerprint',
  method: `${differing} of ${legs} legs of one branch and date differ; head office asks for minutes, and for the legs of those that differ; yardstick: the same question with nothing but lists of legs; one process, mTLS on loopback`,
  goal: 'at least 20 times faster than row by row',
  async run(rounds, note) {
    const federation = await startFederation([branch]);
    try {
      await fillDay(federation.running(branch).store, { legs, differing: 0 });
      await fillDay(federation.centre().store, { legs, differing });
      const bytes = { search: 0, rows: 0 };
      const once = async () => ({
        measured: await timed(() => found(search(federation, (count) => (bytes.search += count)))),
        yardstick: await timed(() => found(byRows(federation, (count) => (bytes.rows += count)))),
      });
      await once();
      bytes.search = 0;
      bytes.rows = 0;
      const results = [];
      for (let round = 0; round < rounds; round += 1) results.push(await once());
      for (const [what, count] of Object.entries(bytes)) {
        note(`${(count / rounds / mebibyte).toFixed(2)} MiB exchanged by ${what}`);
      }
      return results;
    } finally {
      await federation.stop();
    }
  },
};

async function search(federation: TestFederation, heard: (bytes: number) => void): Promise<number> {
  const { store, clock, federation: link, client } = federation.centre();
  const daySearch = createDaySearch({
    store,
    clock,
    federation: link,
    client: counting(client, heard),
  });
  return (await daySearch.search(day)).differences.length;
}

/** The same search when every minute is taken to differ. */
async function byRows(federation: TestFederation, heard: (bytes: number) => void): Promise<number> {
  const { store, clock, federation: link, client } = federation.centre();
  const blind: PeerClient = {
    ...client,
    async request(peer, request) {
      const response = await counting(client, heard).request(peer, request);
      if (!request.path.includes('minutes?')) return response;
      const page = JSON.parse(response.body);
      for (const item of page.items) item.fingerprint = 'f'.repeat(32);
      return { ...response, body: JSON.stringify(page) };
    },
  };
  const daySearch = createDaySearch({ store, clock, federation: link, client: blind });
  return (await daySearch.search(day)).differences.length;
}

function counting(client: PeerClient, heard: (bytes: number) => void): PeerClient {
  return {
    ...client,
    async request(peer, request) {
      const response = await client.request(peer, request);
      heard(Buffer.byteLength(response.body));
      return response;
    },
  };
}

async function found(search: Promise<number>): Promise<void> {
  const count = await search;
  if (count !== differing) throw new Error(`${count} of ${differing} were found`);
}
