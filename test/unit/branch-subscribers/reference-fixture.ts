import type { Datasets } from '../../../shared/reference/datasets.ts';
import { buildReference, type Reference } from '../../../shared/reference/reference.ts';
import type { Instant } from '../../../shared/time/clock.ts';

const validFrom = '2025-01-01';
const currency = 'RUB';
const netDebitCap = { amount: '1000.00', currency };
const timeZone = 'Europe/Moscow';

function branch(code: string) {
  return {
    code,
    name: code,
    region: code,
    timeZone,
    netDebitCap,
    revokedSerials: [],
    active: false,
  };
}

const datasets: Datasets = {
  branches: ['MSK', 'SPB', 'NSK'].map(branch),
  'numbering-plan': [
    { from: '79250000000', to: '79250099999', branch: 'MSK' },
    { from: '79211000000', to: '79211099999', branch: 'SPB' },
    { from: '79231000000', to: '79231099999', branch: 'NSK' },
  ],
  'foreign-numbering': [{ from: '79030000000', to: '79039999999', operator: 'Other' }],
  ...{ 'ported-numbers': [], 'node-keys': [], authorities: [] },
  currencies: [{ code: currency, decimals: 2, name: 'Рубль' }],
  'rate-plans': [
    {
      ...{ code: 'BASIC', name: 'Базовый', currency, monthlyFee: '0.00', switchFee: '0.00' },
      ...{ services: ['CALLER-ID'], validFrom },
    },
    {
      ...{ code: 'UNLIMITED', name: 'Безлимитный', currency, monthlyFee: '890.00' },
      ...{ switchFee: '100.00', services: ['CALLER-ID', 'MUSIC'], validFrom },
    },
  ],
  services: [
    { code: 'CALLER-ID', name: 'Определитель', fee: '0.00', currency, validFrom },
    { code: 'MUSIC', name: 'Музыка', fee: '150.00', currency, validFrom },
    { code: 'VOICEMAIL', name: 'Голосовая почта', fee: '60.00', currency, validFrom },
  ],
  tariffs: [
    { action: 'sim-replacement', amount: '100.00', currency, payer: 'customer', validFrom },
  ],
  commissions: [],
  tenders: [],
  roles: [],
  reasons: [{ code: 'lost-phone', kind: 'block', name: 'Телефон утерян' }],
  'document-types': [{ code: 'passport', name: 'Паспорт' }],
  regions: [],
};

/** Three branches with a range each, two plans, three services. */
export const reference = referenceWith({});

/** The same, but for some data sets. */
export function referenceWith(changed: Partial<Datasets>): Reference {
  return buildReference({
    version: 7,
    effectiveFrom: '2025-01-01T00:00:00.000Z' as Instant,
    datasets: { ...datasets, ...changed },
  });
}
