import { expect } from 'chai';
import { dispositions, receiptKinds } from '../../../branch-node/payments/payment.ts';
import { receiptText } from '../../../branch-node/payments/receipt.ts';
import { receiptTexts } from '../../../branch-node/payments/receipt-texts.ts';
import { msk, spb } from '../central-settlement/settlement-fixture.ts';

const at = '2025-06-30T09:00:00.000Z';
const statement = {
  ...{ node: spb, home: msk, number: 'SPB-20250630-000001-3f9a1c', operationId: 'p-1' },
  ...{ amount: '50.00', currency: 'RUB', msisdn: '7925•••0001', issuedAt: at, at },
};

describe('a receipt in words', () => {
  const { en } = receiptTexts;

  it('says the same to a program and on paper', () => {
    for (const kind of receiptKinds) {
      for (const disposition of dispositions) {
        const text = receiptText({ ...statement, kind, disposition }).join(' ');
        const onPaper =
          disposition === 'taken' ? en.kinds[kind](msk) : en.dispositions[disposition](msk);
        expect(text).to.include(onPaper);
      }
    }
  });

  it('does not say that money is back before its desk has been told to pay it', () => {
    for (const disposition of ['refunded', 'paid-back'] as const) {
      const text = receiptText({ ...statement, kind: 'accepted', disposition }).join(' ');
      expect(text)
        .to.include('goes back')
        .and.not.match(/is (refunded|paid back)/);
    }
  });
});
