import { expect } from 'chai';
import { createLogger } from '../../../shared/text/logger.ts';
import { maskJson, maskText, redactSecrets } from '../../../shared/text/masking.ts';
import { standingClock } from '../access/access-fixture.ts';

const uuid = '01a2041b-31a7-7058-bc3c-079012345678';

describe('masking', () => {
  for (const [text, masked] of [
    ['number 79161234567 is busy', 'number 7916•••4567 is busy'],
    ['+79161234567,79031234567', '+7916•••4567,7903•••4567'],
    ['8970199000000000018', '8970•••••••••••0018'],
    ['123456789', '123456789'],
    [uuid, uuid],
    [`${'a'.repeat(31)}1`, `${'a'.repeat(31)}1`],
    ['2025-06-30T09:00:00.000Z', '2025-06-30T09:00:00.000Z'],
  ] as const) {
    it(`shows ${text.slice(0, 40)} as ${masked.slice(0, 40)}`, () => {
      expect(maskText(text)).to.equal(masked);
    });
  }

  it('masks numbers, member names and nested values, and leaves measurements', () => {
    const value = {
      msisdn: 79161234567,
      list: ['79161234567'],
      '79161234567': 1,
      ms: 1.23456789012,
    };
    expect(maskJson(value)).to.deep.equal({
      ...{ msisdn: '7916•••4567', list: ['7916•••4567'], '7916•••4567': 1 },
      ms: 1.23456789012,
    });
  });

  it('drops what is named as a secret, at any depth', () => {
    const detail = {
      a: { password: 'x', newPassword: 'x', sessionToken: 'x', spin: 'x', pin: '1' },
    };
    const gone = '[redacted]';
    expect(redactSecrets(detail)).to.deep.equal({
      a: { password: gone, newPassword: gone, sessionToken: gone, spin: 'x', pin: gone },
    });
  });
});

describe('the logger', () => {
  function lines(write: (logger: ReturnType<typeof createLogger>) => void): string {
    const written: string[] = [];
    const destination = { write: (line: string) => void written.push(line) };
    write(createLogger({ clock: standingClock(), node: 'MSK', destination }));
    return written.join('');
  }

  it('masks messages, fields, bindings, errors, their stacks and causes', () => {
    const cause = new Error('no row for 79161234567');
    const text = lines((logger) => {
      logger.info('paid 79161234567');
      logger.info({ msisdn: '79161234567', amount: 79161234567 }, 'number %s', '79161234567');
      logger.child({ who: '79161234567' }).info('child');
      logger.error(new Error('broken for 79161234567', { cause }));
    });
    expect(text).not.to.include('79161234567');
    expect(text.split('7916•••4567').length).to.be.greaterThan(7);
  });

  it('drops tokens and passwords and writes one JSON object a line', () => {
    const text = lines((logger) => {
      logger.info({ headers: { authorization: 'Bearer abc', cookie: '__Host-sbms_session=abc' } });
      logger.info({ password: 'abc', token: 'abc' });
    });
    expect(text).not.to.include('abc');
    const [first] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).to.include({ level: 'info', node: 'MSK', time: '2025-06-30T09:00:00.000Z' });
  });
});
