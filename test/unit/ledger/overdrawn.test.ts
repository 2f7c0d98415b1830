import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { accounts, transfer } from '../../../shared/ledger/ledger.ts';
import { balanceOf, post, postFacts } from '../../../shared/ledger/ledger-store.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store, Transaction } from '../../../shared/store/store.ts';
import type { BusinessDate, Instant } from '../../../shared/time/clock.ts';

const account = accounts.subscriber('A-1');
const cash = accounts.tender('cash');

describe('an account that a recovery overdrew', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sbms-ledger-'));
  let store: Store;

  before(async () => {
    const migrations = [{ room: 'ledger', directory: 'shared/ledger/migrations' }];
    ({ store } = await openStore({ url: `file:${join(folder, 'store.db')}`, migrations }));
  });
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const entry = (amount: bigint, way: { debit: string; credit: string }) => ({
    kind: 'test',
    operationId: 'one',
    businessDate: '2026-11-23' as BusinessDate,
    recordedAt: '2026-11-23T00:00:00.000Z' as Instant,
    postings: transfer({ amount, currency: 'RUB' }, way),
  });
  const charge = (tx: Transaction, amount: bigint) =>
    post(tx, entry(amount, { debit: account, credit: accounts.revenue }));
  const pay = (amount: bigint) =>
    store.write((tx) => post(tx, entry(amount, { debit: cash, credit: account })));
  const refusal = (amount: bigint) =>
    store
      .write((tx) => charge(tx, amount))
      .then(
        () => 'posted',
        (error: unknown) => isDomainError(error, 'insufficient-balance') && 'refused',
      );
  const balance = () => store.read((tx) => balanceOf(tx, account, 'RUB'));

  it('shows what was lost, and is not charged further', async () => {
    expect(await refusal(100n)).to.equal('refused');
    await store.write(async (tx) => {
      postFacts(tx);
      await charge(tx, 100n);
    });
    expect(await balance()).to.equal(100n);
    expect(await refusal(1n)).to.equal('refused');
  });

  it('cannot draw again what was paid back', async () => {
    await pay(30n);
    expect(await refusal(1n)).to.equal('refused');
    await pay(120n);
    expect(await balance()).to.equal(-50n);
    expect(await refusal(51n)).to.equal('refused');
    expect(await refusal(50n)).to.equal('posted');
    expect(await refusal(1n)).to.equal('refused');
  });
});
