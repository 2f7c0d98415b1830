import { expect } from 'chai';
import { validateDatasets } from '../../../shared/reference/validate-datasets.ts';
import { smallDatasets } from './reference-fixtures.ts';

const plan = (code: string, validFrom: string) => ({
  ...{ code, name: code, monthlyFee: '300.00', switchFee: '0.00', services: [] },
  ...{ currency: 'RUB', validFrom },
});
const twice = [plan('SMART', '2026-01-01'), plan('SMART', '2026-05-01')];

describe('two periods of a plan of which the first does not end', () => {
  it('are refused', () => {
    const datasets = smallDatasets({ 'rate-plans': twice });
    expect(() => validateDatasets(datasets)).to.throw(/still valid/);
  });

  it('are refused beside a plan whose code begins with its code', () => {
    const plans = [...twice, plan('SMART20260', '2026-01-01')];
    const datasets = smallDatasets({ 'rate-plans': plans });
    expect(() => validateDatasets(datasets)).to.throw(/still valid/);
  });
});
