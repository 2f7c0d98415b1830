import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { operationOf } from '../../../branch-node/operations/operation.ts';
import { createCancellationOperation } from '../../../branch-node/payments/cancellation-operation.ts';
import { createPayments } from '../../../branch-node/payments/payment-service.ts';
import { findPayment } from '../../../branch-node/payments/payment-store.ts';
import { paymentViewOf } from '../../../branch-node/payments/payment-view.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { releasePolicy } from '../../../shared/reference/release-policy.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { moneyFaults } from '../../support/invariants.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import {
  type HeadOffice,
  msk,
  nsk,
  openBranch,
  openHeadOffice,
  reference,
  type SettlingBranch,
  spb,
} from '../central-settlement/settlement-fixture.ts';

const msisdn = '79250000001';

/**
 * SPB's payment for a number of MSK followed it to NSK; SPB was set back to before that, unseen, and only MSK is there to
 * tell it something: there the payment is cancelled, and its refusal comes once more.
 */
describe('a payment that is cancelled by a start which may have forgotten that it followed its number', () => {
  let folder: string;
  const open = new Set<{ close(): Promise<void> }>();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-cancelled-'));
  });
  afterEach(async () => {
    for (const node of open) await node.close();
    open.clear();
    await rm(folder, { recursive: true });
  });

  const started = async <T extends { close(): Promise<void> }>(node: Promise<T>): Promise<T> => {
    open.add(await node);
    return node;
  };
  const quiet = (...nodes: (SettlingBranch | HeadOffice)[]) =>
    until(async () => {
      for (const { federation } of nodes) {
        const { outbound } = await federation.streams();
        if (federation.isRecovering() || !federation.isCertain()) return undefined;
        if (outbound.some(({ position, acknowledged }) => acknowledged < position))
          return undefined;
      }
      return true;
    });
  const untilHeld = ({ federation }: SettlingBranch) =>
    until(async () => {
      const { outbound } = await federation.streams();
      return outbound.every(({ position, acknowledged }) => acknowledged === position) || undefined;
    });

  async function openAll() {
    const keys = await federationKeys([msk, spb, nsk]);
    const network = createNetwork();
    const movedTo = (number: string) => (number === msisdn ? nsk : undefined);
    const options = { network, keys, branches: [msk, spb, nsk], movedTo };
    const hq = await started(openHeadOffice(options));
    const moscow = await started(openBranch({ ...options, node: msk }));
    const novosibirsk = await started(openBranch({ ...options, node: nsk }));
    const petersburg = await started(openBranch({ ...options, node: spb }));
    await quiet(hq, moscow, novosibirsk, petersburg);
    return { network, options, hq, moscow, novosibirsk, petersburg };
  }

  it('may be cancelled where it is once it is known that who was asked had nothing', async () => {
    const keys = await federationKeys([spb]);
    const branch = await openBranch({ node: spb, keys, network: createNetwork(), branches: [spb] });
    open.add(branch);
    const { clock, operations, payouts } = branch;
    const made = { clock, operations: operations.store, payouts };
    const payments = createPayments({
      ...{ node: spb, federation: branch.federation, operations, payouts },
      ...{ reference: () => reference, releasePolicy: () => releasePolicy(0) },
    });
    const at = '2025-06-30T09:00:00.000Z';
    for (const reversed of [false, true]) {
      const { id } = await branch.pay(msisdn, '50.00');
      const cancellation = await branch.cancel(id, msisdn, '50.00');
      const found = await branch.write(async (tx) => {
        const credited = { outcome: 'executed', result: { account: msisdn } } as const;
        await operations.store.conclude(tx, id, { decision: credited, at });
        const answer = { outcome: 'executed', result: { reversed } } as const;
        await createCancellationOperation(made).conclude(tx, operationOf(cancellation), answer);
        await operations.store.conclude(tx, cancellation.id, { decision: answer, at });
        return findPayment(tx, id);
      });
      const shown = paymentViewOf(await branch.store.read((tx) => payments.open(tx, id)));
      const vain = { operationId: cancellation.id, reason: 'subscriber-moved' };
      expect(shown.refusedCancellation).to.deep.equal(reversed ? undefined : vain);
      const { disposition, cancelledBy } = found ?? {};
      const expected = reversed ? ['paid-back', cancellation.id] : ['taken', undefined];
      expect([disposition, cancelledBy]).to.deep.equal(expected);
    }
  });

  it('is not paid back while it stands on an account elsewhere', async () => {
    const { network, options, hq, moscow, novosibirsk, petersburg: first } = await openAll();
    let petersburg = first;

    // MSK hears of the payment, and its answer is late.
    network.leave(spb);
    const { id } = await petersburg.pay(msisdn, '50.00');
    await untilHeld(petersburg);
    const backup = join(folder, 'spb.db');
    await petersburg.store.backup(backup);
    network.join(spb, (request, env) => petersburg.app.fetch(request, env));
    await until(async () => (await petersburg.isConcluded(id)) || undefined);
    await quiet(hq, moscow, novosibirsk, petersburg);

    await petersburg.close();
    open.delete(petersburg);
    for (const away of [headOffice, nsk, msk] as NodeCode[]) network.cut.add(away);
    petersburg = await started(openBranch({ ...options, node: spb, backup }));
    const cancelled = await petersburg.cancel(id, msisdn, '50.00');
    network.cut.delete(msk);
    await until(async () => (await petersburg.isConcluded(cancelled.id)) || undefined);
    for (const back of [headOffice, nsk] as NodeCode[]) network.cut.delete(back);
    await until(async () => (await petersburg.isConcluded(id)) || undefined);
    await quiet(hq, moscow, novosibirsk, petersburg);
    expect(
      await moneyFaults(
        [moscow, novosibirsk, petersburg].map((node) => ({ ...node, code: node.node })),
      ),
    ).to.deep.equal([]);
    const payment = await petersburg.store.read((tx) => findPayment(tx, id));
    expect(payment).to.include({ disposition: 'taken' }).and.not.have.property('cancelledBy');
    expect(await petersburg.balances()).to.deep.equal({
      'tender:cash': 5_000n,
      'clearing:NSK': -5_000n,
    });
  });

  it('is paid back as soon as it is known that nothing was forgotten', async () => {
    const { network, options, hq, moscow, novosibirsk, petersburg: first } = await openAll();
    network.leave(spb);
    const { id } = await first.pay(msisdn, '50.00');
    const cancelled = await first.cancel(id, msisdn, '50.00');
    await untilHeld(first);
    const backup = join(folder, 'spb.db');
    await first.store.backup(backup);
    await first.close();
    open.delete(first);
    for (const away of [headOffice, nsk]) network.cut.add(away);
    const petersburg = await started(openBranch({ ...options, node: spb, backup }));
    await until(async () => (await petersburg.isConcluded(cancelled.id)) || undefined);
    expect(await petersburg.isConcluded(id)).to.equal(false);
    for (const back of [headOffice, nsk]) network.cut.delete(back);
    await until(async () => (await petersburg.isConcluded(id)) || undefined);
    await quiet(hq, moscow, novosibirsk, petersburg);
    await until(async () => {
      const payout = await petersburg.store.read((tx) => petersburg.payouts.find(tx, id));
      return payout?.state === 'released' || undefined;
    });
    expect(await petersburg.balances()).to.deep.equal({});
  });

  for (const isForgotten of [false, true]) {
    const whatIsKnown = `its cancellation is ${isForgotten ? 'forgotten' : 'remembered'}`;
    it(`is sent nowhere after its money had gone over the counter, where ${whatIsKnown}`, async () => {
      const { network, options, hq, moscow, novosibirsk, petersburg: first } = await openAll();
      let petersburg = first;

      // MSK's answers are late, and SPB cannot reach MSK when they come: head office alone hears of the payout.
      network.leave(spb);
      const { id } = await petersburg.pay(msisdn, '50.00');
      const backup = join(folder, 'spb.db');
      if (isForgotten) await petersburg.store.backup(backup);
      const cancelled = await petersburg.cancel(id, msisdn, '50.00');
      await untilHeld(petersburg);
      if (!isForgotten) await petersburg.store.backup(backup);
      network.leave(msk);
      network.join(spb, (request, env) => petersburg.app.fetch(request, env));
      const payout = async () =>
        (await petersburg.store.read((tx) => petersburg.payouts.find(tx, id)))?.state;
      await until(async () => (await payout()) === 'released' || undefined);

      await petersburg.close();
      open.delete(petersburg);
      network.join(msk, (request, env) => moscow.app.fetch(request, env));
      for (const away of [headOffice, nsk]) network.cut.add(away);
      petersburg = await started(openBranch({ ...options, node: spb, backup }));
      if (!isForgotten)
        await until(async () => (await petersburg.isConcluded(cancelled.id)) || undefined);
      network.cut.delete(nsk);
      await quiet(novosibirsk, moscow);
      network.cut.delete(headOffice);
      await until(async () => (await petersburg.isConcluded(id)) || undefined);
      await quiet(hq, moscow, novosibirsk, petersburg);
      const nodes = [moscow, novosibirsk, petersburg];
      expect(await moneyFaults(nodes.map((node) => ({ ...node, code: node.node })))).to.be.empty;
      expect(await payout()).to.equal('presumed-paid');
      expect(await novosibirsk.balances()).to.deep.equal({});
      expect(await petersburg.balances()).to.deep.equal({});
    });
  }
});
