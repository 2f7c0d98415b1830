import { expect } from 'chai';
import { type Payability, paymentRoutes } from '../../../branch-node/payments/payment-routes.ts';
import { createPayments } from '../../../branch-node/payments/payment-service.ts';
import { moveDisposition } from '../../../branch-node/payments/payment-store.ts';
import { createAccess } from '../../../shared/access/access-service.ts';
import { createAudit } from '../../../shared/access/audit.ts';
import type { Permission } from '../../../shared/access/permissions.ts';
import { buildReference } from '../../../shared/reference/reference.ts';
import { releasePolicy } from '../../../shared/reference/release-policy.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork } from '../branch-subscribers/branches-fixture.ts';
import {
  msk,
  openBranch,
  reference,
  type SettlingBranch,
  spb,
} from '../central-settlement/settlement-fixture.ts';
import { smallDatasets } from '../reference/reference-fixtures.ts';
import { answerOf } from '../web/api-fixture.ts';

const password = 'correct horse battery';
const msisdn = '79250000001';
const roubles = { amount: '500.00', currency: 'RUB' };
const permissions: readonly Permission[] = [
  ...(['payment.take', 'payment.cancel', 'operation.read', 'audit.read'] as const),
];

describe('payments by the API', () => {
  let branch: SettlingBranch;
  let payability: Payability;
  let send: Awaited<ReturnType<typeof front>>;

  beforeEach(async () => {
    const keys = await federationKeys([spb, msk]);
    const branches = [spb, msk];
    branch = await openBranch({ node: spb, keys, network: createNetwork(), branches });
    payability = { verified: false };
    send = await front();
  });
  afterEach(() => branch.close());

  /** The door of St Petersburg, and a cashier who has signed in. */
  async function front() {
    const { node, store, clock, ids, federation, operations, payouts } = branch;
    const audit = createAudit({ clock, ids });
    const access = createAccess({
      ...{ store, clock, ids, audit, node: 'branch', serverName: node },
      ...{ permissionsOf: () => new Set(permissions), cost: { N: 2, r: 1, p: 1 } },
    });
    const logger = createLogger({ clock, node, level: 'silent' });
    const api = createApi({
      ...{ title: node, version: '1', store, access, audit, clock, ids, logger, serverName: node },
    });
    const { version, effectiveFrom } = reference;
    const small = smallDatasets();
    // Nothing that is taken is less than one minor unit, whatever head office has published.
    const tenders = small.tenders.map((tender) => ({ ...tender, minAmount: '0.00' }));
    const datasets = { ...small, tenders };
    const priced = buildReference({ version, effectiveFrom, datasets });
    const payments = createPayments({
      ...{ node, federation, operations, payouts, reference: () => priced },
      releasePolicy: () => releasePolicy(0),
    });
    paymentRoutes(api, {
      ...{ node, store, audit, payments, recall: operations.recall },
      payability: async () => payability,
    });
    const passwordHash = await access.hashPassword(password);
    const operator = { login: 'anna', name: 'Anna', role: 'cashier', passwordHash };
    const by = { id: 'test', name: 'test', node };
    await store.write((tx) => access.addOperator(tx, { ...operator, by }));
    const { token } = await access.signIn({ login: 'anna', password, source: 'test' });
    return async (method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      return answerOf(await api.app.request(`/api/v1/${path}`, init));
    };
  }

  const pay = (tender: object = { kind: 'cash' }) =>
    send('POST', 'payments', { msisdn, money: roubles, tender });

  it('refuses a currency that the home branch has just said it does not keep', async () => {
    const known = { homeBranch: msk, status: 'active', name: 'И•••• И.' };
    payability = { verified: true, ...known, currency: 'KZT' };
    const { status, json } = await pay();
    expect([status, json.code, json.detail]).to.deep.equal([
      422,
      'wrong-currency',
      "The subscriber's account is kept in KZT.",
    ]);
    payability = { verified: true, ...known, currency: 'RUB' };
    expect((await pay()).status).to.equal(201);
  });

  it('takes no nothing', async () => {
    for (const amount of ['0.00', '-1.00']) {
      const money = { amount, currency: 'RUB' };
      const { status, json } = await send('POST', 'payments', {
        ...{ msisdn, money, tender: { kind: 'cash' } },
      });
      expect([status, json.code], amount).to.deep.equal([422, 'amount-out-of-limits']);
    }
  });

  it('tells the reference of what the money came in', async () => {
    const tender = { kind: 'cash', reference: 'slip 77' };
    const { json: taken } = await pay(tender);
    expect(taken.tender).to.deep.equal(tender);
    const { json: later } = await send('GET', `payments/${taken.operationId}`);
    expect(later.tender).to.deep.equal(tender);
    expect((await pay()).json.tender).to.deep.equal({ kind: 'cash' });
  });

  it('are in the audit trail with the trace that the answer names', async () => {
    const { json, headers } = await pay();
    const { json: trail } = await send('GET', `audit?subject=${json.operationId}`);
    const traces = trail.items.map(({ traceId }: { traceId?: string }) => traceId);
    expect(traces).to.deep.equal([headers.get('traceparent')?.split('-')[1]]);
  });

  it('whose money cannot be taken back any more say where it is', async () => {
    const expected = {
      suspended: /in suspense/,
      redirected: /another number/,
      refunded: /goes back/,
      'paid-back': /goes back/,
    } as const;
    for (const to of ['suspended', 'redirected', 'refunded', 'paid-back'] as const) {
      const { operationId } = (await pay()).json;
      await branch.write((tx) => moveDisposition(tx, operationId, { from: 'taken', to }));
      const { status, json } = await send('POST', `payments/${operationId}/cancellation`);
      expect([status, json.code]).to.deep.equal([409, 'operation-conflict']);
      expect(json.detail).to.match(expected[to]);
    }
  });
});
