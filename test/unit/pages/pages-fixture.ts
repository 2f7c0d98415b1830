import { systemIds } from '../../../shared/ids/ids.ts';
import { namesFrom } from '../../../shared/pages/names.ts';
import { createPages, type PageSpec, type Pages } from '../../../shared/pages/pages.tsx';
import { signInPages } from '../../../shared/pages/sign-in-pages.tsx';
import type { View } from '../../../shared/pages/view.ts';
import { type ApiFixture, password } from '../web/api-fixture.ts';

/** The frame of a node's pages with its sign-in, and none of its rooms. */
export function pagesOn({ api, access, clock }: ApiFixture) {
  const nodeName = () => 'Moscow';
  const timeZone = () => 'Europe/Moscow';
  const names = namesFrom({ reference: () => undefined, today: () => '2026-01-01' });
  const pages = createPages({ api, nodeName, timeZone, names, groups: [] });
  signInPages(api, { pages, access, clock, ids: systemIds, nodeName });
  return pages;
}

/** The same, and everybody who is signed in may look at and do anything. */
export function permittedPagesOn(fixture: ApiFixture): Pages {
  const pages = pagesOn(fixture);
  const anybody = <Spec extends PageSpec>(spec: Spec) =>
    ({ ...spec, permission: 'signed-in' }) as const;
  return {
    ...pages,
    page: (spec, show) => pages.page(anybody(spec), (view) => show(ableTo(view))),
    action: (spec, act, again) => pages.action(anybody(spec), (view) => act(ableTo(view)), again),
  };
}

const ableTo = (view: View): View => ({ ...view, may: () => true });

/** Somebody who is signed in, in English: what a page says, and a form if one is sent. */
export async function lookerAt({ api }: ApiFixture) {
  let cookie = '';
  const look = async (path: string, form?: Record<string, string>) => {
    const answer = await api.app.request(path, {
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
      headers: { 'sec-fetch-site': 'same-origin', 'accept-language': 'en', cookie },
    });
    const [set = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    return { text: await answer.text(), status: answer.status, set };
  };
  cookie = (await look('/sign-in', { login: 'anna', password, next: '/' })).set;
  return look;
}
