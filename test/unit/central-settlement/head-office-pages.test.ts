import { expect } from 'chai';
import { casePages } from '../../../central-node/reconciliation/case-pages.tsx';
import { caseRoutes } from '../../../central-node/reconciliation/case-routes.ts';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import { reconciliationPages } from '../../../central-node/reconciliation/reconciliation-pages.tsx';
import { reconciliationRoutes } from '../../../central-node/reconciliation/reconciliation-routes.ts';
import { insertWindow } from '../../../central-node/settlement/window-store.ts';
import { createAccess } from '../../../shared/access/access-service.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { pagesOn } from '../pages/pages-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import { graceMs, type HeadOffice, msk, openHeadOffice, spb, today } from './settlement-fixture.ts';

const password = 'correct horse battery';
const permissions: readonly Permission[] = ['case.read', 'case.work', 'reconciliation.read'];

describe("head office's pages of what does not agree", () => {
  let hq: HeadOffice;
  let ask: (as: string, path: string, form?: Record<string, string>) => Promise<string>;

  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    const { store, clock, ids, audit } = hq;
    const access = createAccess({
      ...{ store, clock, ids, audit, node: 'centre', serverName: 'HQ' },
      permissionsOf: () => new Set(permissions),
    });
    const destination = { write: () => {} };
    const logger = createLogger({ clock, node: 'HQ', level: 'error', destination });
    const api = createApi({
      ...{ title: 'HQ', version: '0', store, access, audit, clock, ids, logger },
      serverName: 'HQ',
    });
    const pages = pagesOn({ api, access, clock } as never);
    const cases = caseRoutes(api, { store, audit, cases: hq.cases, currencies: () => ['RUB'] });
    casePages({ pages, ids, cases });
    const reconciliation = reconciliationRoutes(api, { store, branches: () => [msk, spb] });
    reconciliationPages({ pages, reconciliation, today: () => today });
    const cookies = new Map<string, string>();
    const send = (path: string, cookie: string, form?: Record<string, string>) =>
      api.app.request(path, {
        ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
        headers: { 'sec-fetch-site': 'same-origin', 'accept-language': 'en', cookie },
      });
    const by = { id: 'test', name: 'Test', node: 'HQ' };
    for (const login of ['anna', 'boris']) {
      const passwordHash = await access.hashPassword(password);
      await hq.write((tx) =>
        access.addOperator(tx, { login, name: login, role: 'any', passwordHash, by }),
      );
      const { headers } = await send('/sign-in', '', { login, password, next: '/' });
      cookies.set(login, (headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '');
    }
    ask = async (as, path, form) => (await send(path, cookies.get(as) ?? '', form)).text();
  });
  afterEach(() => hq.close());

  /** A payment of 500.00 that only its serving branch told of, in a case that is explained. */
  async function explainedCase(): Promise<string> {
    await hq.tell(operationEntries().accepted());
    hq.clock.shift(graceMs + 1_000);
    await hq.write(hq.reconciliation.sweep);
    const [opened] = await hq.store.read((tx) => listCases(tx, { limit: 1 }));
    const path = `/cases/${opened?.id}`;
    await ask('anna', `${path}/explanation`, { explanation: 'lost with a disk' });
    return path;
  }
  const cells = (html: string, caption: string): string[][] => {
    const table = html.split('<table').find((part) => part.includes(`>${caption}<`)) ?? '';
    const rows = (table.split('</table>')[0] ?? '').split('<tr').slice(1);
    return rows.map((row) =>
      row
        .split(/<t[dh]/)
        .slice(1)
        .map((cell) => cell.replace(/^[^>]*>/, '').replaceAll(/<[^>]*>/g, '')),
    );
  };

  it('let a proposal that was wrong be made anew', async () => {
    const path = await explainedCase();
    const proposed = { reason: 'by the slip', debtor: 'MSK', creditor: 'SPB' };
    await ask('anna', `${path}/adjustment`, { ...proposed, sum: '5000', currency: 'RUB' });
    const shown = await ask('boris', path);
    expect(shown).to.include('MSK owes SPB').and.to.include(`action="${path}/adjustment"`);
    await ask('anna', `${path}/adjustment`, { ...proposed, sum: '500', currency: 'RUB' });
    const [proposal = ''] = /[0-9a-f]{64}/.exec(await ask('boris', path)) ?? [];
    await ask('boris', `${path}/approval`, { proposal });
    expect(await hq.balances()).to.deep.equal({
      'position:recorded:MSK': 50_000n,
      'position:recorded:SPB': -50_000n,
    });
  });

  it('propose no adjustment without money where a sum was typed and a branch forgotten', async () => {
    const path = await explainedCase();
    const typed = { reason: 'by the slip', debtor: '', creditor: 'SPB' };
    const shown = await ask('anna', `${path}/adjustment`, {
      ...{ ...typed, sum: '500', currency: 'RUB' },
    });
    expect(await ask('boris', path)).not.to.include('Proposed');
    expect(shown).to.include('value="500"');
    await hq.write((tx) =>
      insertWindow(tx, {
        ...{ id: 'w-1', currency: 'KZT', state: 'OPEN', closedAt: null },
        openedAt: '2025-06-30T09:00:00.000Z',
      }),
    );
    expect(await ask('anna', path)).to.include('<option value="KZT"');
    await ask('anna', `${path}/adjustment`, { reason: 'was paid back', currency: 'RUB' });
    expect(await ask('boris', path)).to.include('No money moves');
  });

  it('show what becomes of every operation of a pair', async () => {
    const path = await explainedCase();
    await ask('anna', `${path}/adjustment`, { reason: 'was paid back' });
    const [proposal = ''] = /[0-9a-f]{64}/.exec(await ask('boris', path)) ?? [];
    await ask('boris', `${path}/approval`, { proposal });
    const story = operationEntries();
    await hq.tell(story.accepted(), story.executed());
    const [head = [], row = []] = cells(await ask('anna', '/reconciliation'), 'Pairs of branches');
    const [, count, , ...parts] = row;
    expect(head.slice(3)).to.have.length(parts.length);
    expect(parts.reduce((sum, part) => sum + Number(part), 0)).to.equal(Number(count));
  });

  it('list a case that is open though a page full of newer ones have closed by themselves', async () => {
    const path = await explainedCase();
    const late = Array.from({ length: 51 }, () => operationEntries());
    for (const { accepted } of late) await hq.tell(accepted());
    hq.clock.shift(graceMs + 1_000);
    await hq.write(hq.reconciliation.sweep);
    for (const { executed } of late) await hq.tell(executed());
    expect(await ask('anna', '/cases'))
      .to.include(path)
      .and.not.to.include('Closed');
    expect(await ask('anna', '/cases?state=all'))
      .to.include('Closed')
      .and.not.to.include(path);
  });
});
