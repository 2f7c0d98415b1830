import { expect } from 'chai';
import { z } from 'zod';
import { luhnDigit } from '../../../shared/ids/ids.ts';
import { decodeCursor, encodeCursor, pageOf } from '../../../shared/web/cursor.ts';
import {
  businessDate,
  iccid,
  instant,
  limitQuery,
  msisdn,
  uuid,
  wireMoney,
} from '../../../shared/web/schemas.ts';

const iccidDigits = '897019900000000001';
const rightIccid = iccidDigits + luhnDigit(iccidDigits);
const wrongIccid = iccidDigits + ((Number(luhnDigit(iccidDigits)) + 1) % 10);

const money = (amount: unknown, currency = 'RUB') => ({ amount, currency });

describe('border schemas', () => {
  for (const [name, schema, good, bad] of [
    [
      'money',
      wireMoney,
      [money('500.00'), money('-1'), money('0.0001')],
      [
        ...[money(500), money('1e3'), money('.5'), money('1.'), money('1', 'rub')],
        ...[money('12345678901234567'), { ...money('1'), x: 1 }],
      ],
    ],
    ['msisdn', msisdn, ['79161234567', '1234567890'], ['+79161234567', '0916123456', '123', 7]],
    ['iccid', iccid, [rightIccid], [`${rightIccid}0`, wrongIccid, rightIccid.slice(1)]],
    ['business date', businessDate, ['2024-02-29'], ['2025-02-29', '2025-2-1', '']],
    [
      'instant',
      instant,
      ['2025-06-30T09:00:00.000Z'],
      [
        ...['2025-06-30T09:00:00Z', '2025-06-31T09:00:00.000Z', '2025-06-30T24:61:00.000Z'],
        '2025-06-30',
      ],
    ],
    [
      'uuid',
      uuid,
      ['01a2041b-31a7-7058-bc3c-07e183224420'],
      [...['01A2041B-31a7-7058-bc3c-07e183224420', '01a2041b-31a7-4058-bc3c-07e183224420']],
    ],
    ['limit', limitQuery, ['1', '200', undefined], ['0', '201', '-1', '1.5', '', '0x10']],
  ] as const) {
    it(`tell a ${name} from what is not`, () => {
      for (const value of good) {
        expect(schema.safeParse(value).success, JSON.stringify(value)).to.equal(true);
      }
      for (const value of bad) {
        expect(schema.safeParse(value).success, JSON.stringify(value)).to.equal(false);
      }
    });
  }

  it('make a limit a number, 50 if absent', () => {
    expect([limitQuery.parse('20'), limitQuery.parse(undefined)]).to.deep.equal([20, 50]);
  });
});

describe('cursors', () => {
  const key = z.strictObject({ at: z.string() });

  it('come back as they were made', () => {
    expect(decodeCursor(encodeCursor({ at: 'x' }), key)).to.deep.equal({ at: 'x' });
    expect(decodeCursor(undefined, key)).to.equal(undefined);
  });

  for (const cursor of ['', '%', 'e30', encodeCursor({ at: 1 }), encodeCursor({ at: 'x', b: 1 })]) {
    it(`refuse ${cursor || 'nothing'}`, () => {
      expect(() => decodeCursor(cursor, key)).to.throw('not one of this list');
    });
  }

  it('end where the rows end', () => {
    const parts = { item: (row: number) => row, key: (row: number) => ({ row }) };
    expect(pageOf([1, 2], 2, parts)).to.deep.equal({ items: [1, 2], next: null });
    expect(pageOf([1, 2, 3], 2, parts)).to.deep.equal({
      items: [1, 2],
      next: encodeCursor({ row: 2 }),
    });
    expect(pageOf([], 2, parts)).to.deep.equal({ items: [], next: null });
  });
});
