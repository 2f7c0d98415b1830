import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { operationOf } from '../../../branch-node/operations/operation.ts';
import { createCancellationOperation } from '../../../branch-node/payments/cancellation-operation.ts';
import { findPayment } from '../../../branch-node/payments/payment-store.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { moneyFaults } from '../../support/invariants.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import {
  type HeadOffice,
  msk,
  nsk,
  openBranch,
  openHeadOffice,
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

  it('may be cancelled where it is once it is known that who was asked had nothing', async () => {
    const keys = await federationKeys([spb]);
    const branch = await openBranch({ node: spb, keys, network: createNetwork(), branches: [spb] });
    open.add(branch);
    const { clock, operations, payouts } = branch;
    const made = { clock, operations: operations.store, payouts };
    const at = '2025-06-30T09:00:00.000Z';
    for (const reversed of [false, true]) {
      const { id } = await branch.pay(msisdn, '50.00');
      const cancellation = await branch.cancel(id, msisdn, '50.00');
      const found = await branch.write(async (tx) => {
        const credited = { outcome: 'executed', result: { account: msisdn } } as const;
        await operations.store.conclude(tx, id, { decision: credited, at });
        const answer = { outcome: 'executed', result: { reversed } } as const;
        await createCancellationOperation(made).conclude(tx, operationOf(cancellation), answer);
        return findPayment(tx, id);
      });
      const { disposition, cancelledBy } = found ?? {};
      const expected = reversed ? ['paid-back', cancellation.id] : ['taken', undefined];
      expect([disposition, cancelledBy]).to.deep.equal(expected);
    }
  });

  it('is not paid back while it stands on an account elsewhere', async () => {
    const keys = await federationKeys([msk, spb, nsk]);
    const network = createNetwork();
    const movedTo = (number: string) => (number === msisdn ? nsk : undefined);
    const options = { network, keys, branches: [msk, spb, nsk], movedTo };
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
    const hq = await started(openHeadOffice(options));
    const moscow = await started(openBranch({ ...options, node: msk }));
    const novosibirsk = await started(openBranch({ ...options, node: nsk }));
    let petersburg = await started(openBranch({ ...options, node: spb }));
    await quiet(hq, moscow, novosibirsk, petersburg);

    // MSK hears of the payment, and its answer is late.
    network.leave(spb);
    const { id } = await petersburg.pay(msisdn, '50.00');
    await until(async () => {
      const { outbound } = await petersburg.federation.streams();
      return outbound.every(({ position, acknowledged }) => acknowledged === position) || undefined;
    });
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
});
