import { expect } from 'chai';
import { insertPayment, insertPayout } from '../../../branch-node/payments/payment-store.ts';
import { headOffice, systemIds } from '../../../shared/ids/ids.ts';
import { accounts, transfer } from '../../../shared/ledger/ledger.ts';
import { post } from '../../../shared/ledger/ledger-store.ts';
import type { Transaction } from '../../../shared/store/store.ts';
import { until } from '../../support/federation.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import {
  openBranch,
  type SettlingBranch,
  spb,
  today,
} from '../central-settlement/settlement-fixture.ts';

const money = { amount: 100n, currency: 'RUB' };
const recordedAt = '2025-06-30T09:00:00.000Z';
/** More than are looked at in one transaction. */
const waitingOfOthers = 250;

describe('payouts that waited until their node was certain of its past', () => {
  let branch: SettlingBranch;
  beforeEach(async () => {
    const keys = await federationKeys([spb]);
    branch = await openBranch({ node: spb, keys, network: createNetwork(), branches: [spb] });
  });
  afterEach(() => branch.close());

  async function held(tx: Transaction): Promise<string> {
    const operationId = systemIds.uuid();
    const payment = { operationId, tender: 'cash', money, receipt: operationId };
    await insertPayment(tx, { ...payment, disposition: 'taken' });
    const payout = { paymentId: operationId, reason: 'refund', tender: 'cash', money } as const;
    await insertPayout(tx, { ...payout, state: 'held', recordedAt });
    await post(tx, {
      ...{ kind: 'payout.recorded', operationId, businessDate: today, recordedAt },
      postings: transfer(money, { debit: accounts.tender('cash'), credit: accounts.payout }),
    });
    return operationId;
  }

  it('are released however many others nobody else holds yet', async () => {
    const last = await branch.write(async (tx) => {
      for (let count = 0; count < waitingOfOthers; count += 1) await held(tx);
      const operationId = await held(tx);
      const draft = { kind: 'payout.recorded', to: [headOffice], operationId, body: {} };
      await branch.federation.log.append(tx, {
        ...draft,
        occurredAt: recordedAt,
        businessDate: today,
      });
      await tx.run('UPDATE outbound_streams SET acknowledged = position');
      return operationId;
    });
    await branch.payouts.releaseWaiting();
    expect(await state(last)).to.equal('held');
    // Nobody is there to say what this start may have forgotten; two people answer for them.
    await branch.write(async (tx) => {
      for (const operator of ['one', 'another']) {
        await branch.federation.recovery.override(tx, { operator, reason: 'nobody is there' });
      }
    });
    await until('they are looked at', async () => (await state(last)) === 'released');
  });

  const state = async (id: string) =>
    (await branch.store.read((tx) => branch.payouts.find(tx, id)))?.state;
});
