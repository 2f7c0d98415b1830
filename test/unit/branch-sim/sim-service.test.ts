import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createNumberService } from '../../../branch-node/sim/number-service.ts';
import { createSimService } from '../../../branch-node/sim/sim-service.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { refusalBy, shiftableClock } from '../../support/federation-keys.ts';
import { simCard } from '../branch-subscribers/branches-fixture.ts';
import { reference } from '../branch-subscribers/reference-fixture.ts';

const dayMs = 86_400_000;

describe('the stock of a branch', () => {
  const clock = shiftableClock();
  const sims = createSimService({
    ...{ node: 'MSK' as NodeCode, clock },
    federation: { assertCertain: async () => {} },
  });
  const numbers = createNumberService({
    node: 'MSK' as NodeCode,
    clock,
    reference: () => reference,
  });
  let folder: string;
  let store: Store;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-sim-'));
    const migrations = [{ room: 'sim', directory: 'branch-node/sim/migrations' }];
    ({ store } = await openStore({ url: `file:${join(folder, 'store.db')}`, migrations }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('takes a delivery once, all of it or nothing', async () => {
    const cards = [simCard(1, 1), simCard(1, 2)];
    const receive = (delivery: typeof cards) => store.write((tx) => sims.receive(tx, delivery));
    expect(await receive(cards)).to.deep.equal({ received: 2, known: 0 });
    expect(await receive([...cards, simCard(1, 3)])).to.deep.equal({ received: 1, known: 2 });

    const renamed = { iccid: simCard(1, 1).iccid, imsi: simCard(1, 9).imsi };
    const twin = { iccid: simCard(1, 8).iccid, imsi: simCard(1, 2).imsi };
    const refusal = await refusalBy(receive([simCard(1, 4), renamed, twin]));
    expect(refusal.errors.map(({ field }) => field)).to.deep.equal(['cards.1', 'cards.2']);
    const held = await store.read((tx) => sims.list(tx, { state: 'in-stock', limit: 10 }));
    expect(held.map(({ iccid }) => iccid)).to.deep.equal([1, 2, 3].map((n) => simCard(1, n).iccid));
  });

  it('pages through cards', async () => {
    const cards = [1, 2, 3].map((n) => simCard(1, n));
    await store.write((tx) => sims.receive(tx, cards));
    const after = simCard(1, 1).iccid;
    const page = await store.read((tx) => sims.list(tx, { after, limit: 1 }));
    expect(page).to.deep.equal([{ ...simCard(1, 2), state: 'in-stock' }]);
  });

  it('keeps a number for who chose it, and only for so long', async () => {
    const reserve = (customerId: string, msisdn?: string) =>
      store.write((tx) => numbers.reserve(tx, { customerId, msisdn }));
    await store.write((tx) => numbers.receive(tx, ['79250000001', '79250000002']));
    expect(await reserve('anna')).to.equal('79250000001');
    expect(await reserve('anna'), 'asked again').to.equal('79250000001');
    expect(await reserve('boris')).to.equal('79250000002');
    expect((await refusalBy(reserve('carl'))).code).to.equal('number-taken');
    expect((await refusalBy(reserve('carl', '79250000001'))).code).to.equal('number-taken');
    expect((await refusalBy(reserve('carl', '79250000009'))).code).to.equal('number-taken');

    await store.write((tx) => numbers.take(tx, '79250000002'));
    clock.shift(4 * dayMs);
    expect(await reserve('carl'), 'the reservation ran out').to.equal('79250000001');
    expect((await refusalBy(reserve('dora'))).code, 'in use for good').to.equal('number-taken');
  });

  it('gives the number whose reservation ran out first, as another may be on its way yet', async () => {
    const reserve = (customerId: string, msisdn?: string) =>
      store.write((tx) => numbers.reserve(tx, { customerId, msisdn }));
    const [late, early] = ['79250000004', '79250000005'];
    await store.write((tx) => numbers.receive(tx, [late, early]));
    expect(await reserve('anna', early)).to.equal(early);
    clock.shift(dayMs);
    expect(await reserve('boris', late)).to.equal(late);
    clock.shift(4 * dayMs);
    expect(await reserve('carl')).to.equal(early);
    expect(await reserve('dora')).to.equal(late);
  });

  it('keeps no number for a year because its clock was a year ahead', async () => {
    const number = '79250000003';
    const reserve = (customerId: string) =>
      store.write((tx) => numbers.reserve(tx, { customerId, msisdn: undefined }));
    await store.write((tx) => numbers.receive(tx, [number]));
    clock.shift(365 * dayMs);
    expect(await reserve('anna')).to.equal(number);
    clock.shift(-365 * dayMs);
    expect(await reserve('boris')).to.equal(number);
    // A clock that is put right by an hour takes nothing from anybody.
    clock.shift(-3_600_000);
    expect((await refusalBy(reserve('carl'))).code).to.equal('number-taken');
  });
});
