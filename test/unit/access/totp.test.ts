import { expect } from 'chai';
import {
  base32,
  fromBase32,
  matchingStep,
  otpauthAddress,
  stepOf,
  totpCode,
} from '../../../shared/access/totp.ts';

const secret = Buffer.from('12345678901234567890');

describe('one-time passwords', () => {
  it('are those of RFC 6238, appendix B', () => {
    const vectors = [
      [59, '94287082'],
      [1_111_111_109, '07081804'],
      [1_111_111_111, '14050471'],
      [1_234_567_890, '89005924'],
      [2_000_000_000, '69279037'],
      [20_000_000_000, '65353130'],
    ] as const;
    for (const [seconds, code] of vectors) {
      expect(totpCode(secret, stepOf(seconds * 1000), 8), String(seconds)).to.equal(code);
    }
  });

  it('are those of RFC 4226, appendix D', () => {
    const codes = Array.from({ length: 10 }, (_, step) => totpCode(secret, step));
    expect(codes).to.deep.equal([
      ...['755224', '287082', '359152', '969429', '338314'],
      ...['254676', '287922', '162583', '399871', '520489'],
    ]);
  });

  it('count one step either way, and only after the last one that was used', () => {
    const nowMs = 5 * 30_000;
    const found = (step: number, lastStep = -1) =>
      matchingStep(secret, { code: totpCode(secret, step), nowMs, lastStep });
    expect([3, 4, 5, 6, 7].map((step) => found(step))).to.deep.equal([
      ...[undefined, 4, 5, 6, undefined],
    ]);
    expect([4, 5, 6].map((step) => found(step, 5))).to.deep.equal([undefined, undefined, 6]);
    expect(matchingStep(secret, { code: '', nowMs, lastStep: -1 })).to.equal(undefined);
  });

  it('have secrets in base32, as RFC 4648 writes it', () => {
    for (const [text, coded] of [
      ...[['', ''] as const, ['f', 'MY'] as const, ['fo', 'MZXQ'] as const],
      ...[
        ['foo', 'MZXW6'] as const,
        ['foob', 'MZXW6YQ'] as const,
        ['foobar', 'MZXW6YTBOI'] as const,
      ],
    ]) {
      expect(base32(Buffer.from(text))).to.equal(coded);
      expect(Buffer.from(fromBase32(coded)).toString()).to.equal(text);
    }
  });

  it('are given to authenticators as an address', () => {
    const address = otpauthAddress({ issuer: 'SBMS MSK', login: 'anna', secret: 'MZXW6' });
    const { searchParams, pathname } = new URL(address);
    expect(pathname).to.include('SBMS%20MSK:anna');
    expect(Object.fromEntries(searchParams)).to.deep.equal({
      ...{ secret: 'MZXW6', issuer: 'SBMS MSK', algorithm: 'SHA1', digits: '6', period: '30' },
    });
  });
});
