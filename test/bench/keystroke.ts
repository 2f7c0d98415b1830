import type { Page } from 'playwright-core';
import { openBrowser, signInAs, visit } from '../support/browser.ts';
import { password, startFederation } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { customerAt, documentAt, fillBranch, iccidAt, numberAt } from './full-branch.ts';
import { quantile } from './load.ts';

const subscribers = 1_000_000;
const fastPauseMs = 60;
/** Until nothing more is painted. */
const restMs = 700;

/** What somebody types into the one field that finds everything, letter by letter. */
const typed: readonly string[] = [
  ...['Иванов Пётр', 'кузнецова ма', 'Соколовский О'],
  ...[numberAt(123_456), '4321', `MSK-${customerAt(777_777)}`],
  ...[documentAt(654_321), iccidAt(500_000)],
];

/** When a key went down, and when the first frame with what it brought was on the screen; by the browser's clock. */
const watch = `
  window.painted = [];
  window.waiting = () => {};
  window.paintedAgain = (count) => new Promise((done) => {
    window.waiting = () => { if (window.painted.length >= count) done(); };
    window.waiting();
  });
  // A key of another alphabet than this keyboard's comes as text only.
  for (const kind of ['keydown', 'beforeinput']) {
    addEventListener(kind, ({ timeStamp }) => { window.pressed = timeStamp; }, true);
  }
  addEventListener('htmx:afterSwap', ({ target }) => {
    if (target.id !== 'palette-options') return;
    const { pressed } = window;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        window.painted.push(performance.now() - pressed);
        window.waiting();
      };
      port2.postMessage(null);
    });
  });`;

const firstPaint = `new Promise((done) => {
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName('first-contentful-paint');
    const entered = Number(sessionStorage.getItem('entered'));
    if (paint) done(performance.timeOrigin + paint.startTime - entered);
  }).observe({ type: 'paint', buffered: true });
})`;

/** Typing in a real Chromium, at the desk of a branch of a large region. */
export const keystroke: Bench = {
  name: 'keystroke',
  method: `${subscribers} subscribers in a branch; a key pressed in the palette of a real Chromium, until the frame with its results is painted; node and browser share the machine; yardstick: the same with nothing to find`,
  goal: 'p95 under 100 ms',
  async run(rounds, note, scale) {
    const [federation, browser] = await Promise.all([startFederation(['MSK']), openBrowser()]);
    try {
      await fillBranch(federation.running('MSK').store, Math.round(subscribers * scale));
      const desk = await visit(browser, federation.branch('MSK').url);
      await signInAs(desk.page, 'manager', password);
      await desk.page.evaluate(watch);
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await keysOf(desk.page, ['zzzzzzzzzzzz', 'zz zz zz zz']);
        const measured = await keysOf(desk.page, typed);
        if (round === 0) continue;
        results.push({ yardstick: sampleOf(yardstick), measured: sampleOf(measured) });
        note(`${measured.length} keys: ${line(measured)}`);
      }
      note(`the last of a fast typist's: ${line(await lastKeysOf(desk.page))}`);
      note(`Enter until the page of a search: ${line(await pagesOf(desk.page))}`);
      return results;
    } finally {
      await browser.close();
      await federation.stop();
    }
  },
};

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.locator('#palette [role=option]').nth(3).waitFor();
  await page.evaluate('window.painted = []');
}

/** Each key pressed when what the one before brought is painted. */
async function keysOf(page: Page, texts: readonly string[]): Promise<number[]> {
  const all: number[] = [];
  for (const text of texts) {
    await openPalette(page);
    for (const [place, key] of [...text].entries()) {
      await page.keyboard.type(key);
      await page.evaluate(`window.paintedAgain(${place + 1})`);
    }
    all.push(...(await page.evaluate<number[]>('window.painted')));
    await page.keyboard.press('Escape');
  }
  return all;
}

/** From the last key of a text typed in one go. */
async function lastKeysOf(page: Page): Promise<number[]> {
  const all: number[] = [];
  for (const text of [...typed, ...typed]) {
    await openPalette(page);
    await page.keyboard.type(text, { delay: fastPauseMs });
    await page.waitForTimeout(restMs);
    all.push(...(await page.evaluate<number[]>('window.painted.slice(-1)')));
    await page.keyboard.press('Escape');
  }
  return all;
}

/** From Enter in the field on top of a page to the first paint of the page with the results. */
async function pagesOf(page: Page): Promise<number[]> {
  const all: number[] = [];
  for (let turn = 0; turn < 30; turn += 1) {
    await page.locator('h1').click();
    await page.keyboard.press('/');
    await page.keyboard.type(typed[turn % 3] ?? '');
    await page.evaluate(`addEventListener('keydown', ({ timeStamp }) =>
      sessionStorage.setItem('entered', String(performance.timeOrigin + timeStamp)), true)`);
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    all.push(await page.evaluate<number>(firstPaint));
  }
  return all;
}

function line(all: readonly number[]): string {
  const [p50, p95, most] = [0.5, 0.95, 1].map((share) => quantile(all, share).toFixed(0));
  return `p50 ${p50} ms, p95 ${p95} ms, most ${most} ms`;
}

function sampleOf(all: readonly number[]) {
  const sum = all.reduce((total, each) => total + each, 0);
  return {
    perSecond: (all.length * 1_000) / sum,
    ...{ p50Ms: quantile(all, 0.5), p99Ms: quantile(all, 0.99), cpuMs: sum / all.length },
  };
}
