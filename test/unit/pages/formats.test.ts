import { expect } from 'chai';
import { formatMoney } from '../../../shared/money/money.ts';
import { formatsFor } from '../../../shared/pages/formats.ts';

describe('sums on pages and papers', () => {
  it('are shown to the last minor unit, in every currency and language', () => {
    for (const language of ['en', 'ru'] as const) {
      const { money } = formatsFor(language, 'Europe/Moscow');
      for (const currency of Intl.supportedValuesOf('currency')) {
        for (const amount of [123_456n, -123_456n, 100_000n, 999_999_999_999n]) {
          const shown = money(formatMoney({ amount, currency }));
          const digits = `${amount}`.replace('-', '');
          expect(shown.replaceAll(/\D/g, ''), `${currency}: ${shown}`).to.equal(digits);
        }
      }
    }
  });
});
