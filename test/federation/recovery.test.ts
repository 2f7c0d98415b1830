import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { setRecovering } from '../../shared/federation/recovery-store.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import {
  type Answer,
  cash,
  registerSubscriber,
  send,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

describe('a node that was set back to an old backup', () => {
  let federation: TestFederation;

  const begin = async () => {
    federation = await startFederation(codes);
  };
  before(async function () {
    this.timeout(120_000);
    await begin();
  });
  /** What a failed test leaves behind is nobody else's trouble. */
  afterEach(async function () {
    this.timeout(120_000);
    if (!this.currentTest?.isFailed()) return;
    await federation.stop();
    await begin();
  });
  after(() => federation.stop());

  const faults = () =>
    moneyFaults(codes.map((code) => ({ code, store: federation.running(code).store })));

  const pay = async (at: string, msisdn: string, amount: string): Promise<string> => {
    const { manager } = federation.branch(at);
    const answer = await manager.post('/api/v1/payments', { msisdn, ...cash(amount) });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    return answer.body.operationId;
  };
  const payUnder = (key: string, at: string, msisdn: string) =>
    federation
      .branch(at)
      .manager.post(
        '/api/v1/payments',
        { msisdn, ...cash('20.00') },
        { 'idempotency-key': `till-${key}-${msisdn}` },
      );
  /** As a till does it: the same request under its key, until it has its answer. */
  async function repeated(key: string, at: string, msisdn: string): Promise<Answer> {
    let answer = await payUnder(key, at, msisdn);
    await until('it is answered', async () => {
      answer = await payUnder(key, at, msisdn);
      return answer.status !== 503;
    });
    return answer;
  }
  const operation = async (at: string, id: string) =>
    (await federation.branch(at).manager.get(`/api/v1/operations/${id}`)).body;
  const receiptsOf = async (at: string, ids: readonly string[]): Promise<string[]> => {
    const answers = ids.map((id) => federation.branch(at).manager.get(`/api/v1/payments/${id}`));
    return (await Promise.all(answers)).map(({ body }) => body.receipt.number);
  };
  const concluded = (at: string, id: string) =>
    until('it is concluded', async () => (await operation(at, id)).state === 'concluded');
  const balance = async (at: string, msisdn: string) =>
    (await federation.branch(at).manager.get(`/api/v1/subscribers/${msisdn}`)).body.balance.amount;

  it('gets back, as a home branch, what it had credited after the backup', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await concluded('SPB', await pay('SPB', msisdn, '100.00'));
    const backup = await federation.backup('MSK');
    const foreign = await pay('SPB', msisdn, '20.00');
    const own = await pay('MSK', msisdn, '3.00');
    await concluded('SPB', foreign);
    await federation.untilQuiet();
    await federation.stopNode('MSK');
    await federation.restore('MSK', backup);
    await federation.startNode('MSK');
    await federation.untilQuiet();
    expect(await balance('MSK', msisdn)).to.equal('123.00');
    expect((await operation('MSK', own)).outcome).to.equal('credited');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('gets back, as a serving branch, what it had taken after the backup', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const own = await registerSubscriber(federation.branch('SPB'));
    const backup = await federation.backup('SPB');
    const asked = [await payUnder('1', 'SPB', msisdn), await payUnder('2', 'SPB', own)];
    const late = await payUnder('3', 'SPB', own);
    const [id, ownId] = asked.map(({ body }) => body.operationId);
    await concluded('SPB', id);
    await federation.untilQuiet();
    const { receipt } = (await federation.branch('SPB').manager.get(`/api/v1/payments/${id}`)).body;
    await federation.stopNode('SPB');
    await federation.restore('SPB', backup);
    await federation.startNode('SPB');
    const again = [await repeated('1', 'SPB', msisdn), await repeated('2', 'SPB', own)];
    expect(again.map(({ status, body }) => [status, body.operationId])).to.deep.equal([
      [201, id],
      [201, ownId],
    ]);
    expect(again.map(({ headers }) => headers.get('idempotent-replayed'))).to.deep.equal([
      'true',
      'true',
    ]);
    await federation.untilQuiet();
    // A key that is lost stays known by what came back under it, after further starts too.
    await federation.stopNode('SPB');
    await federation.startNode('SPB');
    const { status, body } = await repeated('3', 'SPB', own);
    expect([status, body.operationId]).to.deep.equal([201, late.body.operationId]);
    const found = (await federation.branch('SPB').manager.get(`/api/v1/payments/${id}`)).body;
    expect(found).to.include({ state: 'concluded', outcome: 'credited' });
    expect(found.receipt.number).to.equal(receipt.number);
    const next = await pay('SPB', msisdn, '1.00');
    const nextFile = (await federation.branch('SPB').manager.get(`/api/v1/payments/${next}`)).body;
    expect(nextFile.receipt.number > receipt.number).to.equal(true);
    await concluded('SPB', next);
    await federation.untilQuiet();
    expect(await balance('MSK', msisdn)).to.equal('21.00');
    expect(await balance('SPB', own)).to.equal('40.00');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('gives no receipt number again while it does not know which ones it gave', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const backup = await federation.backup('SPB');
    const { operationId: lost } = (await payUnder('1', 'SPB', msisdn)).body;
    const own = await pay('SPB', await registerSubscriber(federation.branch('SPB')), '5.00');
    await concluded('SPB', lost);
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    // Without it the recovery cannot end.
    await federation.stopNode('NSK');
    await federation.restore('SPB', backup);
    await federation.startNode('SPB');
    const taken = await pay('SPB', msisdn, '1.00');
    // A new request is taken in once all who are there were asked for lost ones; a lost one is not done again.
    const fresh = (await repeated('2', 'SPB', msisdn)).body.operationId;
    expect((await payUnder('1', 'SPB', msisdn)).body.code).to.equal('recovering');
    await federation.startNode('NSK');
    expect((await repeated('1', 'SPB', msisdn)).body.operationId).to.equal(lost);
    await federation.untilQuiet();
    await concluded('SPB', taken);
    await concluded('SPB', fresh);
    expect(await balance('MSK', msisdn)).to.equal('41.00');
    const numbers = await receiptsOf('SPB', [lost, own, taken]);
    expect(new Set(numbers).size).to.equal(3);
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('gives no receipt number again before anybody can tell it that it was set back', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const branch = federation.branch('SPB');
    const sentinel = String(branch.environment.STORE_SENTINEL);
    await federation.stopNode('SPB');
    const kept = [
      [branch.dataDir, join(federation.folder, 'old-store')],
      [sentinel, join(federation.folder, 'old-sentinel')],
    ] as const;
    for (const [from, to] of kept) {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
    }
    await federation.startNode('SPB');
    const lost = await pay('SPB', msisdn, '20.00');
    await concluded('SPB', lost);
    await federation.untilQuiet();
    for (const code of ['SPB', 'MSK', 'NSK', 'HQ']) await federation.stopNode(code);
    for (const [from, to] of kept) {
      rmSync(from, { recursive: true });
      cpSync(to, from, { recursive: true });
    }
    await federation.startNode('SPB');
    const taken = await pay('SPB', msisdn, '1.00');
    for (const code of ['HQ', 'MSK', 'NSK']) await federation.startNode(code);
    await until('both are there', async () => (await operation('SPB', lost)).state === 'concluded');
    await federation.untilQuiet();
    await concluded('SPB', taken);
    expect(new Set(await receiptsOf('SPB', [lost, taken])).size).to.equal(2);
    expect(await balance('MSK', msisdn)).to.equal('21.00');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('does not pay the same money out twice', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const id = await pay('SPB', msisdn, '20.00');
    await concluded('SPB', id);
    const backup = await federation.backup('SPB');
    const { manager } = federation.branch('SPB');
    await manager.post(`/api/v1/payments/${id}/cancellation`, {});
    await until('the money left the desk', async () => {
      const { body } = await manager.get(`/api/v1/payments/${id}`);
      return body.payout?.state === 'released';
    });
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    await federation.restore('SPB', backup);
    await federation.startNode('SPB');
    await federation.untilQuiet();
    const found = (await manager.get(`/api/v1/payments/${id}`)).body;
    expect(found).to.include({ disposition: 'paid-back' });
    expect(found.payout.state).to.equal('presumed-paid');
    const again = await manager.post(`/api/v1/payments/${id}/cancellation`, {});
    expect(again.status).to.equal(409);
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('is recognised by its peers when its sentinel was set back as well', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.stopNode('SPB');
    await federation.startNode('SPB');
    const sentinel = String(federation.branch('SPB').environment.STORE_SENTINEL);
    await federation.stopNode('SPB');
    const kept = [
      [`${federation.branch('SPB').dataDir}`, `${federation.folder}/old-store`],
      [sentinel, `${federation.folder}/old-sentinel`],
    ] as const;
    for (const [from, to] of kept) {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
    }
    await federation.startNode('SPB');
    const id = await pay('SPB', msisdn, '20.00');
    await concluded('SPB', id);
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    for (const [from, to] of kept) {
      rmSync(from, { recursive: true });
      cpSync(to, from, { recursive: true });
    }
    await federation.startNode('SPB');
    await federation.untilQuiet();
    expect((await operation('SPB', id)).outcome).to.equal('credited');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('decides what waited although a crash came right after the end of its recovery', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.untilQuiet();
    const backup = await federation.backup('MSK');
    // One more commit for the sentinel, and nothing that anybody could lose.
    await send(federation.branch('MSK').url, 'GET', '/readyz');
    await federation.stopNode('NSK');
    await federation.stopNode('MSK');
    await federation.restore('MSK', backup);
    await federation.startNode('MSK');
    const own = await pay('MSK', msisdn, '7.00');
    expect((await operation('MSK', own)).state).to.equal('accepted');
    const { store } = federation.running('MSK');
    await store.write((tx) => setRecovering(tx, undefined));
    await federation.stopNode('MSK');
    await federation.startNode('NSK');
    await federation.startNode('MSK');
    await concluded('MSK', own);
    await federation.untilQuiet();
    expect(await balance('MSK', msisdn)).to.equal('7.00');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);

  it('takes money while it recovers, and decides, refunds and cancels nothing', async () => {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const early = await pay('MSK', msisdn, '5.00');
    const backup = await federation.backup('MSK');
    await federation.untilQuiet();
    await federation.stopNode('NSK');
    await federation.stopNode('MSK');
    await federation.restore('MSK', backup);
    await federation.startNode('MSK');
    const { manager } = federation.branch('MSK');
    const state = (await manager.get('/api/v1/recovery')).body;
    expect(state.recovering).to.equal(true);
    await until('HQ and SPB have answered', async () => {
      const { body } = await manager.get('/api/v1/recovery');
      return body.answered.length === 2;
    });
    const own = await pay('MSK', msisdn, '7.00');
    expect((await operation('MSK', own)).state).to.equal('accepted');
    const foreign = await pay('SPB', msisdn, '11.00');
    await until('it is not decided', async () => {
      const { lanes } = await federation.running('SPB').federation.streams();
      return (
        lanes
          .get('MSK' as NodeCode)
          ?.status()
          .lastError?.includes('recovering') === true
      );
    });
    expect((await operation('SPB', foreign)).state).to.equal('accepted');
    const cancel = await manager.post(`/api/v1/payments/${early}/cancellation`, {});
    expect(cancel.body.code).to.equal('recovering');
    await federation.startNode('NSK');
    await concluded('MSK', own);
    await concluded('SPB', foreign);
    await federation.untilQuiet();
    expect(await balance('MSK', msisdn)).to.equal('23.00');
    expect(await faults()).to.deep.equal([]);
  }).timeout(120_000);
});

describe('head office set back to an old backup', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(['MSK', 'SPB']);
  });
  after(() => federation.stop());

  it('collects everything again and gets the releases that it had published from a branch', async () => {
    const hq = () => federation.hq.manager;
    const backup = await federation.backup('HQ');
    const path = '/api/v1/reference-draft/datasets/regions';
    const { rows } = (await hq().get(path)).body;
    await hq().put(path, { rows: [...rows, { code: 'new', name: 'Новый регион', branch: 'MSK' }] });
    const termsPath = '/api/v1/reference-draft/datasets/commissions';
    const terms = (await hq().get(termsPath)).body.rows;
    const dearer = terms.map((row: { basisPoints: number }) => ({ ...row, basisPoints: 321 }));
    await hq().put(termsPath, { rows: dearer });
    await federation.publish();
    await until('both branches have the release', () =>
      ['MSK', 'SPB'].every((code) => federation.running(code).references.current()?.version === 2),
    );
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.branch('SPB').manager.post('/api/v1/payments', { msisdn, ...cash('5.00') });
    await federation.untilQuiet();
    // What they told in an earlier start is to be told again, too, as soon as they are there.
    for (const code of ['SPB', 'MSK', 'HQ']) await federation.stopNode(code);
    await federation.restore('HQ', backup);
    for (const code of ['HQ', 'SPB', 'MSK']) await federation.startNode(code);
    await federation.untilQuiet();
    await until('head office has its release again, and goes on from it', async () => {
      const { body } = await hq().get('/api/v1/reference-releases');
      return body.items[0].version === 2;
    });
    const found = (await hq().get(path)).body.rows;
    expect(found.length).to.equal(rows.length + 1);
    await hq().put(path, { rows });
    await federation.publish();
    await until('the next one reaches a branch', () => {
      return federation.running('SPB').references.current()?.version === 3;
    });
    const { businessDate } = (
      await federation.branch('SPB').manager.get(`/api/v1/operations?msisdn=${msisdn}`)
    ).body.items[0];
    const report = (await hq().get(`/api/v1/reconciliations/${businessDate}`)).body;
    const pair = report.pairs.find(
      (each: { serving: string; kind: string }) =>
        each.serving === 'SPB' && each.kind === 'payment',
    );
    expect(pair.matched).to.equal(1);
    // By the release that it had lost, not by the one in its backup.
    const [owed] = await obligationsOf(federation, await settle(federation));
    expect(owed?.commission.amount).to.equal('0.16');
  }).timeout(120_000);

  it('brings a settlement back that it had completed after the backup', async () => {
    const hq = federation.hq.manager;
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const pay = async (amount: string): Promise<string> => {
      const body = { msisdn, ...cash(amount) };
      const paid = await federation.branch('SPB').manager.post('/api/v1/payments', body);
      return paid.body.operationId;
    };
    await pay('40.00');
    await federation.untilQuiet();
    const backup = await federation.backup('HQ');
    await pay('60.00');
    await federation.untilQuiet();
    const settled = await settle(federation);
    const inNext = await pay('100.00');
    await federation.untilQuiet();
    const before = (await hq.get('/api/v1/trial-balance')).body;
    const owed = await obligationsOf(federation, settled);

    await federation.stopNode('HQ');
    await federation.restore('HQ', backup);
    await federation.startNode('HQ');
    await federation.untilQuiet();
    await until('the settlement is posted again', async () => {
      const { body } = await hq.get('/api/v1/trial-balance');
      return JSON.stringify(body.items) === JSON.stringify(before.items);
    });
    expect(await obligationsOf(federation, settled)).to.deep.equal(owed);

    const next = await settle(federation);
    const operations = (await obligationsOf(federation, next)).map((row) => row.operationId);
    expect(operations).to.deep.equal([inNext]);
  }).timeout(120_000);
});

/** Closes the open window and settles it; every branch confirms. */
async function settle(federation: TestFederation): Promise<string> {
  const hq = federation.hq.manager;
  const windows = (await hq.get('/api/v1/settlement-windows?state=OPEN')).body.items;
  for (const { id } of windows) {
    await until('no earlier settlement is being brought back', async () => {
      const { status } = await hq.post(`/api/v1/settlement-windows/${id}/close`);
      return status === 200;
    });
  }
  const { id } = (await hq.post('/api/v1/settlements', {})).body;
  const approved = await federation.deputy.post(`/api/v1/settlements/${id}/approval`);
  expect(approved.status, JSON.stringify(approved.body)).to.equal(200);
  await until('every branch confirms', async () => {
    const { answers, net } = (await hq.get(`/api/v1/settlements/${id}`)).body;
    const faults = answers.filter(({ outcome }: { outcome: string }) => outcome === 'disputed');
    expect(faults).to.deep.equal([]);
    return answers.length === net.length;
  });
  return id;
}

async function obligationsOf(federation: TestFederation, settlementId: string): Promise<Owed[]> {
  const path = `/api/v1/settlements/${settlementId}/obligations`;
  const { body, status } = await federation.hq.manager.get(path);
  expect(status, JSON.stringify(body)).to.equal(200);
  return body.items
    .map(({ operationId, commission, net }: Owed) => ({ operationId, commission, net }))
    .sort((one: Owed, other: Owed) => (one.operationId < other.operationId ? -1 : 1));
}

interface Owed {
  operationId: string;
  commission: { amount: string };
  net: { amount: string };
}
