import { expect } from 'chai';
import { customerNumber, maskName, nameKey } from '../../../branch-node/subscribers/customer.ts';
import {
  nextStatus,
  type SubscriberEvent,
  servicesAfterPlanChange,
  subscriberStatuses,
} from '../../../branch-node/subscribers/subscriber.ts';
import { subscriberQuery } from '../../../branch-node/subscribers/subscriber-query.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { msk } from './branches-fixture.ts';

const events: readonly SubscriberEvent[] = ['block', 'unblock', 'move'];
const outcomes: Readonly<Record<string, readonly string[]>> = {
  active: ['blocked', 'subscriber-not-blocked', 'moved'],
  blocked: ['subscriber-blocked', 'active', 'subscriber-blocked'],
  terminated: ['subscriber-terminated', 'subscriber-terminated', 'subscriber-terminated'],
  moved: ['subscriber-moved', 'subscriber-moved', 'subscriber-moved'],
};

describe('the status of a subscriber', () => {
  for (const status of subscriberStatuses) {
    for (const [index, event] of events.entries()) {
      const expected = outcomes[status]?.[index];
      it(`${status}, ${event}: ${expected}`, () => {
        try {
          expect(nextStatus(status, event)).to.equal(expected);
        } catch (error) {
          if (!isDomainError(error)) throw error;
          expect(error.code).to.equal(expected);
        }
      });
    }
  }
});

describe('the services of a subscriber', () => {
  it('follow the plan, but for those of his own choice', () => {
    const plans = { from: ['A', 'B'], to: ['B', 'C'] };
    expect(servicesAfterPlanChange(['A', 'B', 'X'], plans)).to.deep.equal(['B', 'C', 'X']);
    expect(servicesAfterPlanChange([], plans)).to.deep.equal(['B', 'C']);
  });
});

describe('the name of a customer', () => {
  const masked: readonly (readonly [string, string])[] = [
    ['Иванов Иван', 'И•••• И.'],
    ['Иванова Анна Петровна', 'И•••• А.'],
    ['ООО «Ромашка»', 'О•••• Р.'],
    ['Cher', 'C••••'],
    ['', '••••'],
  ];
  for (const [name, expected] of masked) {
    it(`is masked: ${name} is ${expected}`, () => expect(maskName(name)).to.equal(expected));
  }

  it('is searched without regard to case, ё, quotes and spaces', () => {
    expect(nameKey('  СЕМЁНОВ   Пётр ')).to.equal('семенов петр');
    expect(nameKey('ООО «Ёлка»')).to.equal(nameKey('ооо "елка"'));
    // Й as one character or as two
    expect(nameKey('Андрей'.normalize('NFD'))).to.equal(nameKey('АНДРЕЙ'));
  });
});

describe('what is typed to find a subscriber', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['', { by: 'all' }],
    ['+7 925 000-00-01', { by: 'msisdn', msisdn: '79250000001' }],
    ['8 (925) 000-00-01', { by: 'msisdn', msisdn: '79250000001' }],
    ['9250000001', { by: 'msisdn', msisdn: '79250000001' }],
    ['79250000001', { by: 'msisdn', msisdn: '79250000001' }],
    ['0001', { by: 'tail', digits: '0001' }],
    ['00-01', { by: 'tail', digits: '0001' }],
    ['17', { by: 'customer', number: 17n }],
    [customerNumber(msk, 104n), { by: 'customer', number: 104n }],
    ['msk-104', { by: 'customer', number: 104n }],
    ['spb-104', { by: 'customer-elsewhere', branch: 'SPB' }],
    ['4509 123456', { by: 'document', key: '4509123456' }],
    ['45 09 123456', { by: 'document', key: '4509123456' }],
    ['4509123456', { by: 'document', key: '4509123456' }],
    ['92 03 123456', { by: 'document', key: '9203123456' }],
    ['75 1234567', { by: 'document', key: '751234567' }],
    ['№751234567', { by: 'document', key: '751234567' }],
    ['AB 1234567', { by: 'document', key: 'AB1234567' }],
    ['495 123-45-67', { by: 'msisdn', msisdn: '74951234567' }],
    ['751234567', { by: 'tail', digits: '751234567' }],
    ['SPB-20261123-000001-7K', { by: 'name', key: 'spb-20261123-000001-7k' }],
    ['8970199100000000017', { by: 'iccid', iccid: '8970199100000000017' }],
    ['Семён', { by: 'name', key: 'семен' }],
  ];
  for (const [typed, expected] of cases) {
    it(`«${typed}» is by ${JSON.stringify(Object.values(expected)[0])}`, () => {
      expect(subscriberQuery(typed, msk)).to.deep.equal(expected);
    });
  }
});
