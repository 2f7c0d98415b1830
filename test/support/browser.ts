import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** A real Chromium: this machine's, or the one that comes with the packages. */

const systemChromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const pageTimeoutMs = 60_000;

/** Where pictures of pages go: nowhere that is kept, unless `PICTURES=docs/pictures` says so. */
export const pictures = process.env.PICTURES ?? mkdtempSync(join(tmpdir(), 'sbms-pictures-'));

export async function openBrowser(): Promise<Browser> {
  const own = systemChromium.find((path) => existsSync(path));
  if (own !== undefined) return chromium.launch({ executablePath: own, args: quiet });
  const { default: packaged } = await import('@sparticuz/chromium');
  const executablePath = await packaged.executablePath();
  return chromium.launch({ executablePath, args: [...packaged.args, ...quiet] });
}

export interface Visit {
  readonly page: Page;
  /** What no page may do: ask another host, break the content security policy, fail in a script. */
  readonly faults: string[];
  close(): Promise<void>;
}

export interface VisitOptions {
  readonly locale?: 'en-GB' | 'ru-RU';
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
}

/** A browser of its own for one person, watched. */
export async function visit(
  browser: Browser,
  url: string,
  { locale = 'en-GB', colorScheme = 'light', width = 1280 }: VisitOptions = {},
): Promise<Visit> {
  const viewport = { width, height: 800 };
  const context: BrowserContext = await browser.newContext({ locale, colorScheme, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(pageTimeoutMs);
  const faults: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`asks ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`fails: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}

/** By keyboard, as a person would. */
export async function signInAs(page: Page, login: string, password: string): Promise<void> {
  await page.locator('#login').focus();
  await page.keyboard.type(login);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.waitForSelector('header.top');
}
