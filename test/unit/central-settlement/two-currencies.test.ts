import { expect } from 'chai';
import { caseRoutes } from '../../../central-node/reconciliation/case-routes.ts';
import { reconciliationRoutes } from '../../../central-node/reconciliation/reconciliation-routes.ts';
import { settlementRoutes } from '../../../central-node/settlement/settlement-routes.ts';
import { createAccess } from '../../../shared/access/access-service.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { ledgerRoutes } from '../../../shared/ledger/ledger-routes.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import { answerOf } from '../web/api-fixture.ts';
import { operationEntries } from './entries-fixture.ts';
import { type HeadOffice, msk, openHeadOffice, reference, spb } from './settlement-fixture.ts';

const roles: Record<string, readonly Permission[]> = {
  maker: ['settlement.read', 'settlement.make', 'settlement.check', 'case.read', 'case.work'],
  checker: ['settlement.read', 'settlement.check', 'case.read', 'case.work', 'ledger.read'],
  reconciler: ['reconciliation.read'],
};
const password = 'correct horse battery';

describe('two currencies at head office', () => {
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
    caseRoutes(api, { store, audit, cases: hq.cases });
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

  it('are settled by the button that the page has: every closed window, without naming any', async () => {
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
