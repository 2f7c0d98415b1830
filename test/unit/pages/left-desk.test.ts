import { expect } from 'chai';
import { inboxPages } from '../../../shared/pages/inbox-pages.tsx';
import { type ApiFixture, apiFixture, password } from '../web/api-fixture.ts';
import { pagesOn } from './pages-fixture.ts';

describe('a desk that everybody has left', () => {
  let fixture: ApiFixture;
  beforeEach(async () => {
    fixture = await apiFixture();
    const pages = pagesOn(fixture);
    inboxPages({ pages, sources: [] });
    pages.page({ path: '/desk', permission: 'operator.manage' }, async () => ({
      ...{ title: 'Desk', content: 'A desk' },
    }));
  });
  afterEach(() => fixture.close());

  it('is signed out after half an hour, though its page renews its parts by itself', async () => {
    const headers = { 'sec-fetch-site': 'same-origin' };
    const form = new URLSearchParams({ login: 'anna', password, next: '/desk' });
    const entered = await fixture.api.app.request('/sign-in', {
      method: 'POST',
      body: form,
      headers,
    });
    const [cookie = ''] = (entered.headers.get('set-cookie') ?? '').split(';');
    const desk = () => fixture.api.app.request('/desk', { headers: { ...headers, cookie } });
    expect((await desk()).status).to.equal(200);
    const minutes = async (count: number) => {
      for (let minute = 0; minute < count; minute += 1) {
        fixture.clock.advance(60_000);
        const polled = { ...headers, cookie, 'hx-request': 'true' };
        await fixture.api.app.request('/inbox/count', { headers: polled });
      }
    };
    await minutes(29);
    expect((await desk()).status, 'somebody is there').to.equal(200);
    await minutes(31);
    expect((await desk()).status, 'nobody has touched a key').to.equal(303);
  });
});
