import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  addOperator,
  cash,
  nextNumber,
  registerSubscriber,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { pageText } from '../support/page-text.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;
const others = ['HQ', 'SPB', 'NSK'] as const;

/**
 * Moscow pays cash back, comes back from a snapshot with its sentinel, and is asked for the same cash again. What it is
 * asked by a desk is `released`: that word alone lets cash leave.
 */
describe('cash that has left the desk of a branch which was set back with its sentinel', function () {
  this.timeout(240_000);
  let federation: TestFederation;

  beforeEach(async () => {
    federation = await startFederation(codes);
  });
  afterEach(() => federation.stop());

  const manager = () => federation.branch('MSK').manager;
  const start = async (...nodes: readonly string[]) => {
    for (const code of nodes) await federation.startNode(code);
  };
  const stop = async (...nodes: readonly string[]) => {
    for (const code of nodes) await federation.stopNode(code);
  };

  async function post(path: string, body?: object, status = 201) {
    const answer = await manager().post(path, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(status);
    return answer.body;
  }

  async function payOwn(): Promise<string> {
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const { operationId } = await post('/api/v1/payments', { msisdn, ...cash('60.00') });
    await federation.untilQuiet();
    return operationId;
  }

  async function suspended(home = 'SPB'): Promise<string> {
    const wrong = { msisdn: nextNumber(home), ...cash('50.00') };
    await stop(home);
    const { operationId } = await post('/api/v1/payments', wrong);
    await start(home);
    await untilSuspended(operationId);
    await federation.untilQuiet();
    return operationId;
  }

  const untilSuspended = (id: string) =>
    until('its money is in suspense', async () => {
      return (await payment(id)).disposition === 'suspended';
    });

  const cancel = (id: string) => post(`/api/v1/payments/${id}/cancellation`, { reason: 'wrong' });
  const payment = async (id: string) => (await manager().get(`/api/v1/payments/${id}`)).body;
  const stateOf = async (id: string) => (await payment(id)).payout?.state;
  const untilReleased = (id: string) =>
    until('the cash leaves', async () => (await stateOf(id)) === 'released');

  /** The sentinel first: a store may be ahead of it. */
  async function snapshot({ isUnaware } = { isUnaware: true }) {
    const kept = join(federation.folder, 'MSK.sentinel');
    const sentinel = String(federation.branch('MSK').environment.STORE_SENTINEL);
    copyFileSync(sentinel, kept);
    const backup = await federation.backup('MSK');
    return async () => {
      await federation.stopNode('MSK');
      await federation.restore('MSK', backup);
      if (isUnaware) copyFileSync(kept, sentinel);
    };
  }

  /** How often its store, from the snapshot on, let the cash go. */
  async function releases(id: string): Promise<number> {
    const rows = await federation
      .running('MSK')
      .store.read((tx) =>
        tx.all(
          `SELECT 1 FROM ledger_entries WHERE kind = 'payout.released' AND operation_id = ?`,
          id,
        ),
      );
    return rows.length;
  }

  async function holds(peer: string): Promise<boolean> {
    const { outbound } = await federation.running('MSK').federation.streams();
    const own = outbound.filter((each) => each.peer === peer);
    return own.every(({ acknowledged, position }) => acknowledged === position);
  }

  async function untilKnownAgain(): Promise<void> {
    await until('it knows what it forgot', async () => {
      const { federation: own } = federation.running('MSK');
      return !own.isRecovering() && own.isCertain();
    });
    await federation.untilQuiet();
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
  }

  it('does not leave again when it was cancelled again before anybody was there', async () => {
    const id = await payOwn();
    const goBack = await snapshot();
    await cancel(id);
    await untilReleased(id);
    await federation.untilQuiet();
    await goBack();
    await stop(...others);
    await start('MSK');
    await cancel(id);
    await start(...others);
    await untilKnownAgain();
    expect(await stateOf(id)).to.equal('presumed-paid');
    expect(await releases(id)).to.equal(0);
    const text = await pageText(federation.branch('MSK').url, { path: `/payments/${id}` });
    expect(text).to.contain('may have left the desk already').and.not.contain('Pay the money out');
    expect(text).to.contain('the money goes back').and.not.contain('Credited');
  });

  it('leaves after all once two people have counted it, and after the next set-back waits for them again', async () => {
    const id = await payOwn();
    const goBack = await snapshot();
    await cancel(id);
    await untilReleased(id);
    await federation.untilQuiet();
    const again = async () => {
      await goBack();
      await start('MSK');
      await untilKnownAgain();
      expect(await stateOf(id)).to.equal('presumed-paid');
    };
    await again();
    const { url } = federation.branch('MSK');
    await addOperator(federation.running('MSK'), { login: 'deputy', role: 'branch-manager' });
    const deputy = await signIn(url, 'deputy');
    const path = `/api/v1/payments/${id}/payout/reinstatement`;
    const reason = 'The cash is complete.';
    const cashier = await signIn(url, 'cashier');
    expect((await cashier.post(path, { reason })).status).to.equal(403);
    const first = await post(path, { reason });
    expect(first.payout.state).to.equal('presumed-paid');
    expect(first.payout.reinstatedBy).to.have.length(1);
    expect(await pageText(url, { path: `/payments/${id}` })).to.contain('Another person has to');
    expect((await post(path, { reason }, 403)).type).to.match(/same-person$/);
    const goBackToOne = await snapshot();
    const list = async () => (await deputy.get('/api/v1/payouts/presumed-paid')).body.items;
    expect(await list()).to.have.length(1);
    const page = await pageText(url, { path: '/payouts/presumed-paid' });
    expect(page).to.contain('1 of 2');
    const second = await deputy.post(path, { reason });
    expect(second.body.payout).to.include({ state: 'released' });
    const text = await pageText(url, { path: `/payments/${id}` });
    expect(text).to.contain('Pay the money out');
    expect(await list()).to.have.length(0);
    expect((await deputy.post(path, { reason })).body.type).to.match(/operation-conflict$/);
    await untilKnownAgain();
    await goBackToOne();
    await start('MSK');
    await untilKnownAgain();
    // The word of before says nothing of the cash that has left since.
    expect((await payment(id)).payout).to.deep.include({
      state: 'presumed-paid',
      reinstatedBy: [],
    });
    await again();
    expect(await releases(id)).to.equal(0);
  });

  it('does not leave again though somebody else holds the second record', async () => {
    const id = await payOwn();
    const goBack = await snapshot();
    await stop('HQ');
    await cancel(id);
    await untilReleased(id);
    await goBack();
    await stop('SPB', 'NSK');
    await start('HQ', 'MSK');
    await cancel(id);
    await until('head office holds it', () => holds('HQ'));
    expect(await payment(id)).to.have.nested.property('payout.state', 'held');
    expect((await payment(id)).payout.awaits).to.deep.equal(['NSK', 'SPB']);
    const text = await pageText(federation.branch('MSK').url, { path: `/payments/${id}` });
    expect(text).to.contain('Do not pay out yet: NSK, SPB has not said');
    await start('SPB', 'NSK');
    await untilKnownAgain();
    expect(await stateOf(id)).to.equal('presumed-paid');
    expect(await releases(id)).to.equal(0);
  });

  it('does not leave again where its record was copied, and its release was not', async () => {
    for (const isUnaware of [true, false]) {
      const id = await payOwn();
      await stop(...others);
      await cancel(id);
      const goBack = await snapshot({ isUnaware });
      await start(...others);
      await untilReleased(id);
      await federation.untilQuiet();
      await goBack();
      await start('MSK');
      await untilKnownAgain();
      expect(await stateOf(id)).to.equal('presumed-paid');
      expect(await releases(id)).to.equal(0);
    }
  });

  it('leaves when its node restarts before anybody has its record', async () => {
    const id = await payOwn();
    await stop(...others);
    await cancel(id);
    await stop('MSK');
    await start('MSK', ...others);
    await untilReleased(id);
  });

  it('is neither refunded again nor redirected before all have said what they hold', async () => {
    const id = await suspended();
    const goBack = await snapshot();
    await post(`/api/v1/suspense/${id}/refund`, undefined, 201);
    await untilReleased(id);
    await federation.untilQuiet();
    await goBack();
    await stop(...others);
    await start('MSK');
    const refused = await post(`/api/v1/suspense/${id}/refund`, undefined, 503);
    expect(refused.code).to.equal('past-uncertain');
    expect(refused.detail).to.contain('HQ, NSK, SPB');
    const msisdn = nextNumber('NSK');
    const redirected = await post(`/api/v1/suspense/${id}/redirection`, { msisdn }, 503);
    expect(redirected.code).to.equal('past-uncertain');
    await start(...others);
    await untilKnownAgain();
    expect(await stateOf(id)).to.equal('presumed-paid');
    expect(await releases(id)).to.equal(0);
  });

  it('does not leave at all where the money had been redirected before', async () => {
    const msisdn = await registerSubscriber(federation.branch('NSK'));
    await federation.untilQuiet();
    await stop('SPB');
    const wrong = { msisdn: nextNumber('SPB'), ...cash('50.00') };
    const { operationId: id } = await post('/api/v1/payments', wrong);
    await until('head office holds it', () => holds('HQ'));
    const goBack = await snapshot();
    await start('SPB');
    await untilSuspended(id);
    await post(`/api/v1/suspense/${id}/redirection`, { msisdn });
    await federation.untilQuiet();
    await goBack();
    await stop(...others);
    await start('MSK');
    await cancel(id);
    // Its home branch is the first to answer, and knows nothing of the redirection.
    await start('SPB');
    await until('it is cancelled', async () => (await stateOf(id)) === 'held');
    await start('HQ', 'NSK');
    await untilKnownAgain();
    expect(await stateOf(id)).to.equal('withdrawn');
    expect((await payment(id)).disposition).to.equal('redirected');
    expect(await releases(id)).to.equal(0);
    const balance = (await federation.branch('NSK').manager.get(`/api/v1/subscribers/${msisdn}`))
      .body.balance;
    expect(balance.amount).to.equal('50.00');
  });

  it('leaves where two people answer for a peer that does not come back', async () => {
    const id = await payOwn();
    await stop('MSK', 'NSK');
    federation.startMachineAnew('MSK');
    await start('MSK');
    await cancel(id);
    await until('others hold it', async () => (await holds('HQ')) && (await holds('SPB')));
    expect(await stateOf(id)).to.equal('held');
    await addOperator(federation.running('MSK'), { login: 'second', role: 'branch-manager' });
    const second = await signIn(federation.branch('MSK').url, 'second');
    const reason = 'The branch has burnt down, its desk paid nothing for us.';
    expect((await manager().get('/api/v1/recovery')).body).to.include({ certain: false });
    await post('/api/v1/recovery/override', { reason });
    expect(await stateOf(id)).to.equal('held');
    await second.post('/api/v1/recovery/override', { reason });
    await untilReleased(id);
    expect((await manager().get('/api/v1/recovery')).body).to.include({ certain: true });
  });

  it('leaves after an ordinary restart though nobody but one is there', async () => {
    const id = await payOwn();
    await stop('MSK', 'HQ', 'NSK');
    await start('MSK');
    expect((await manager().get('/api/v1/recovery')).body).to.include({ certain: true });
    await cancel(id);
    await untilReleased(id);
  });

  it('does not leave in a start after one that was never certain', async () => {
    const id = await payOwn();
    await stop('MSK', 'HQ', 'NSK');
    federation.startMachineAnew('MSK');
    for (const restart of [1, 2]) {
      await start('MSK');
      if (restart === 1) await stop('MSK');
    }
    await cancel(id);
    await until('St Petersburg holds it', () => holds('SPB'));
    expect(await payment(id)).to.have.nested.property('payout.state', 'held');
    await start('HQ', 'NSK');
    await untilReleased(id);
  });

  it('leaves in a start that all have answered though nobody but one is there then', async () => {
    const id = await payOwn();
    await stop('HQ', 'NSK');
    const { liveness } = federation.running('MSK').federation;
    await until('it sees that', () => ['HQ', 'NSK'].every((code) => !isThere(code)));
    await cancel(id);
    await untilReleased(id);
    function isThere(code: string): boolean {
      return liveness.statuses().some(({ peer, reachable }) => peer === code && reachable);
    }
  });
});
