import { expect } from 'chai';
import { namesFrom } from '../../../shared/pages/names.ts';
import { buildReference } from '../../../shared/reference/reference.ts';
import { smallDatasets } from '../reference/reference-fixtures.ts';

const plan = {
  ...{ code: 'SMART', currency: 'RUB', monthlyFee: '1.00', switchFee: '0.00', services: [] },
};

describe('what codes of the reference data are called', () => {
  const datasets = smallDatasets({
    'rate-plans': [
      { ...plan, name: 'Умный', validFrom: '2026-01-01', validTo: '2026-06-30' },
      { ...plan, name: 'Умнее', validFrom: '2026-07-01' },
    ],
    reasons: [
      { code: 'fraud', kind: 'block', name: 'Подозрение' },
      { code: 'fraud', kind: 'termination', name: 'Мошенничество' },
    ],
  });
  const reference = buildReference({
    ...{ version: 1, effectiveFrom: '2026-01-01T00:00:00.000Z', datasets },
  });
  const at = (today: string) => namesFrom({ reference: () => reference, today: () => today });

  it('is the name of today, of the next if none has begun, else the code', () => {
    expect(at('2026-05-01').nameOf('rate-plans', 'SMART')).to.equal('Умный');
    expect(at('2026-07-01').nameOf('rate-plans', 'SMART')).to.equal('Умнее');
    expect(at('2025-01-01').nameOf('rate-plans', 'SMART')).to.equal('Умный');
    expect(at('2026-05-01').nameOf('rate-plans', 'GONE')).to.equal('GONE');
    const none = namesFrom({ reference: () => undefined, today: () => '2026-05-01' });
    expect(none.nameOf('services', 'ROAMING')).to.equal('ROAMING');
  });

  it('is a reason of that kind, or what somebody wrote himself', () => {
    expect(at('2026-05-01').reasonName('termination', 'fraud')).to.equal('Мошенничество');
    expect(at('2026-05-01').reasonName('cancellation', 'by mistake')).to.equal('by mistake');
  });
});
