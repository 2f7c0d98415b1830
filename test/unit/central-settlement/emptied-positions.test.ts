import { expect } from 'chai';
import { createSettlementProof } from '../../../shared/audit/settlement-proof.ts';
import { headOffice, systemIds } from '../../../shared/ids/ids.ts';
import { logEntry } from '../../../shared/wire/peer-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { msk, openHeadOffice, spb, today } from './settlement-fixture.ts';

const epoch = 'e'.repeat(32);
const at = '2025-06-30T09:00:00.000Z';
/** What head office of before told of a pair whose only operation was in a case. */
const emptied = (to: string, peer: string, seq: number) =>
  logEntry.parse({
    ...{
      node: headOffice,
      epoch,
      seq,
      id: systemIds.uuid(),
      kind: 'settlement.completed',
      to: [to],
    },
    ...{ operationId: 's-1', occurredAt: at, recordedAt: at, businessDate: today },
    body: {
      ...{ settlementId: 's-1', currency: 'RUB', model: 'multilateral', windows: ['w'] },
      ...{ madeBy: 'a', approvedBy: 'b', completedAt: at },
      positions: [{ peer, count: 0, gross: '0', commission: '0', fees: '0', net: '0' }],
    },
  });

describe('a position of nothing, told by head office of before', () => {
  it('does not make a proof false', () => {
    const proof = createSettlementProof('s-1');
    proof.onEntry(emptied(msk, spb, 1), { node: headOffice, to: msk, epoch, position: 1 } as never);
    expect(() => proof.check([])).not.to.throw();
  });

  it('does not keep a settlement lost that comes back', async () => {
    const keys = await federationKeys([msk, spb]);
    const hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    try {
      await hq.replay(emptied(msk, spb, 1), emptied(spb, msk, 2));
      for (let round = 0; round < 3; round += 1) await hq.lostSettlements.bringBack();
      const open = await hq.store.read((tx) => hq.lostSettlements.openPairs(tx, 's-1'));
      expect(
        open.map(({ position }) => [position.branch, position.peer, position.count]),
      ).to.deep.equal([]);
    } finally {
      await hq.close();
    }
  });
});
