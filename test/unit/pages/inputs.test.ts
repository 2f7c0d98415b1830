import { expect } from 'chai';
import { subscriberQuery } from '../../../branch-node/subscribers/subscriber-query.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { moneyInput, msisdnInput } from '../../../shared/pages/inputs.ts';

const msk = 'MSK' as NodeCode;

describe('what people type', () => {
  const numbers = ['9161234567', '8 (916) 123-45-67', '+7 916 123 45 67', '8.916.123.45.67'];
  for (const typed of numbers) {
    it(`is a number, for who pays and for who searches: ${typed}`, () => {
      expect(msisdnInput(typed)).to.equal('79161234567');
      expect(subscriberQuery(typed, msk)).to.deep.equal({ by: 'msisdn', msisdn: '79161234567' });
    });
  }

  it('is of the country that a plus says, and of no other', () => {
    expect(msisdnInput('+960 771-2345')).to.equal('9607712345');
    expect(msisdnInput('+82 2 312 3456 7')).to.equal('82231234567');
    const asked = subscriberQuery('+960 771-2345', msk);
    expect(asked).to.deep.equal({ by: 'msisdn', msisdn: '9607712345' });
  });

  it('is a sum, or none at all', () => {
    expect(moneyInput('1 500,5', 'RUB')).to.equal('1500.50');
    for (const typed of ['-500', '1.500', '1,500.00', '5e3', '']) {
      expect(moneyInput(typed, 'RUB'), typed).to.equal(undefined);
    }
  });
});
