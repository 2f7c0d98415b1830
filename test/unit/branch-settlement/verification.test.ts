import { expect } from 'chai';
import fc from 'fast-check';
import type { Operation } from '../../../branch-node/operations/operation.ts';
import { type CheckedSum, settlementPostings } from '../../../branch-node/settlement/settlement.ts';
import { type OwnRecord, verify } from '../../../branch-node/settlement/verification.ts';
import type { NodeCode, OperationId } from '../../../shared/ids/ids.ts';
import { accounts, assertBalanced } from '../../../shared/ledger/ledger.ts';
import type { WireObligation } from '../../../shared/wire/settlement-messages.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;

const operation: Operation = {
  ...{ id: 'op' as OperationId, kind: 'payment', serving: msk, home: spb, attempt: 1 },
  ...{ msisdn: '79211234567', businessDate: '2025-06-30', release: 3 },
  ...{ occurredAt: '2025-06-30T09:00:00.000Z', actor: { id: 'o', name: 'O' } },
  request: { money: { amount: '500.00', currency: 'RUB' }, tender: { kind: 'cash' } },
};
const own: OwnRecord = { operation, decision: { outcome: 'executed', result: {} } };
const listed: WireObligation = {
  ...{ operationId: 'op', attempt: 1, kind: 'payment', peer: spb, direction: 'owes' },
  ...{ gross: 50_000n, commission: 750n, fee: 0n, net: 49_250n },
};
const here = { node: msk, currency: 'RUB', isAwaited: true };

describe('the check of an obligation against the own books', () => {
  it('agrees at the serving branch and at the home branch', () => {
    expect(verify(listed, own, here)).to.equal('agrees');
    const received: WireObligation = { ...listed, peer: msk, direction: 'receives' };
    expect(verify(received, own, { ...here, node: spb })).to.equal('agrees');
  });

  it('waits where the answer is still on its way', () => {
    expect(verify(listed, { operation }, here)).to.equal('waits');
    const gone = verify(listed, { operation }, { ...here, isAwaited: false });
    expect(gone).to.have.property('fault');
  });

  it('finds what is wrong', () => {
    const refused: OwnRecord = { operation, decision: { outcome: 'refused', reason: 'x' } };
    for (const [name, obligation, record] of [
      ['unknown', listed, {}],
      ['refused', listed, refused],
      ['settled before', listed, { ...own, settledIn: 'other' }],
      ['another sum', { ...listed, gross: 50_001n, net: 49_251n }, own],
      ['another kind', { ...listed, kind: 'number-move' }, own],
      ['another peer', { ...listed, peer: 'NSK' as NodeCode }, own],
      ['another attempt', { ...listed, attempt: 2 }, own],
      ['a sum that does not add up', { ...listed, net: 50_000n }, own],
      ['the other direction', { ...listed, direction: 'receives' as const }, own],
    ] as const) {
      expect(verify(obligation, record, here), name).to.have.property('fault');
    }
    expect(verify(listed, own, { ...here, currency: 'EUR' })).to.have.property('fault');
  });
});

describe('the postings of a settlement', () => {
  const kind = fc.constantFrom('payment', 'payment-cancellation', 'sim-replacement', 'block');
  const checked = fc
    .record({
      kind,
      direction: fc.constantFrom('owes' as const, 'receives' as const),
      gross: fc.bigInt(0n, 10n ** 12n),
      rate: fc.bigInt(0n, 10_000n),
      fee: fc.bigInt(0n, 10n ** 6n),
    })
    .map(({ rate, ...sum }): CheckedSum => {
      const commission = (sum.gross * rate) / 10_000n;
      return { peer: spb, count: 1, ...sum, commission, net: sum.gross - commission + sum.fee };
    });

  it('sum to zero, and mirror the postings of the peer', () => {
    const mirror = { owes: 'receives', receives: 'owes' } as const;
    fc.assert(
      fc.property(fc.array(checked, { minLength: 1, maxLength: 12 }), (sums) => {
        const ours = settlementPostings(sums, 'RUB');
        const theirs = settlementPostings(
          sums.map((sum) => ({ ...sum, peer: msk, direction: mirror[sum.direction] })),
          'RUB',
        );
        if (ours.length > 0) assertBalanced(ours);
        const amount = (postings: typeof ours, account: string) =>
          postings.find((posting) => posting.account === account)?.amount ?? 0n;
        for (const [here, there] of [
          [accounts.settlement, accounts.settlement],
          [accounts.clearing(spb), accounts.clearing(msk)],
          [accounts.commissionEarned, accounts.commissionPaid],
        ] as const) {
          expect(amount(ours, here) + amount(theirs, there)).to.equal(0n);
        }
      }),
    );
  });
});
