import { expect } from 'chai';
import fc from 'fast-check';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import {
  netPositions,
  type OwedSum,
  pairPositions,
  transfersOf,
} from '../../../shared/settlement/netting.ts';
import { obligationOf, type Terms } from '../../../shared/settlement/obligation.ts';
import { msk, nsk, reference, spb, today } from './settlement-fixture.ts';

const codes = ['MSK', 'SPB', 'NSK', 'EKB', 'KZN'] as NodeCode[];

const owedSum = fc
  .record({
    pair: fc.shuffledSubarray(codes, { minLength: 2, maxLength: 2 }),
    count: fc.nat(1_000),
    gross: fc.bigInt(0n, 10n ** 12n),
    share: fc.bigInt(0n, 10_000n),
    fee: fc.bigInt(0n, 10n ** 9n),
  })
  .map(({ pair, count, gross, share, fee }): OwedSum => {
    const [debtor = msk, creditor = spb] = pair;
    const commission = (gross * share) / 10_000n;
    return { debtor, creditor, count, gross, commission, fee, net: gross - commission + fee };
  });
const owedSums = fc.array(owedSum, { maxLength: 40 });

describe('netting', () => {
  it('gives positions that sum to zero, and a matrix whose halves mirror each other', () => {
    fc.assert(
      fc.property(owedSums, (sums) => {
        const pairs = pairPositions(sums);
        const total = [...netPositions(pairs).values()].reduce((sum, net) => sum + net, 0n);
        expect(total).to.equal(0n);
        for (const pair of pairs) {
          const mirror = pairs.find(
            ({ branch, peer }) => branch === pair.peer && peer === pair.branch,
          );
          expect([mirror?.gross, mirror?.commission, mirror?.fees, mirror?.net]).to.deep.equal(
            [pair.gross, pair.commission, pair.fees, pair.net].map((part) => -part),
          );
          expect(pair.net).to.equal(pair.gross + pair.commission + pair.fees);
          expect(mirror?.count).to.equal(pair.count);
        }
      }),
    );
  });

  it('pays every branch the same sum in either model', () => {
    fc.assert(
      fc.property(owedSums, (sums) => {
        const pairs = pairPositions(sums);
        for (const model of ['multilateral', 'bilateral'] as const) {
          const received = new Map<NodeCode, bigint>();
          for (const { from, to, amount } of transfersOf(model, pairs)) {
            expect(amount > 0n).to.equal(true);
            received.set(to, (received.get(to) ?? 0n) + amount);
            received.set(from, (received.get(from) ?? 0n) - amount);
          }
          for (const [branch, net] of netPositions(pairs)) {
            expect(received.get(branch) ?? 0n, `${model} ${branch}`).to.equal(net);
          }
          expect(received.get(headOffice) ?? 0n).to.equal(0n);
        }
      }),
    );
  });

  it('does not depend on the order of the sums', () => {
    fc.assert(
      fc.property(owedSums, (sums) => {
        expect(pairPositions(sums.toReversed())).to.deep.equal(pairPositions(sums));
      }),
    );
  });

  it('stops at a matrix that does not sum to zero', () => {
    expect(() => netPositions([{ branch: msk, net: 1n }])).to.throw('sum to zero');
  });
});

describe('what a matched operation makes owed', () => {
  const bare = { operationId: 'x', attempt: 1, serving: msk, home: spb, businessDate: today };
  const rub = (amount: bigint) => ({ amount, currency: 'RUB' });

  it('a payment: the serving branch owes the sum less its commission, rounded half up', () => {
    for (const [amount, commission] of [
      [50_000n, 750n],
      [33n, 0n],
      [34n, 1n],
      [100n, 2n],
    ] as const) {
      const owed = obligationOf(
        { ...bare, kind: 'payment', money: rub(amount), facts: { tender: 'cash' } },
        reference,
      );
      expect(owed).to.deep.equal({
        ...{ debtor: msk, creditor: spb, currency: 'RUB', gross: amount, commission, fee: 0n },
        net: amount - commission,
      });
    }
  });

  it('a payment never owes more than its sum nor less than nothing', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 12n), fc.bigInt(0n, 10_000n), (amount, rate) => {
        const terms: Terms = { tariff: () => undefined, commissionBasisPoints: () => rate };
        const owed = obligationOf(
          { ...bare, kind: 'payment', money: rub(amount), facts: { tender: 'cash' } },
          terms,
        );
        expect(owed && owed.net >= 0n && owed.net <= owed.gross).to.equal(true);
        expect(owed && owed.net + owed.commission).to.equal(amount);
      }),
    );
  });

  it('a tender without an agreed commission earns none', () => {
    const facts = { tender: 'voucher' };
    const owed = obligationOf({ ...bare, kind: 'payment', money: rub(100n), facts }, reference);
    expect(owed?.net).to.equal(100n);
  });

  it('a cancellation: the home branch owes back exactly what the payment owed', () => {
    const facts = { payment: 'p', reversed: true, moved: { amount: '500.00', currency: 'RUB' } };
    const cancellation = { ...bare, kind: 'payment-cancellation' as const, facts };
    const paid = { gross: 50_000n, commission: 123n };
    expect(obligationOf(cancellation, reference, paid)).to.include({
      ...{ debtor: spb, creditor: msk, commission: 123n, net: 49_877n },
    });
    const notReversed = { ...cancellation, facts: { ...facts, reversed: false } };
    expect(obligationOf(notReversed, reference, paid)).to.equal(undefined);
  });

  it('cards, services and moved balances: the home branch owes', () => {
    for (const [kind, facts, fee, gross] of [
      ['sim-replacement', {}, 7_500n, 0n],
      ['registration', {}, 7_500n, 0n],
      ['rate-plan-change', {}, 3_000n, 0n],
      ['block', {}, 3_000n, 0n],
      ['number-move', { moved: { amount: '12.34', currency: 'RUB' } }, 0n, 1_234n],
    ] as const) {
      const owed = obligationOf({ ...bare, kind, facts, home: nsk }, reference);
      expect(owed, kind).to.deep.equal({
        ...{ debtor: nsk, creditor: msk, currency: 'RUB', gross, commission: 0n, fee },
        net: gross + fee,
      });
    }
    const empty = { ...bare, kind: 'number-move' as const };
    const moved = { amount: '0.00', currency: 'RUB' };
    expect(obligationOf({ ...empty, facts: { moved } }, reference)).to.equal(undefined);
  });

  it('nothing by terms that were not in force on its date', () => {
    const early = { ...bare, businessDate: '2024-12-31', kind: 'block' as const, facts: {} };
    expect(obligationOf(early, reference)).to.equal(undefined);
  });
});
