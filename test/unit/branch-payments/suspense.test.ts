import { expect } from 'chai';
import { createPayments } from '../../../branch-node/payments/payment-service.ts';
import { findPayment } from '../../../branch-node/payments/payment-store.ts';
import { paymentViewOf } from '../../../branch-node/payments/payment-view.ts';
import type { Msisdn } from '../../../shared/ids/ids.ts';
import { releasePolicy } from '../../../shared/reference/release-policy.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { moneyFaults } from '../../support/invariants.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import {
  msk,
  openBranch,
  openHeadOffice,
  reference,
  type SettlingBranch,
  spb,
} from '../central-settlement/settlement-fixture.ts';

const msisdn = '79250000001';
const actor = { operatorId: 'op-1', name: 'Ольга' };

describe('money in suspense', () => {
  const open: { close(): Promise<void> }[] = [];
  let network: ReturnType<typeof createNetwork>;
  let moscow: SettlingBranch;
  let petersburg: SettlingBranch;
  let payments: ReturnType<typeof createPayments>;
  let paymentId: string;
  let cancellationId: string;

  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    network = createNetwork();
    const options = { network, keys, branches: [msk, spb] };
    open.push(await openHeadOffice(options));
    moscow = await openBranch({ ...options, node: msk });
    petersburg = await openBranch({ ...options, node: spb });
    open.push(moscow, petersburg);
    const { node, federation, operations, payouts } = petersburg;
    payments = createPayments({
      ...{ node, federation, operations, payouts, reference: () => reference },
      releasePolicy: () => releasePolicy(0),
    });
    await until(async () => federation.isCertain() || undefined);
  });
  afterEach(async () => {
    for (const node of open.splice(0)) await node.close();
  });

  /** MSK refuses a currency that it does not keep. */
  async function pay(): Promise<void> {
    const money = { amount: '50.00', currency: 'KZT' };
    const { id } = await petersburg.write((tx) =>
      petersburg.operations.accept(tx, {
        ...{ kind: 'payment', msisdn, actor: { id: actor.operatorId, name: actor.name } },
        request: { money, tender: { kind: 'cash', reference: 'slip 77' } },
      }),
    );
    paymentId = id;
  }

  async function untilSuspended(): Promise<void> {
    await until(async () => (await petersburg.isConcluded(paymentId)) || undefined);
    expect((await stored())?.disposition).to.equal('suspended');
  }

  /** MSK's answer comes while SPB cannot reach it: the cancellation waits, and somebody else finds the money. */
  async function cancelMeanwhile(): Promise<void> {
    network.leave(spb);
    await pay();
    await until(async () =>
      moscow.store.read((tx) => moscow.operations.store.lastDecision(tx, paymentId)),
    );
    network.leave(msk);
    const wish = { paymentId, reason: 'wrong number', actor };
    cancellationId = (await petersburg.write((tx) => payments.cancel(tx, wish))).id;
    network.join(spb, (request, env) => petersburg.app.fetch(request, env));
    await untilSuspended();
  }

  const stored = () => petersburg.store.read((tx) => findPayment(tx, paymentId));

  async function untilCancelled(): Promise<void> {
    network.join(msk, (request, env) => moscow.app.fetch(request, env));
    await until(async () => (await petersburg.isConcluded(cancellationId)) || undefined);
    await until(async () => {
      const payout = await petersburg.store.read((tx) => petersburg.payouts.find(tx, paymentId));
      return payout?.state === 'released' || undefined;
    });
    const nodes = [moscow, petersburg].map(({ node, store }) => ({ code: node, store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
  }

  it('keeps the number of its slip when it is sent to another number', async () => {
    await pay();
    await untilSuspended();
    const wish = { paymentId, msisdn: '79250000002' as Msisdn, actor };
    const sent = await petersburg.write((tx) => payments.redirect(tx, wish));
    expect(paymentViewOf(sent).tender).to.deep.equal({ kind: 'cash', reference: 'slip 77' });
  });

  it('is sent to no other number while it is being cancelled: the customer asked for it back', async () => {
    await cancelMeanwhile();
    const wish = { paymentId, msisdn: '79250000002' as Msisdn, actor };
    const sent = petersburg.write((tx) => payments.redirect(tx, wish));
    expect(
      await sent.then(
        () => 'sent',
        ({ code }) => code,
      ),
    ).to.equal('already-cancelled');
    await untilCancelled();
    expect((await stored())?.disposition).to.equal('paid-back');
  });

  it('may be paid back while it is being cancelled, and is paid back once', async () => {
    await cancelMeanwhile();
    await petersburg.write((tx) => payments.refund(tx, paymentId));
    await untilCancelled();
    expect((await stored())?.disposition).to.equal('refunded');
  });
});
