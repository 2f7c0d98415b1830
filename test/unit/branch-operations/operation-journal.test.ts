import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Operation } from '../../../branch-node/operations/operation.ts';
import { createOperationJournal } from '../../../branch-node/operations/operation-journal.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { setAcknowledged } from '../../../shared/federation/log-store.ts';
import { headOffice, type NodeCode, type OperationId, systemIds } from '../../../shared/ids/ids.ts';
import { minutesOf } from '../../../shared/reconciliation/counted-legs-store.ts';
import { totalsOf } from '../../../shared/reconciliation/leg-totals-store.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { type BusinessDate, systemClock } from '../../../shared/time/clock.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';

const msk = 'MSK' as NodeCode;
const [first, second]: readonly [BusinessDate, BusinessDate] = ['2026-11-10', '2026-11-11'];
const decision = { outcome: 'executed', result: { account: 'a' } } as const;

/** What a branch decided, and decided once more on a later date before it could know. */
describe('the count of a decision that comes back in a recovery', () => {
  let store: Store;
  let folder: string;
  const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
  const journal = createOperationJournal({
    federation: { log },
    kindOf: (kind) => ({ kind }) as never,
    businessDate: async () => first,
  });
  const operation: Operation = {
    id: systemIds.uuid() as OperationId,
    ...{ kind: 'payment', serving: 'SPB' as NodeCode, home: msk, attempt: 1 },
    ...{ msisdn: '79161234567', businessDate: first, release: 1 },
    ...{ occurredAt: '2026-11-10T09:00:00.000Z', actor: { id: 'p', name: 'P' } },
    request: { money: { amount: '10.50', currency: 'RUB' }, tender: { kind: 'cash' } },
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-journal-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [
        { room: 'federation', directory: 'shared/federation/migrations' },
        { room: 'leg-totals', directory: 'shared/reconciliation/migrations' },
      ],
    }));
    const to = [headOffice, operation.serving];
    const opening = { to, businessDate: first, codeVersion: 'test' };
    await store.write((tx) => log.start(tx, opening));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const tell = (date: BusinessDate) =>
    store.write((tx) => journal.tell(tx, 'executed', operation, { decision }, date));
  const heldByHeadOffice = (position: number) =>
    store.write((tx) => setAcknowledged(tx, { peer: headOffice, epoch: log.epoch(), position }));
  const recount = (entry: LogEntry) => store.write((tx) => journal.recount(tx, entry));

  /** How many legs are counted for each date: in the totals, and by their minutes. */
  async function counts(): Promise<[number, number][]> {
    return store.read(async (tx) =>
      Promise.all(
        [first, second].map(async (businessDate) => {
          const groups = await totalsOf(tx, msk, businessDate);
          const day = { branch: msk, businessDate, after: -1, limit: 10 };
          const minutes = await minutesOf(tx, day);
          const sumOf = (rows: readonly { count: number }[]) =>
            rows.reduce((sum, { count }) => sum + count, 0);
          return [sumOf(groups), sumOf(minutes)];
        }),
      ),
    );
  }
  const decideAgain = () =>
    store.write((tx) => journal.record(tx, 'executed', operation, { decision }, second));

  it('goes to the date on which head office heard of it first', async () => {
    const before = await tell(first);
    await heldByHeadOffice(2);
    await decideAgain();
    expect(await counts()).to.deep.equal([
      [0, 0],
      [1, 1],
    ]);
    await recount(before);
    const moved = [
      [1, 1],
      [0, 0],
    ];
    expect(await counts()).to.deep.equal(moved);
    const once = await store.read((tx) => totalsOf(tx, msk, first));
    await recount(before);
    expect(await store.read((tx) => totalsOf(tx, msk, first))).to.deep.equal(once);
    expect(once.map(({ sum }) => sum)).to.deep.equal(['1050']);
  });

  it('stays where it is when head office has not heard of it before', async () => {
    const before = await tell(first);
    await decideAgain();
    await recount(before);
    expect(await counts()).to.deep.equal([
      [0, 0],
      [1, 1],
    ]);
  });

  it('stays at the first date when what was decided later comes back as well', async () => {
    await store.write((tx) => journal.record(tx, 'executed', operation, { decision }, first));
    const later = await tell(second);
    await heldByHeadOffice(3);
    await recount(later);
    expect(await counts()).to.deep.equal([
      [1, 1],
      [0, 0],
    ]);
  });
});
