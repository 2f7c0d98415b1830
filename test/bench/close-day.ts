import { findDayClosing } from '../../central-node/reconciliation/leg-store.ts';
import { startFederation, type TestFederation, until } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { branch, type DaySize, dateOf, fillDay } from './counted-day.ts';
import { timed } from './load.ts';

const big = 1_000_000;
const small = 10_000;
const wrong = 10;

/** From the closing of a date at a branch to head office's verdict on it, and to the legs that are wrong. */
export const closeDay: Bench = {
  name: 'close-day',
  method: `a date of ${big} legs, closed over HTTP until head office has compared its totals; yardstick: one of ${small}; in the end the same with ${wrong} of them wrong at head office, until these are found; one process, mTLS on loopback`,
  goal: 'at most 3 times as long: a ratio of 0.33; the wrong ones found exactly',
  async run(rounds, note) {
    const results: Round[] = [];
    await withDays({ differing: 0 }, async (federation) => {
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await timed(() => close(federation, small));
        const measured = await timed(() => close(federation, big));
        if (round > 0) results.push({ measured, yardstick });
      }
    });
    await withDays({ differing: wrong }, async (federation) => {
      const { p50Ms } = await timed(async () => {
        await close(federation, big);
        await found(federation);
      });
      note(`closed and exactly the ${wrong} wrong ones found after ${p50Ms.toFixed(0)} ms`);
    });
    return results;
  },
};

async function withDays(
  { differing }: Pick<DaySize, 'differing'>,
  work: (federation: TestFederation) => Promise<void>,
): Promise<void> {
  const federation = await startFederation([branch]);
  try {
    for (const legs of [small, big]) {
      await fillDay(federation.running(branch).store, { legs, differing: 0 });
      await fillDay(federation.centre().store, { legs, differing });
    }
    await work(federation);
  } finally {
    await federation.stop();
  }
}

/** A date is closed once: each time it is opened again first. */
async function close(federation: TestFederation, legs: number): Promise<void> {
  const businessDate = dateOf(legs);
  const [theirs, ours] = [federation.running(branch).store, federation.centre().store];
  await theirs.write((tx) => tx.run('DELETE FROM business_days WHERE date = ?', businessDate));
  await ours.write((tx) =>
    tx.run('DELETE FROM day_closings WHERE business_date = ?', businessDate),
  );
  const { manager } = federation.branch(branch);
  const answer = await manager.post(`/api/v1/business-days/${businessDate}/close`, {});
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  await until('head office has compared the totals', async () => {
    const closing = await ours.read((tx) => findDayClosing(tx, { branch, businessDate }));
    return closing !== undefined;
  });
}

async function found(federation: TestFederation): Promise<void> {
  const path = `/api/v1/reconciliations/${dateOf(big)}/branches/${branch}/differences`;
  await until('the wrong ones are found', async () => {
    const { items } = (await federation.hq.manager.get(path)).body;
    if (items.length > 0 && items.length !== wrong) throw new Error(`${items.length} were found`);
    return items.length === wrong;
  });
}
