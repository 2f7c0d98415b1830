import { expect } from 'chai';
import { unreadable } from '../../../shared/federation/set-aside.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import type { RowOf } from '../../../shared/reference/datasets.ts';
import { buildReference } from '../../../shared/reference/reference.ts';
import { validateDatasets } from '../../../shared/reference/validate-datasets.ts';
import { obligationOf } from '../../../shared/settlement/obligation.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { smallDatasets } from '../reference/reference-fixtures.ts';
import { operationEntries } from './entries-fixture.ts';
import { msk, openHeadOffice, reference, spb } from './settlement-fixture.ts';

type Tariff = RowOf<'tariffs'>;

const currencies = [
  { code: 'RUB', decimals: 2, name: 'Рубль' },
  { code: 'KZT', decimals: 2, name: 'Тенге' },
];
const ofHome = { payer: 'home-branch', validFrom: '2026-01-01' } as const;
const simCard: Tariff = { ...ofHome, action: 'sim-card', amount: '45.00', currency: 'RUB' };
const service: Tariff = {
  ...{ ...ofHome, action: 'cross-branch-service', amount: '200.00', currency: 'KZT' },
};
const replaced = {
  ...{ operationId: systemIds.uuid(), attempt: 1, kind: 'sim-replacement' as const },
  ...{ serving: msk, home: spb, businessDate: '2026-06-30', facts: {} },
};

const withTariffs = (...tariffs: Tariff[]) => smallDatasets({ currencies, tariffs });

describe('fees between branches', () => {
  it('are in one currency on any day, or no release', () => {
    const both = () => validateDatasets(withTariffs(simCard, service));
    expect(both)
      .to.throw()
      .with.property('errors')
      .that.satisfies((errors: { message: string }[]) =>
        errors.some(({ message }) => message.includes('is not that of')),
      );
    const before = { ...simCard, validTo: '2026-05-31' };
    const after = { ...service, validFrom: '2026-06-01' };
    validateDatasets(withTariffs(before, after));
    validateDatasets(withTariffs(simCard, { ...service, payer: 'customer' }));
  });

  it('that the customer pays are not owed by his home branch', () => {
    const datasets = withTariffs(
      { ...simCard, payer: 'customer' },
      { ...service, currency: 'RUB' },
    );
    const effectiveFrom = '2026-01-01T00:00:00.000Z';
    const terms = buildReference({ version: 1, effectiveFrom, datasets });
    expect(obligationOf(replaced, terms)).to.include({ fee: 20_000n, net: 20_000n });
  });

  it("of a release with two currencies do not stop a branch's stream to head office", async () => {
    const keys = await federationKeys([msk, spb]);
    const hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    const { tariff } = reference;
    const changeable = reference as { tariff: typeof tariff };
    try {
      changeable.tariff = (action, date) => {
        const found = tariff(action, date);
        if (action !== 'cross-branch-service' || !found) return found;
        return { ...found, price: { amount: 20_000n, currency: 'KZT' } };
      };
      const story = operationEntries({ kind: 'sim-replacement', request: { iccid: '1' } });
      await hq.tell(story.accepted());
      const failed = await hq.tell(story.executed()).catch((error: unknown) => error);
      expect(isDomainError(failed, 'invalid-money')).to.equal(true);
      // What cannot be set aside is taken again for ever, and with it all that stands behind.
      expect(unreadable(failed)).to.be.a('string');
    } finally {
      changeable.tariff = tariff;
      await hq.close();
    }
  });
});
