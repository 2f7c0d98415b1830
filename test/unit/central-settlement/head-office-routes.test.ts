import { expect } from 'chai';
import { caseRoutes } from '../../../central-node/reconciliation/case-routes.ts';
import { reconciliationRoutes } from '../../../central-node/reconciliation/reconciliation-routes.ts';
import { insertLostWindow } from '../../../central-node/settlement/lost-settlement-store.ts';
import { settlementRoutes } from '../../../central-node/settlement/settlement-routes.ts';
import { insertWindow } from '../../../central-node/settlement/window-store.ts';
import { createAccess } from '../../../shared/access/access-service.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { ledgerRoutes } from '../../../shared/ledger/ledger-routes.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { answerOf } from '../web/api-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import {
  graceMs,
  type HeadOffice,
  msk,
  openHeadOffice,
  reference,
  spb,
  today,
} from './settlement-fixture.ts';

const roles: Record<string, readonly Permission[]> = {
  maker: ['settlement.read', 'settlement.make', 'settlement.check', 'case.read', 'case.work'],
  checker: ['settlement.read', 'settlement.check', 'case.read', 'case.work', 'ledger.read'],
  reconciler: ['reconciliation.read'],
};
const password = 'correct horse battery';

describe("head office's API of reconciliation and settlement", () => {
  let hq: HeadOffice;
  let send: (
    as: string,
    method: string,
    path: string,
    body?: object,
  ) => ReturnType<typeof answerOf>;
  beforeEach(async () => {
    const keys = await federationKeys([msk, spb]);
    hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    const { store, clock, ids, audit } = hq;
    const access = createAccess({
      ...{ store, clock, ids, audit, node: 'centre', serverName: 'HQ' },
      permissionsOf: (role) => new Set(roles[role]),
    });
    const destination = { write: () => {} };
    const logger = createLogger({ clock, node: 'HQ', level: 'error', destination });
    const api = createApi({
      ...{ title: 'HQ', version: '0', store, access, audit, clock, ids, logger },
      serverName: 'HQ',
    });
    reconciliationRoutes(api, { store, branches: () => [msk, spb] });
    caseRoutes(api, { store, audit, cases: hq.cases, currencies: () => ['RUB'] });
    settlementRoutes(api, {
      ...{ store, audit, settlements: hq.settlements, obligations: hq.obligations },
      branchName: (code) => reference.branch(code)?.name ?? code,
    });
    ledgerRoutes(api, { store });
    const tokens = new Map<string, string>();
    for (const login of Object.keys(roles)) {
      const passwordHash = await access.hashPassword(password);
      const by = { id: 'test', name: 'Test', node: 'HQ' };
      await hq.write((tx) =>
        access.addOperator(tx, { login, name: login, role: login, passwordHash, by }),
      );
      const { token } = await access.signIn({ login, password, source: 'test' });
      tokens.set(login, token);
    }
    send = async (as, method, path, body) => {
      const headers: Record<string, string> = { authorization: `Bearer ${tokens.get(as)}` };
      if (body) headers['content-type'] = 'application/json';
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      return answerOf(await api.app.request(`/api/v1${path}`, init));
    };
  });
  afterEach(() => hq.close());

  async function matchedPayment() {
    const { id, accepted, executed } = operationEntries();
    await hq.tell(accepted(), executed());
    return id;
  }

  it('settles a window: closed, prepared by one, approved by another, stated in three forms', async () => {
    const operationId = await matchedPayment();
    const { json: windows } = await send('maker', 'GET', '/settlement-windows?state=OPEN');
    const windowId = windows.items[0].id;
    const closed = await send('maker', 'POST', `/settlement-windows/${windowId}/close`);
    expect([closed.status, closed.json.state, closed.json.next.state]).to.deep.equal([
      ...[200, 'CLOSED', 'OPEN'],
    ]);
    const wish = { windowIds: [windowId] };
    expect((await send('checker', 'POST', '/settlements', wish)).status).to.equal(403);
    const made = await send('maker', 'POST', '/settlements', wish);
    expect(made.status).to.equal(201);
    const path = `/settlements/${made.json.id}`;
    const own = await send('maker', 'POST', `${path}/approval`);
    expect([own.status, own.json.code]).to.deep.equal([403, 'same-person']);
    const settled = await send('checker', 'POST', `${path}/approval`);
    expect(settled.json).to.include({ state: 'SETTLED', madeBy: 'maker', decidedBy: 'checker' });
    expect(settled.json.net).to.deep.equal([
      { branch: 'MSK', net: { amount: '-492.50', currency: 'RUB' } },
      { branch: 'SPB', net: { amount: '492.50', currency: 'RUB' } },
    ]);
    expect(settled.json.transfers).to.have.length(2);
    expect((await send('maker', 'GET', '/settlements')).json.items).to.have.length(1);
    const listed = await send('maker', 'GET', `${path}/obligations?debtor=MSK&limit=1`);
    expect(listed.json.items[0]).to.deep.include({ operationId, debtor: 'MSK', creditor: 'SPB' });
    expect((await send('maker', 'GET', `${path}/obligations?debtor=SPB`)).json.items).to.deep.equal(
      [],
    );

    const statement = await send('maker', 'GET', `${path}/statements/MSK`);
    expect(statement.json).to.deep.include({ net: { amount: '-492.50', currency: 'RUB' } });
    const csv = await send('maker', 'GET', `${path}/statements/MSK?format=csv`);
    expect(csv.headers.get('content-type')).to.equal('text/csv; charset=utf-8');
    expect(csv.text).to.contain('SPB,1,-500.00,7.50,0.00,-492.50');
    const pdf = await send('maker', 'GET', `${path}/statements/SPB?format=pdf`);
    expect(pdf.text.startsWith('%PDF-')).to.equal(true);
    expect(pdf.headers.get('x-content-type-options')).to.equal('nosniff');
    for (const query of ['', '?format=csv']) {
      const refused = await send('reconciler', 'GET', `${path}/statements/MSK${query}`);
      expect(refused.status, query).to.equal(403);
      const nobody = await send('maker', 'GET', `${path}/statements/NSK${query}`);
      expect([nobody.status, nobody.json.code]).to.deep.equal([404, 'branch-not-found']);
    }
    const book = await send('checker', 'GET', '/trial-balance');
    const standing = book.json.items.filter((row: { balance: string }) => row.balance !== '0.00');
    expect({ ...book.json, items: standing }).to.deep.equal({
      items: [
        { debit: '492.50', credit: '0.00', balance: '492.50', account: 'position:settled:MSK' },
        { debit: '0.00', credit: '492.50', balance: '-492.50', account: 'position:settled:SPB' },
      ].map((row) => ({ ...row, currency: 'RUB' })),
      totals: [{ currency: 'RUB', debit: '492.50', credit: '492.50' }],
      balanced: true,
    });
  });

  it('states nothing of a settlement that is not back yet: part of it would look like all', async () => {
    await matchedPayment();
    const { json: windows } = await send('maker', 'GET', '/settlement-windows?state=OPEN');
    const windowIds = [windows.items[0].id];
    await send('maker', 'POST', `/settlement-windows/${windowIds[0]}/close`);
    const { id } = (await send('maker', 'POST', '/settlements', { windowIds })).json;
    await send('checker', 'POST', `/settlements/${id}/approval`);
    const path = `/settlements/${id}/statements/SPB`;
    expect((await send('maker', 'GET', path)).status).to.equal(200);
    const [windowId = ''] = windowIds;
    await hq.write((tx) => insertLostWindow(tx, id, { windowId, recorded: true }));
    for (const format of ['json', 'csv', 'pdf']) {
      const stated = await send('maker', 'GET', `${path}?format=${format}`);
      expect([stated.status, stated.json?.code], format).to.deep.equal([503, 'recovering']);
    }
  });

  it('aborts, and refuses what is not there', async () => {
    await matchedPayment();
    const { json: windows } = await send('maker', 'GET', '/settlement-windows');
    await send('maker', 'POST', `/settlement-windows/${windows.items[0].id}/close`);
    const wish = { windowIds: [windows.items[0].id], model: 'bilateral' };
    const made = await send('maker', 'POST', '/settlements', wish);
    const aborted = await send('checker', 'POST', `/settlements/${made.json.id}/abort`);
    expect(aborted.json.state).to.equal('ABORTED');
    for (const [method, path] of [
      ['GET', '/settlements/none'],
      ['POST', '/settlements/none/approval'],
      ['POST', '/settlement-windows/none/close'],
      ['GET', '/settlements/none/obligations'],
    ] as const) {
      expect((await send('maker', method, path)).status).to.equal(404);
    }
  });

  it('shows a date with its operations, leg beside leg', async () => {
    const id = await matchedPayment();
    const { json } = await send('reconciler', 'GET', `/reconciliations/${today}`);
    expect(json).to.deep.include({ businessDate: today, complete: false });
    expect(json.pairs[0]).to.deep.include({
      ...{ serving: 'MSK', home: 'SPB', matched: 1 },
      sum: { amount: '500.00', currency: 'RUB' },
    });
    const path = `/reconciliations/${today}/operations`;
    const listed = await send('reconciler', 'GET', `${path}?state=matched&serving=MSK`);
    expect(listed.json.items[0]).to.deep.include({ operationId: id, state: 'matched' });
    const points = listed.json.items[0].legs.map((leg: { point: string }) => leg.point);
    expect(points).to.deep.equal(['accepted', 'executed']);
    expect((await send('reconciler', 'GET', `${path}?state=open`)).json.items).to.deep.equal([]);
    expect((await send('maker', 'GET', path)).status).to.equal(403);
  });

  it('works a case to its end: explained, adjusted by two people, closed', async () => {
    await hq.tell(operationEntries().accepted());
    hq.clock.shift(graceMs);
    await hq.write((tx) => hq.reconciliation.sweep(tx));
    const { json: listed } = await send('maker', 'GET', '/cases?state=detected');
    const path = `/cases/${listed.items[0].id}`;
    const explanation = { explanation: 'SPB lost it' };
    expect((await send('maker', 'POST', `${path}/explanation`, explanation)).json.state).to.equal(
      'explained',
    );
    const owes = { debtor: 'MSK', creditor: 'SPB', money: { amount: '500.00', currency: 'RUB' } };
    const unknown = { ...owes, money: { amount: '500.00', currency: 'RUR' } };
    const mistyped = await send('maker', 'POST', `${path}/adjustment`, {
      ...{ reason: 'lost', owes: unknown },
    });
    expect([mistyped.status, mistyped.json.errors?.[0].field]).to.deep.equal([
      ...[400, 'owes.money.currency'],
    ]);
    // A release took the currency out; what was owed in it is owed still.
    const taken = { ...owes, money: { amount: '500.00', currency: 'KZT' } };
    const wish = { reason: 'lost', owes: taken };
    const proposing = async () => (await send('maker', 'POST', `${path}/adjustment`, wish)).status;
    expect(await proposing()).to.equal(400);
    await hq.write((tx) =>
      insertWindow(tx, {
        ...{ id: 'w-1', currency: 'KZT', state: 'OPEN', closedAt: null },
        openedAt: '2025-06-30T09:00:00.000Z',
      }),
    );
    expect(await proposing()).to.equal(200);
    const proposed = await send('maker', 'POST', `${path}/adjustment`, { reason: 'lost', owes });
    const { id: seen, ...said } = proposed.json.adjustment;
    expect(said).to.deep.equal({ reason: 'lost', owes });
    const approve = async (login: string, body?: object) => {
      const answer = await send(login, 'POST', `${path}/adjustment-approval`, body);
      return [answer.status, answer.json.code ?? answer.json.state];
    };
    expect(await approve('maker', { proposal: seen })).to.deep.equal([403, 'same-person']);
    expect(await approve('checker', {})).to.deep.equal([400, 'invalid-input']);
    const dearer = { ...owes, money: { amount: '5000.00', currency: 'RUB' } };
    const again = await send('maker', 'POST', `${path}/adjustment`, {
      ...{ reason: 'lost', owes: dearer },
    });
    expect(await approve('checker', { proposal: seen })).to.deep.equal([409, 'case-conflict']);
    const { id: proposal } = again.json.adjustment;
    expect(await approve('checker', { proposal })).to.deep.equal([200, 'closed']);
    const { json: shown } = await send('checker', 'GET', path);
    expect(shown.steps.map((step: { state: string }) => step.state)).to.deep.equal([
      ...['detected', 'explained', 'explained', 'explained', 'explained', 'adjusted', 'closed'],
    ]);
    expect((await send('checker', 'GET', '/cases/none')).json.code).to.equal('case-not-found');
  });

  it('settles the closed windows of one currency after those of another, without naming any', async () => {
    for (const currency of ['RUB', 'KZT']) {
      const story = operationEntries({
        request: { money: { amount: '500.00', currency }, tender: { kind: 'cash' } },
      });
      await hq.tell(story.accepted(), story.executed());
    }
    const { json: windows } = await send('maker', 'GET', '/settlement-windows?state=OPEN');
    expect(windows.items).to.have.length(2);
    for (const { id } of windows.items)
      await send('maker', 'POST', `/settlement-windows/${id}/close`);
    for (let left = 2; left > 0; left -= 1) {
      const made = await send('maker', 'POST', '/settlements', { model: 'multilateral' });
      expect([made.status, made.json.detail]).to.deep.equal([201, undefined]);
    }
  });
});
