import { systemIds } from '../../../shared/ids/ids.ts';
import { namesFrom } from '../../../shared/pages/names.ts';
import { createPages } from '../../../shared/pages/pages.tsx';
import { signInPages } from '../../../shared/pages/sign-in-pages.tsx';
import type { ApiFixture } from '../web/api-fixture.ts';

/** The frame of a node's pages with its sign-in, and none of its rooms. */
export function pagesOn({ api, access, clock }: ApiFixture) {
  const nodeName = () => 'Moscow';
  const timeZone = () => 'Europe/Moscow';
  const names = namesFrom({ reference: () => undefined, today: () => '2026-01-01' });
  const pages = createPages({ api, nodeName, timeZone, names, groups: [] });
  signInPages(api, { pages, access, clock, ids: systemIds, nodeName });
  return pages;
}
