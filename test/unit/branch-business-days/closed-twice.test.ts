import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createBusinessDays } from '../../../branch-node/business-days/business-day-service.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { headOffice, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { dayClosed } from '../../../shared/reconciliation/day-closed.ts';
import { addToTotals, type LegTotal } from '../../../shared/reconciliation/leg-totals-store.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store, Transaction } from '../../../shared/store/store.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';

const msk = 'MSK' as NodeCode;
const date = '2026-11-10';

/** Closed, forgotten with a snapshot and closed once more with what came since: then the first closing comes back. */
describe('a business date that a branch closed twice without knowing', () => {
  let store: Store;
  let folder: string;
  let days: ReturnType<typeof createBusinessDays>;
  let replay: (tx: Transaction, entry: LogEntry) => Promise<void>;
  let recovered: () => void | Promise<void>;
  /** The totals that head office was told, one after the other. */
  let told: LegTotal[][];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-days-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [
        { room: 'federation', directory: 'shared/federation/migrations' },
        { room: 'leg-totals', directory: 'shared/reconciliation/migrations' },
        { room: 'business-days', directory: 'branch-node/business-days/migrations' },
      ],
    }));
    const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
    await store.write((tx) =>
      log.start(tx, { to: [headOffice], businessDate: date, codeVersion: 'test' }),
    );
    told = [];
    const federation = {
      log: {
        ...log,
        append: async (tx: Transaction, draft: Parameters<typeof log.append>[1]) => {
          told.push(dayClosed.parse(draft.body).totals);
          return log.append(tx, draft);
        },
      },
      isRecovering: () => false,
      liveness: { clockDoubt: () => undefined },
      alarms: { raise: () => {}, clear: () => {} },
      onReplay: (_kind: string, fn: typeof replay) => {
        replay = fn;
      },
      onRecovered: (fn: typeof recovered) => {
        recovered = fn;
      },
    };
    const timeZone = () => 'Europe/Moscow';
    const deps = { node: msk, store, clock: systemClock, timeZone };
    days = createBusinessDays({ ...deps, federation: federation as never });
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const pay = (operationId: string) =>
    store.write((tx) =>
      addToTotals(tx, {
        ...{ branch: msk, operationId, attempt: 1, kind: 'payment', point: 'executed' },
        ...{ serving: msk, home: msk, businessDate: date, bodyHash: 'f'.repeat(64) },
        money: { amount: 1050n, currency: 'RUB' },
      } as never),
    );
  const close = () => store.write((tx) => days.close(tx, { date, by: 'manager' }));

  /** @param isToldAgain whether what comes back goes out once more, in its old words. */
  async function closeTwice(isToldAgain: boolean, meanwhile: () => Promise<void>) {
    await pay('first');
    const { totals } = await close();
    await store.write((tx) => tx.run('DELETE FROM business_days'));
    await meanwhile();
    const { totals: atLast } = await close();
    if (isToldAgain) told.push(totals);
    const body = { date, totals, reaches: { epoch: '0'.repeat(32), seq: 5 } };
    const entry = { kind: 'day.closed', occurredAt: '2026-11-10T20:00:00.000Z', body };
    await store.write((tx) => replay(tx, entry as never));
    return { totals, atLast };
  }

  it('tells head office its totals again, after those of the first closing', async () => {
    const { totals, atLast } = await closeTwice(true, () => pay('second'));
    await recovered();
    expect(told.at(-1)).to.deep.equal(atLast).and.not.to.deep.equal(totals);
  });

  it('tells them however many dates were closed since', async () => {
    const { atLast } = await closeTwice(true, () => pay('second'));
    await store.write((tx) =>
      tx.run(
        `INSERT INTO business_days (date, closed_at, closed_by, totals)
         SELECT date(?, value || ' days'), 'then', 'manager', '[]' FROM json_each(?)`,
        ...[date, JSON.stringify([...Array(70).keys()].map((index) => index + 1))],
      ),
    );
    await recovered();
    expect(told.at(-1)).to.deep.equal(atLast);
  });

  it('tells them, too, where they come to those of the first again', async () => {
    const forget = () => store.write((tx) => tx.run('DELETE FROM leg_totals'));
    const { totals, atLast } = await closeTwice(false, async () => void (await forget()));
    await pay('first');
    await recovered();
    expect(told.at(-1)).to.deep.equal(totals).and.not.to.deep.equal(atLast);
    const count = told.length;
    await recovered();
    expect(told).to.have.length(count);
  });
});
