import { expect } from 'chai';
import { referenceRowPages } from '../../../central-node/reference/reference-row-pages.tsx';
import { type ApiFixture, apiFixture } from '../web/api-fixture.ts';
import { lookerAt, permittedPagesOn } from './pages-fixture.ts';

const services = Array.from({ length: 12 }, (_, index) => `SERVICE-NUMBER-${index + 10}`);
const plans = Array.from({ length: 60 }, (_, index) => ({
  ...{ code: `PLAN${index + 10}`, name: 'A plan', monthlyFee: '1.00', switchFee: '0.00', services },
  ...{ currency: 'RUB', validFrom: '2025-01-01' },
}));

describe('a list as CSV', () => {
  let fixture: ApiFixture;
  let look: Awaited<ReturnType<typeof lookerAt>>;
  beforeEach(async () => {
    fixture = await apiFixture();
    referenceRowPages({
      pages: permittedPagesOn(fixture),
      reference: {
        listDraftRows: async (
          _: unknown,
          { query }: { query: { limit: string; cursor?: string } },
        ) => {
          const first = Number(query.cursor ?? 0);
          const last = first + Number(query.limit);
          const items = plans.slice(first, last).map((row) => ({ key: row.code, row }));
          return { items, next: last < plans.length ? String(last) : null };
        },
      } as never,
    });
    look = await lookerAt(fixture);
  });
  afterEach(() => fixture.close());

  const linkTo = (text: string, label: string) =>
    new RegExp(`href="([^"]+)"[^>]*>${label}<`).exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';

  it('has all rows, whatever page it is asked for on', async () => {
    const path = '/reference/rate-plans';
    const second = await look(path + linkTo((await look(path)).text, 'Show more'));
    expect(second.text).to.include('PLAN60').and.not.to.include('PLAN11');
    const { text } = await look(path + linkTo(second.text, 'CSV'));
    expect(text.trim().split('\r\n')).to.have.length(61);
  });

  it('has whole values', async () => {
    const { text } = await look('/reference/rate-plans?format=csv');
    expect(text).to.include(services.join(' '));
  });
});
