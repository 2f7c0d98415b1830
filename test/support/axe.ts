import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const everyRule = { type: 'tag', values: tags };
/** What can differ where the markup is the same: colours, sizes, and the texts that name things. */
const ofLook = {
  type: 'rule',
  values: ['color-contrast', 'target-size', 'label', 'button-name', 'link-name', 'html-lang-valid'],
};

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe finds wrong with a page as it stands, a line each. */
async function axeFaults(page: Page, runOnly: object): Promise<string[]> {
  // Not a script tag: the page's own policy would refuse it, and rightly.
  const { violations } = await page.evaluate<AxeResults>(
    `${source}; axe.run(document, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] })`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Both themes and both languages in two walks: contrast is the theme's, texts are the language's. */
const looks = [
  {
    colorScheme: 'light',
    locale: 'ru-RU',
    viewport: { width: 1280, height: 800 },
    runOnly: everyRule,
  },
  {
    colorScheme: 'dark',
    locale: 'en-GB',
    viewport: { width: 390, height: 800 },
    runOnly: ofLook,
  },
] as const;

export interface Walk {
  readonly url: string;
  readonly paths: readonly string[];
  /** Of somebody who is signed in. */
  readonly storageState: NonNullable<BrowserContextOptions['storageState']>;
}

/** With everything that it is made of, as it comes from the node uncompressed. */
const maxPageBytes = 100_000;

/** What axe finds on any of the pages, and pages that are wider than a phone or a desk, or too heavy. */
export async function faultsOfPages(browser: Browser, walk: Walk): Promise<string[]> {
  const faults: string[] = [];
  for (const { runOnly, ...look } of looks) {
    const context = await browser.newContext({ ...look, storageState: walk.storageState });
    const page = await context.newPage();
    const sizes = new Map<string, number>();
    page.on('response', async (response) => {
      const body = await response.body().catch(() => Buffer.alloc(0));
      sizes.set(response.url(), body.length);
    });
    for (const path of walk.paths) {
      sizes.clear();
      await page.goto(walk.url + path, { waitUntil: 'load' });
      const where = `${path} ${look.colorScheme} ${look.locale}`;
      faults.push(...(await axeFaults(page, runOnly)).map((fault) => `${where}: ${fault}`));
      const weight = [...sizes.values()].reduce((sum, each) => sum + each, 0);
      if (weight > maxPageBytes) faults.push(`${where}: weighs ${weight} bytes`);
      if (await page.evaluate<boolean>(isWider)) faults.push(`${where}: is wider than its window`);
    }
    await context.close();
  }
  return faults;
}

const isWider = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
