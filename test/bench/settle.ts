import { randomUUID } from 'node:crypto';
import { startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { timed } from './load.ts';

const obligations = 1_000_000;
const branches = 100;
const openedAt = '2026-11-20T00:00:00.000Z';

/** A window from its closing to the settlement that two people made of it. */
export const settle: Bench = {
  name: 'settle',
  method: `a window of ${obligations} obligations between ${branches} branches, closed, made into a settlement and approved over HTTP; yardstick: one GROUP BY of the same rows by debtor and creditor`,
  goal: 'at most 2 times as long as the GROUP BY: a ratio of 0.5',
  async run(rounds) {
    const federation = await startFederation(['MSK']);
    try {
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const windowId = await fill(federation);
        // Filling let the connections of before grow too old.
        await federation.hq.manager.get('/livez').catch(() => {});
        const yardstick = await timed(() => grouped(federation, windowId));
        const measured = await timed(() => settled(federation, windowId));
        if (round > 0) results.push({ measured, yardstick });
      }
      return results;
    } finally {
      await federation.stop();
    }
  },
};

const codeOf = (column: string) => `printf('B%02d', ${column})`;

/** An open window with its obligations and the sums that are kept of them as they come. */
async function fill(federation: TestFederation): Promise<string> {
  const { store } = federation.centre();
  return store.write(async (tx) => {
    const open = await tx.get<{ id: string }>(
      `SELECT id FROM settlement_windows WHERE state = 'OPEN' AND currency = 'RUB'`,
    );
    const id = open?.id ?? randomUUID();
    if (!open) {
      await tx.run(
        `INSERT INTO settlement_windows (id, currency, state, opened_at) VALUES (?, 'RUB', 'OPEN', ?)`,
        ...[id, openedAt],
      );
    }
    await tx.run(
      `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1),
         pairs AS (SELECT i, i % ? AS d, (i % ? + 1 + i / ? % (? - 1)) % ? AS c FROM n)
       INSERT INTO obligations (operation_id, attempt, kind, window_id, debtor, creditor, currency,
         gross, commission, fee, net, business_date)
       SELECT ? || '-' || i, 1, 'payment', ?, ${codeOf('d')}, ${codeOf('c')}, 'RUB',
         100 + i % 1000, 1, 0, 99 + i % 1000, '2026-11-20' FROM pairs`,
      ...[obligations, branches, branches, branches, branches, branches, id, id],
    );
    await tx.run(
      `INSERT INTO obligation_sums (window_id, debtor, creditor, kind, count, gross, commission, fee, net)
       SELECT window_id, debtor, creditor, kind, COUNT(*), SUM(gross), SUM(commission), SUM(fee), SUM(net)
       FROM obligations WHERE window_id = ? GROUP BY debtor, creditor, kind`,
      id,
    );
    return id;
  });
}

async function grouped(federation: TestFederation, windowId: string): Promise<void> {
  const rows = await federation.centre().store.read((tx) =>
    tx.all(
      `SELECT debtor, creditor, COUNT(*) AS count, SUM(gross) AS gross, SUM(commission) AS commission,
         SUM(fee) AS fee, SUM(net) AS net
       FROM obligations WHERE window_id = ? GROUP BY debtor, creditor`,
      windowId,
    ),
  );
  if (rows.length !== branches * (branches - 1)) throw new Error(`${rows.length} pairs`);
}

async function settled({ hq, deputy }: TestFederation, windowId: string): Promise<void> {
  const steps = [
    () => hq.manager.post(`/api/v1/settlement-windows/${windowId}/close`),
    () => hq.manager.post('/api/v1/settlements', { windowIds: [windowId] }),
  ];
  let id = '';
  for (const step of steps) {
    const answer = await step();
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
    id = answer.body.settlementId ?? answer.body.id;
  }
  const answer = await deputy.post(`/api/v1/settlements/${id}/approval`);
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
}
