import { expect } from 'chai';
import { casePages } from '../../../central-node/reconciliation/case-pages.tsx';
import { referencePages } from '../../../central-node/reference/reference-pages.tsx';
import { settlementPages } from '../../../central-node/settlement/settlement-pages.tsx';
import { systemIds } from '../../../shared/ids/ids.ts';
import { type ApiFixture, apiFixture } from '../web/api-fixture.ts';
import { lookerAt, permittedPagesOn } from './pages-fixture.ts';

const at = '2026-03-01T09:00:00.000Z';
const settlements = Array.from({ length: 45 }, (_, index) => ({
  ...{ id: `settlement-${String(45 - index).padStart(2, '0')}`, currency: 'KZT', state: 'SETTLED' },
  ...{ model: 'multilateral', madeBy: 'Maker', madeAt: at, decidedBy: 'Checker', decidedAt: at },
}));
const windows = [
  { id: 'w-3', currency: 'KZT', state: 'CLOSED', openedAt: at, closedAt: at },
  { id: 'w-2', currency: 'RUB', state: 'CLOSED', openedAt: at, closedAt: at },
];
const releases = [3, 2, 1].map((version) => ({
  ...{ version, publishedAt: at, publishedBy: 'admin' },
  effectiveFrom: version === 3 ? '2026-04-01T09:00:00.000Z' : at,
}));
const explained = {
  ...{ id: 'case-1', kind: 'missing-leg', state: 'explained', subject: 'operation:1', detail: '' },
  ...{ branches: ['MSK', 'SPB'], openedAt: at, adjustment: null, steps: [] },
};

interface Wish {
  readonly query: { readonly limit: string; readonly cursor?: string; readonly state?: string };
}

describe("head office's pages", () => {
  let fixture: ApiFixture;
  let look: Awaited<ReturnType<typeof lookerAt>>;
  const proposed: unknown[] = [];
  before(async () => {
    fixture = await apiFixture();
    const pages = permittedPagesOn(fixture);
    const ids = systemIds;
    settlementPages({
      ...{ pages, ids },
      settlement: {
        listSettlementWindows: async (_: unknown, { query: { state } }: Wish) => ({
          items: windows.filter((each) => state === undefined || each.state === state),
        }),
        listLostSettlements: async () => ({ items: [] }),
        listSettlements: async (_: unknown, { query: { limit, cursor = '0' } }: Wish) => {
          const [first, last] = [Number(cursor), Number(cursor) + Number(limit)];
          const next = last < settlements.length ? String(last) : null;
          return { items: settlements.slice(first, last), next };
        },
      } as never,
    });
    referencePages({
      ...{ pages, inForce: () => 2, needsSignatures: false },
      reference: {
        getDraftChanges: async () => ({
          revision: '1',
          items: [
            {
              ...{ dataset: 'services', added: 0, changed: 1, removed: 0, changedBy: ['boris'] },
              samples: [{ kind: 'changed', key: 'MUSIC', before: { fee: '1.00' }, after: {} }],
            },
          ],
        }),
        listReleases: async () => ({ items: releases, next: null }),
      } as never,
    });
    casePages({
      ...{ pages, ids },
      cases: {
        currencies: async () => ['KZT', 'RUB'],
        getCase: async () => explained,
        proposeAdjustment: async (_: unknown, { body }: { body: unknown }) => proposed.push(body),
      } as never,
    });
    look = await lookerAt(fixture);
  });
  after(() => fixture.close());

  it('show all settlements with their currency, page by page and as CSV', async () => {
    const seen: string[] = [];
    let query: string | undefined = '';
    while (query !== undefined) {
      const { text } = await look(`/settlement${query}`);
      expect(text).to.include('KZT');
      expect(text.includes('>Windows<'), query).to.equal(query === '');
      for (const [, id = ''] of text.matchAll(/\/settlement\/(settlement-\d\d)/g)) seen.push(id);
      const more: string | undefined = /href="(\?cursor=[^"]*)"/.exec(text)?.[1];
      query = more?.replaceAll('&amp;', '&');
    }
    expect(seen).to.deep.equal(settlements.map(({ id }) => id));
    const { text } = await look('/settlement?format=csv');
    expect(text.trim().split('\r\n')).to.have.length(46);
  });

  it('say in which currency the closed windows will be settled: that of the newest', async () => {
    const { text } = await look('/settlement');
    expect(text).to.include('Prepare the settlement of all closed windows in KZT');
  });

  it('tell a release to come from that in force, and that publishing overtakes it', async () => {
    const { text } = await look('/reference');
    const states = [...text.matchAll(/data-label="State">(.*?)<\/td>/g)].map(([, cell = '']) =>
      cell.replaceAll(/<[^>]*>/g, '').trim(),
    );
    expect(states).to.deep.equal(['… To come', '✓ In force', '–']);
    expect(text).to.include('Release 3 comes into force').and.not.include('Release 2 comes');
    expect(text).to.include('Fee: 1.00');
  });

  it('adjust a case in the currency that was chosen, and choose none by themselves', async () => {
    const { text } = await look('/cases/case-1');
    expect(text).to.match(/name="currency"><option value="">/);
    const owes = { debtor: 'MSK', creditor: 'SPB', sum: '5,5', currency: 'KZT' };
    await look('/cases/case-1/adjustment', { reason: 'counted', ...owes, key: 'k' });
    expect(proposed).to.deep.equal([
      {
        reason: 'counted',
        owes: { debtor: 'MSK', creditor: 'SPB', money: { amount: '5.50', currency: 'KZT' } },
      },
    ]);
  });
});
