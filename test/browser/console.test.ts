import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { faultsOfPages } from '../support/axe.ts';
import { openBrowser, pictures, signInAs, type Visit, visit } from '../support/browser.ts';
import {
  cash,
  password,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

describe('the console of head office, in a browser', () => {
  let federation: TestFederation;
  let browser: Browser;
  let manager: Visit;
  let deputy: Visit;
  let msisdn: string;
  /** Pages of what was done, for the walk at the end. */
  const made: string[] = [];

  before(async function () {
    this.timeout(180_000);
    [federation, browser] = await Promise.all([
      startFederation(['MSK', 'SPB'], { CASE_GRACE_MS: '1000' }),
      openBrowser(),
    ]);
    msisdn = await registerSubscriber(federation.branch('MSK'));
    manager = await visit(browser, federation.hq.url);
    deputy = await visit(browser, federation.hq.url);
    await signInAs(manager.page, 'manager', password);
    await signInAs(deputy.page, 'deputy', password);
  });
  after(async () => {
    await browser?.close();
    await federation?.stop();
  });

  const go = (page: Page, path: string) => page.goto(federation.hq.url + path);
  const press = (page: Page, name: string) => page.getByRole('button', { name }).click();
  const pay = (amount: string) =>
    federation.branch('SPB').manager.post('/api/v1/payments', { msisdn, ...cash(amount) });

  it('shows the nodes as they are now', async () => {
    const { page } = manager;
    await page.locator('main .state.good').nth(1).waitFor();
    await federation.stopNode('MSK');
    await page.locator('main .state.bad').waitFor();
    await federation.startNode('MSK');
    await page.locator('main .state.good').nth(1).waitFor();
    await page.screenshot({ path: join(pictures, 'nodes.png') });
  }).timeout(180_000);

  it('publishes by another person a release that a branch shows under its menu', async () => {
    const { page } = manager;
    await go(page, '/reference');
    await page.getByRole('link', { name: 'Regions' }).click();
    await page.getByRole('link', { name: 'Add a row' }).click();
    await page.locator('#code').fill('no code');
    await page.locator('#name').fill('Новый регион');
    await page.locator('#branch').selectOption('MSK');
    await press(page, 'Save into the draft');
    await page.locator('#code-error', { hasText: 'is not a code' }).waitFor();
    await page.locator('#code').fill('new');
    await press(page, 'Save into the draft');
    await page.getByRole('link', { name: 'new', exact: true }).click();
    await page.locator('#name').fill('Новейший регион');
    await press(page, 'Save into the draft');
    await page.getByRole('cell', { name: 'Новейший регион' }).waitFor();
    await federation.hq.manager.post('/api/v1/reference-draft/datasets/roles/row-changes', {
      after: { role: 'centre-manager', node: 'centre', permission: 'second-person.required' },
    });
    await go(page, '/reference/rate-plans');
    await page.screenshot({ path: join(pictures, 'rows.png') });
    await go(page, '/reference');
    expect(await page.locator('main').textContent()).to.contain('Name: Новейший регион');
    await page.screenshot({ path: join(pictures, 'release.png') });
    await page.getByText('Another person has to publish it.').waitFor();
    await go(deputy.page, '/reference');
    await press(deputy.page, 'Publish the next release');
    await deputy.page.getByText('The draft is what was published last.').waitFor();
    const desk = await visit(browser, federation.branch('SPB').url);
    await signInAs(desk.page, 'cashier', password);
    await desk.page.getByText('Release 2').waitFor();
    await desk.close();
  }).timeout(180_000);

  it('lets a branch in by two people, where the roles ask for two', async () => {
    const { page } = manager;
    await go(page, '/branches');
    await page.locator('#code').fill('nsk');
    await press(page, 'Invite a branch');
    await page.getByText('not good before another person admits').waitFor();
    await page.getByRole('link', { name: 'Joining branches' }).last().click();
    await page.getByText('Not by the same person').waitFor();
    await page.screenshot({ path: join(pictures, 'joining.png') });
    await go(deputy.page, '/inbox');
    await deputy.page.getByRole('link', { name: 'Branches that another person invited' }).click();
    await press(deputy.page, 'Admit: NSK');
    await deputy.page.getByText('Waits for the branch').waitFor();
  }).timeout(120_000);

  it('shows a date down to both legs of an operation', async () => {
    await pay('500.00');
    await federation.untilQuiet();
    const { page } = manager;
    await go(page, '/reconciliation');
    await page.getByRole('link', { name: 'SPB → MSK: payment' }).click();
    await page.locator('dd', { hasText: 'Accepted' }).waitFor();
    expect(await page.locator('main').textContent()).to.contain('Executed');
    made.push(new URL(page.url()).pathname + new URL(page.url()).search);
    await page.screenshot({ path: join(pictures, 'legs.png') });
  }).timeout(120_000);

  it('draws the figures of all branches, and gives them as a file', async () => {
    const { page } = manager;
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await page.locator('.chart rect').first().waitFor();
    expect(await page.locator('.chart').allInnerTexts()).to.have.length(5);
    await page.screenshot({ path: join(pictures, 'figures.png') });
    const csv = await page.request.get(`${federation.hq.url}/figures?format=csv`);
    expect(await csv.text()).to.contain('500.00 RUB');
  }).timeout(120_000);

  it('settles a window by two people, and shows that the branches confirm', async () => {
    const { page } = manager;
    await go(page, '/settlement');
    await press(page, 'Close the window');
    await press(page, 'Prepare the settlement of all closed windows in RUB');
    await page.getByText('Netting matrix').waitFor();
    const path = new URL(page.url()).pathname;
    made.push(path);
    await press(page, 'Approve');
    await page.getByText('Another person has to do this').waitFor();
    await go(deputy.page, path);
    await press(deputy.page, 'Approve');
    await deputy.page.locator('#answers .state.good').nth(1).waitFor();
    await deputy.page.screenshot({ path: join(pictures, 'settlement.png'), fullPage: true });
    const csv = await deputy.page.request.get(
      `${federation.hq.url}/api/v1${path.replace('settlement', 'settlements')}/statements/SPB?format=csv`,
    );
    expect(await csv.text()).to.contain('SPB');
  }).timeout(180_000);

  it('leads a mismatch from found to closed, by two people', async () => {
    await federation.stopNode('MSK');
    await pay('4.00');
    const { page } = manager;
    await until('a case is open', async () => {
      await go(page, '/cases');
      return (
        (await page.getByRole('link', { name: 'The home branch has not answered' }).count()) > 0
      );
    });
    await page.getByRole('link', { name: 'The home branch has not answered' }).click();
    await page.locator('#explanation').fill('MSK is being moved to another building');
    await press(page, 'Explain');
    await page.locator('#reason').fill('written off by agreement');
    await press(page, 'Propose the adjustment');
    await page.getByText('No money moves', { exact: true }).waitFor();
    await page.screenshot({ path: join(pictures, 'case.png'), fullPage: true });
    made.push(new URL(page.url()).pathname);
    await go(deputy.page, new URL(page.url()).pathname);
    await press(deputy.page, 'Approve and close');
    await deputy.page.locator('h1 + .actions .state.good', { hasText: 'Closed' }).waitFor();
    await federation.startNode('MSK');
  }).timeout(180_000);

  it('has no fault that axe finds on any page, in both themes, languages and widths', async () => {
    const storageState = await manager.page.context().storageState();
    const paths = [
      ...['/', '/branches', '/reference', '/reconciliation', '/cases', '/settlement'],
      ...['/reference/rate-plans', '/reference/branches/row', '/reconciliation/differences'],
      ...['/staff', '/account', '/audit', '/node', '/inbox', '/figures', ...made],
    ];
    const faults = await faultsOfPages(browser, { url: federation.hq.url, paths, storageState });
    expect(faults).to.deep.equal([]);
    expect([...manager.faults, ...deputy.faults]).to.deep.equal([]);
  }).timeout(300_000);
});
