import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { sessionCookie } from '../../shared/web/guard.ts';
import { faultsOfPages } from '../support/axe.ts';
import { openBrowser, pictures, signInAs, type Visit, visit } from '../support/browser.ts';
import {
  addOperator,
  cash,
  customer,
  password,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

const slowAnswerMs = 300;

describe('the front office of a branch, in a browser', () => {
  let federation: TestFederation;
  let browser: Browser;
  let desk: Visit;
  let msisdn: string;
  /** Pages of what was done, for the walk at the end. */
  const made: string[] = [];

  before(async function () {
    this.timeout(180_000);
    [federation, browser] = await Promise.all([startFederation(['MSK', 'SPB']), openBrowser()]);
    await addOperator(federation.running('SPB'), { login: 'senior', role: 'senior' });
    msisdn = await registerSubscriber(federation.branch('MSK'));
  });
  after(async () => {
    await browser?.close();
    await federation?.stop();
  });

  const at = (code: string) => federation.branch(code).url;
  const press = async (page: Page, ...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };

  it('refuses a wrong password, and says so', async () => {
    const stranger = await visit(browser, at('SPB'));
    await stranger.page.locator('#login').fill('senior');
    await stranger.page.locator('#password').fill('not this one at all');
    await press(stranger.page, 'Enter');
    const notice = stranger.page.locator('[role=alert]');
    expect(await notice.textContent()).to.contain('The login or the password is wrong.');
    expect(stranger.faults).to.deep.equal([]);
    await stranger.close();
  }).timeout(120_000);

  it('locks out who tries on and on, and says for how long', async () => {
    const stranger = await visit(browser, at('SPB'));
    const { page } = stranger;
    const locked = page.locator('[role=alert]', { hasText: 'Too many failed attempts' });
    for (let tries = 0; tries < 20 && (await locked.count()) === 0; tries += 1) {
      await page.locator('#login').fill('nobody.here');
      await page.locator('#password').fill(`a guess, number ${tries}`);
      await Promise.all([page.waitForNavigation(), press(page, 'Enter')]);
    }
    await locked.waitFor();
    expect(stranger.faults).to.deep.equal([]);
    await stranger.close();
  }).timeout(120_000);

  it('signs a person in by keyboard, with a cookie that no script can read', async () => {
    desk = await visit(browser, at('SPB'));
    await signInAs(desk.page, 'senior', password);
    const [cookie] = (await desk.page.context().cookies()).filter(
      ({ name }) => name === sessionCookie,
    );
    expect(cookie).to.include({ httpOnly: true, secure: true, sameSite: 'Strict' });
  }).timeout(120_000);

  it('takes a payment for another branch without the mouse, and shows it credited', async () => {
    const { page } = desk;
    await press(page, 'g', 'p');
    await page.waitForURL(/payments\/new$/);
    await page.keyboard.type(msisdn);
    await press(page, 'Enter');
    await page.waitForSelector('#sum');
    expect(await page.locator('main').textContent()).to.contain('MSK');
    await page.keyboard.type('500,50');
    await press(page, 'Enter');
    await page.waitForURL(/payments\/[0-9a-f-]{36}$/);
    await page.locator('#life .state.good', { hasText: 'Credited' }).waitFor();
    expect(await page.locator('.sum').textContent()).to.contain('500.50');
    await page.screenshot({ path: join(pictures, 'payment.png') });
    await press(page, 'Enter');
    await page.waitForURL(/payments\/new$/);
  }).timeout(120_000);

  it('keeps what is typed while the next page is on its way, and agrees to nothing by it', async () => {
    const { page } = desk;
    const untilTyped = (text: string) =>
      until(`it says ${text}`, async () => (await page.locator(':focus').inputValue()) === text);
    await page.route('**/payments/new*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, slowAnswerMs));
      await route.continue();
    });
    await page.locator('h1').click();
    await press(page, 'g');
    // Not one after the other: a key that leaves the page is awaited until the next one is there.
    await Promise.all([press(page, 'p'), page.keyboard.type(msisdn)]);
    await untilTyped(msisdn);
    const keys = ['Enter', ...'51,00', 'Backspace', 'Enter'];
    await Promise.all(keys.map((key) => page.keyboard.press(key)));
    await page.waitForSelector('#sum');
    await untilTyped('51,0');
    expect(new URL(page.url()).searchParams.get('msisdn')).to.equal(msisdn);
    await page.unroute('**/payments/new*');
    await press(page, 'Escape');
  }).timeout(120_000);

  it('lets a wrong number be typed over, and keeps what was meant for the next field out of it', async () => {
    const { page } = desk;
    const value = () => page.locator('#msisdn').inputValue();
    const unknown = '79990000000';
    await page.goto(`${at('SPB')}/payments/new`);
    await page.route('**/payments/new*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, slowAnswerMs));
      await route.continue();
    });
    await page.keyboard.type(unknown);
    await Promise.all(['Enter', ...'500'].map((key) => page.keyboard.press(key)));
    await page.waitForSelector('#msisdn[aria-invalid=true]');
    await page.unroute('**/payments/new*');
    await page.waitForTimeout(slowAnswerMs);
    expect(await value()).to.equal(unknown);
    await page.keyboard.type(msisdn);
    expect(await value()).to.equal(msisdn);
    await press(page, 'Enter');
    await page.waitForSelector('#sum');
    await press(page, 'Escape');
  }).timeout(120_000);

  it('finds the subscriber by one field, and shows his card live', async () => {
    const { page } = desk;
    await page.locator('h1').click();
    await press(page, '/');
    await page.keyboard.type(msisdn);
    await press(page, 'Enter');
    await page.waitForURL(new RegExp(`subscribers/${msisdn}$`));
    expect(await page.locator('.sum').textContent()).to.contain('500.50');
    await page.screenshot({ path: join(pictures, 'card.png') });
  }).timeout(120_000);

  it('finds a name at the other branches, which answer by themselves', async () => {
    const { page } = desk;
    await press(page, '/');
    await page.keyboard.type('Тестов');
    await press(page, 'Enter');
    await page.getByRole('cell', { name: 'Т•••• Т.' }).waitFor();
    await page.screenshot({ path: join(pictures, 'find.png') });
    await press(page, '/');
    await page.keyboard.type(customer.document.number);
    await press(page, 'Enter');
    await page.waitForURL((url) => url.searchParams.get('q') === customer.document.number);
    await page.getByRole('cell', { name: 'Т•••• Т.' }).waitFor();
  }).timeout(120_000);

  it('goes to a page, a receipt and a number by name, and lists what the keys do', async () => {
    const { page } = desk;
    const chosen = page.locator('#palette [role=option][aria-selected=true]');
    const goTo = async (name: string, offered: string) => {
      await press(page, 'Control+k');
      await page.locator('#palette [role=option]').nth(3).waitFor();
      await page.keyboard.type(name);
      await chosen.filter({ hasText: offered }).waitFor();
    };
    await goTo('business', 'Business days');
    await press(page, 'Enter');
    await page.waitForURL(/business-days$/);
    await goTo(msisdn, 'Card');
    await press(page, 'ArrowDown');
    await chosen.filter({ hasText: 'Take a payment' }).waitFor();
    await press(page, 'ArrowUp', 'Enter');
    await page.waitForURL(new RegExp(`subscribers/${msisdn}$`));
    await page.getByRole('link', { name: 'Payment', exact: true }).click();
    await page.waitForURL(/payments\/[0-9a-f-]{36}$/);
    const [receipt = ''] = /SPB-\d+-\d+-\w+/.exec(await page.locator('h1').innerText()) ?? [];
    await goTo(receipt.toLowerCase(), receipt);
    await press(page, 'Enter');
    await page.waitForURL(/payments\/[0-9a-f-]{36}$/);
    await page.locator('h1').click();
    // The keys of somebody who knows what comes are faster than the node.
    await page.route('**/palette*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, slowAnswerMs));
      await route.continue();
    });
    await press(page, 'Control+k');
    await page.locator('#palette [role=option]').nth(3).waitFor();
    await page.keyboard.type(msisdn);
    await press(page, 'ArrowDown', 'ArrowUp', 'Enter');
    await page.waitForURL(new RegExp(`subscribers/${msisdn}$`));
    await page.unroute('**/palette*');
    await page.locator('h1').click();
    await press(page, '?');
    await page.locator('#keys', { hasText: 'choose in the list of Ctrl K' }).waitFor();
    await press(page, 'Escape');
  }).timeout(120_000);

  it('says that the home branch is away, and shows the card again when it is back', async () => {
    const { page } = desk;
    await page.goto(`${at('SPB')}/subscribers/${msisdn}`);
    await page.locator('.live td', { hasText: 'Contract' }).waitFor();
    await federation.stopNode('MSK');
    await page.locator('.notice.warn').waitFor();
    expect(await page.locator('.sum').count()).to.equal(0);
    const away = await page.context().newPage();
    await away.goto(`${at('SPB')}/find?q=${encodeURIComponent('Тестов')}`);
    await away.getByText('who lives there is not found').waitFor();
    await away.close();
    await federation.startNode('MSK');
    await page.locator('.sum').waitFor();
  }).timeout(180_000);

  it('accepts a payment while the home branch is down; it turns to credited by itself', async () => {
    const { page } = desk;
    await federation.stopNode('MSK');
    await page.goto(`${at('SPB')}/payments/new?msisdn=${msisdn}`);
    expect(await page.locator('.notice.warn').count()).to.equal(1);
    await page.locator('#sum').focus();
    await page.keyboard.type('20');
    await press(page, 'Enter');
    await page.waitForURL(/payments\/[0-9a-f-]{36}$/);
    await page.locator('#life .state.busy', { hasText: 'will credit it' }).waitFor();
    await federation.startNode('MSK');
    await page.locator('#life .state.good', { hasText: 'Credited' }).waitFor();
  }).timeout(180_000);

  it('lists what waits for a person', async () => {
    const { page } = desk;
    await federation.stopNode('MSK');
    const unknown = String(BigInt(msisdn) + 5_000n);
    const payment = { msisdn: unknown, ...cash('7.00') };
    const taken = await federation.branch('SPB').manager.post('/api/v1/payments', payment);
    expect(taken.status).to.equal(201);
    await federation.startNode('MSK');
    await federation.untilQuiet();
    await page.goto(`${at('SPB')}/inbox`);
    const suspense = page.getByRole('link', { name: 'Payments in suspense' });
    await suspense.waitFor();
    await page.locator('.places .badge').waitFor();
    await page.screenshot({ path: join(pictures, 'inbox.png') });
    await suspense.click();
    await page.waitForURL(/suspense$/);
    const csv = await page.request.get(`${at('SPB')}/suspense?format=csv`);
    const [head = '', ...rows] = (await csv.text()).trim().split('\r\n');
    expect(head).to.contain('Receipt');
    expect(rows).to.have.length(1);
    expect(rows[0]).to.contain('7.00 RUB').and.to.contain(unknown);
    await page.setViewportSize({ width: 1000, height: 800 });
    const [list, refund] = await Promise.all([
      page.locator('section.table').boundingBox(),
      page.locator('section.table button').first().boundingBox(),
    ]);
    const end = (box: typeof list) => (box ? box.x + box.width : Number.NaN);
    expect(end(refund), 'what is to be done stands in the window').to.be.below(end(list));
    await page.setViewportSize({ width: 1280, height: 800 });
  }).timeout(120_000);

  it('replaces the SIM card of a subscriber of another branch', async () => {
    const { page } = desk;
    const iccid = await receiveSim(federation.branch('SPB'));
    // His home branch has just come back: a replacement is refused until this one has heard it.
    await page.goto(`${at('SPB')}/subscribers/${msisdn}`);
    await page.locator('.sum').waitFor();
    await page.goto(`${at('SPB')}/subscribers/${msisdn}/sim-replacement`);
    await page.keyboard.type(iccid);
    await press(page, 'Enter');
    await page.waitForURL(/operations\/[0-9a-f-]{36}$/);
    await page.locator('.life .state.good', { hasText: 'Done' }).waitFor();
    await press(page, 'Enter');
    await page.waitForURL(/subscribers/);
    expect(await page.locator('main').textContent()).to.contain(iccid);
  }).timeout(120_000);

  it('blocks a subscriber of another branch, and then offers to unblock him', async () => {
    const { page } = desk;
    const done = page.locator('.life .state.good', { hasText: 'Done' });
    const links = page.locator('.heading');
    await page.goto(`${at('SPB')}/subscribers/${msisdn}`);
    expect(await links.getByRole('link', { name: 'Unblock' }).count()).to.equal(0);
    await links.getByRole('link', { name: 'Block', exact: true }).click();
    await page.locator('#reason').selectOption('lost-phone');
    await page.getByRole('button', { name: 'Block' }).click();
    await done.waitFor();
    await page.locator('dd', { hasText: 'Телефон утерян' }).waitFor();
    await page.goto(`${at('SPB')}/subscribers/${msisdn}`);
    await links.getByRole('link', { name: 'Unblock' }).click();
    await page.locator('#reason').waitFor();
    await page.screenshot({ path: join(pictures, 'unblock.png') });
    await page.getByRole('button', { name: 'Unblock' }).click();
    await done.waitFor();
  }).timeout(120_000);

  it('does not show what the person may not do, and refuses its address', async () => {
    const cashier = await visit(browser, at('SPB'));
    await signInAs(cashier.page, 'cashier', password);
    await cashier.page.goto(`${at('SPB')}/subscribers/${msisdn}`);
    expect(await cashier.page.getByText('Replace the SIM').count()).to.equal(0);
    const answer = await cashier.page.goto(`${at('SPB')}/subscribers/${msisdn}/sim-replacement`);
    expect(answer?.status()).to.equal(403);
    expect(await cashier.page.locator('h1').textContent()).to.equal('You may not see this page');
    expect(cashier.faults).to.deep.equal([]);
    await cashier.close();
  }).timeout(120_000);

  it('prints a receipt and a contract, and marks what was printed before', async () => {
    const { page } = desk;
    await page.goto(`${at('SPB')}/operations`);
    await page.locator('main').getByRole('link', { name: 'Payment' }).first().click();
    made.push(new URL(page.url()).pathname);
    await page.getByRole('link', { name: 'Print' }).click();
    await page.locator('.slip .sum').waitFor();
    made.push(new URL(page.url()).pathname);
    expect(await page.getByText('COPY').count()).to.equal(0);
    const slip = await page.request.get(page.url().replace(/receipt$/, 'receipt-80mm.pdf'));
    expect((await slip.body()).subarray(0, 5).toString()).to.equal('%PDF-');
    await page.reload();
    await page.getByText('COPY').waitFor();
    const own = await registerSubscriber(federation.branch('SPB'));
    await page.goto(`${at('SPB')}/subscribers/${own}`);
    await page.locator('main').getByRole('link', { name: 'Registration' }).click();
    const contract = page.getByRole('link', { name: 'Contract' });
    made.push(new URL(page.url()).pathname, (await contract.getAttribute('href')) ?? '');
    const pdf = await page.request.get(`${at('SPB')}${await contract.getAttribute('href')}.pdf`);
    expect((await pdf.body()).subarray(0, 5).toString()).to.equal('%PDF-');
    await contract.click();
    await page.locator('.sheet').getByText('COPY').waitFor();
    expect(await page.locator('.sheet').textContent()).to.match(/\+7\s921/);
  }).timeout(120_000);

  it('shows how the node is; renews its certificate, takes a backup, sends again', async () => {
    const admin = await visit(browser, at('SPB'));
    const { page } = admin;
    await signInAs(page, 'manager', password);
    await press(page, 'g', 'n');
    await page.locator('h1', { hasText: 'This node: SPB' }).waitFor();
    await page.getByRole('button', { name: 'Send now: MSK' }).click();
    await page.getByRole('button', { name: 'Renew now' }).click();
    await page.getByRole('button', { name: 'Take a backup now' }).click();
    await page.locator('h2:text-is("Backup") ~ .facts .state.good').waitFor();
    await page.screenshot({ path: join(pictures, 'node.png') });
    await press(page, 'g', 'a');
    for (const action of [
      'Waiting entries sent at once',
      'Certificate asked for',
      'Backup taken',
    ]) {
      await page.getByRole('cell', { name: action }).waitFor();
    }
    expect(admin.faults).to.deep.equal([]);
    await admin.close();
  }).timeout(120_000);

  it('answers an address that it does not know with a page for a person, and with JSON for a program', async () => {
    const { page } = desk;
    const answer = await page.goto(`${at('SPB')}/no/such/page`);
    expect(answer?.status()).to.equal(404);
    expect(await page.locator('h1').textContent()).to.equal('There is no such page');
    await page.locator('nav.places').waitFor();
    const program = await fetch(`${at('SPB')}/no/such/page`);
    expect([program.status, await program.json()]).to.have.nested.property('[1].code', 'not-found');
  }).timeout(120_000);

  it('shows in place why an action was refused', async () => {
    const { page } = desk;
    await page.goto(`${at('SPB')}/business-days`);
    const close = page.getByRole('button', { name: /^Close/ });
    await close.click();
    await page.getByRole('cell', { name: 'senior' }).waitFor();
    await close.click();
    await page.locator('main .notice.bad').waitFor();
    expect(await page.locator('h1').textContent()).to.equal('Business days');
  }).timeout(120_000);

  it('has no fault that axe finds on any page, in both themes, languages and widths', async () => {
    const storageState = await desk.page.context().storageState();
    const paths = [
      ...['/', '/payments/new', `/payments/new?msisdn=${msisdn}`, '/operations'],
      `/find?q=${encodeURIComponent('Тестов')}`,
      ...['/suspense', '/business-days', '/registrations/new', `/subscribers/${msisdn}`, '/inbox'],
      ...['/settlements', '/cases', '/payouts/presumed-paid'],
      ...['services', 'rate-plan-change', 'sim-replacement', 'block', 'unblock', 'termination'].map(
        (work) => `/subscribers/${msisdn}/${work}`,
      ),
      ...['/sign-in', '/password', '/nowhere', ...made],
    ];
    const faults = await faultsOfPages(browser, { url: at('SPB'), paths, storageState });
    expect(faults).to.deep.equal([]);
  }).timeout(300_000);

  it('weighs little, asks no other host, and keeps to its content security policy', async () => {
    const { page } = desk;
    const weights: number[] = [];
    page.on('response', async (response) => {
      const body = await response.body().catch(() => Buffer.alloc(0));
      weights.push(body.length);
    });
    await page.goto(`${at('SPB')}/subscribers/${msisdn}`, { waitUntil: 'networkidle' });
    expect(weights.reduce((sum, each) => sum + each, 0)).to.be.lessThan(100_000);
    expect(desk.faults).to.deep.equal([]);
    await desk.close();
  }).timeout(120_000);

  it('says whom a node waits for that was started anew, and lets two people end the waiting', async () => {
    const node = federation.running('SPB');
    await addOperator(node, { login: 'chief', role: 'branch-manager' });
    await addOperator(node, { login: 'second', role: 'branch-manager' });
    await federation.stopNode('MSK');
    await federation.stopNode('SPB');
    federation.startMachineAnew('SPB');
    await federation.startNode('SPB');
    const panel = (page: Page) =>
      page.locator('section.panel', { hasText: 'What this node may have forgotten' });
    const end = async (page: Page) => {
      await page.goto(`${at('SPB')}/inbox`);
      await page.getByRole('link', { name: /^Nodes to hear from/ }).click();
      await panel(page).getByText('Gives out no card').waitFor();
      await panel(page).locator('summary').click();
      await page.locator('#reason').fill('It burnt down, its desk paid nothing.');
      await panel(page).getByRole('button', { name: 'End the waiting' }).click();
    };
    const chief = await visit(browser, at('SPB'));
    await signInAs(chief.page, 'chief', password);
    await end(chief.page);
    await panel(chief.page).getByText('You have said so.').waitFor();
    await panel(chief.page).getByText('MSK', { exact: true }).waitFor();
    await chief.page.screenshot({ path: join(pictures, 'ending-the-waiting.png'), fullPage: true });
    const storageState = await chief.page.context().storageState();
    const faults = await faultsOfPages(browser, { url: at('SPB'), paths: ['/node'], storageState });
    expect(faults).to.deep.equal([]);
    const second = await visit(browser, at('SPB'));
    await signInAs(second.page, 'second', password);
    await end(second.page);
    await until('the waiting is over', async () =>
      federation.running('SPB').federation.isCertain(),
    );
    await second.page.goto(`${at('SPB')}/node`);
    expect(await panel(second.page).count()).to.equal(0);
    // What stood open says so by itself.
    await panel(chief.page).getByText('All have answered: nothing is waited for').waitFor();
    expect([...chief.faults, ...second.faults]).to.deep.equal([]);
    await Promise.all([chief.close(), second.close()]);
  }).timeout(180_000);
});
