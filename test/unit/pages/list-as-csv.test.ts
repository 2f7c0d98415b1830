import { expect } from 'chai';
import { referenceRowPages } from '../../../central-node/reference/reference-row-pages.tsx';
import { type ApiFixture, apiFixture, password } from '../web/api-fixture.ts';
import { pagesOn } from './pages-fixture.ts';

const services = Array.from({ length: 12 }, (_, index) => `SERVICE-NUMBER-${index + 10}`);
const plans = Array.from({ length: 60 }, (_, index) => ({
  ...{ code: `PLAN${index + 10}`, name: 'A plan', monthlyFee: '1.00', switchFee: '0.00', services },
  ...{ currency: 'RUB', validFrom: '2025-01-01' },
}));

describe('a list as CSV', () => {
  let fixture: ApiFixture;
  let cookie = '';
  const look = async (path: string, form?: Record<string, string>) => {
    const answer = await fixture.api.app.request(path, {
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
      headers: { 'sec-fetch-site': 'same-origin', 'accept-language': 'en', cookie },
    });
    const [set = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    return { text: await answer.text(), set };
  };
  beforeEach(async () => {
    fixture = await apiFixture();
    const pages = pagesOn(fixture);
    const permitted = new Proxy(pages, {
      get: (target, name) =>
        name === 'page'
          ? (spec: { path: string }, show: never) =>
              pages.page({ ...spec, permission: 'signed-in' }, show)
          : Reflect.get(target, name),
    });
    referenceRowPages({
      pages: permitted,
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
    cookie = '';
    cookie = (await look('/sign-in', { login: 'anna', password, next: '/' })).set;
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
