import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  addOperator,
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  signIn,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const codes = ['MSK', 'SPB'] as const;

/** Whole machines come back from snapshots: the sentinel says nothing, and the start is one that everybody knows. */
describe('a node that was set back with its sentinel, or after its peer was', function () {
  this.timeout(240_000);
  let federation: TestFederation;
  let msisdn: string;

  before(async () => {
    federation = await startFederation(codes);
    msisdn = await registerSubscriber(federation.branch('MSK'));
    await federation.untilQuiet();
  });
  after(() => federation.stop());

  const pay = async (at: string, amount: string): Promise<string> => {
    const { manager } = federation.branch(at);
    const answer = await manager.post('/api/v1/payments', { msisdn, ...cash(amount) });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    return answer.body.operationId;
  };
  const setBack = async (code: string, backup: string) => {
    await federation.stopNode(code);
    await federation.restore(code, backup);
  };

  /** The sentinel first: a store may be ahead of it. */
  async function snapshot(code: string) {
    const kept = join(federation.folder, `${code}.sentinel`);
    const sentinel = String(federation.branch(code).environment.STORE_SENTINEL);
    copyFileSync(sentinel, kept);
    const backup = await federation.backup(code);
    return async () => {
      await setBack(code, backup);
      copyFileSync(kept, sentinel);
    };
  }

  async function today(): Promise<string> {
    return (await federation.branch('MSK').manager.get('/api/v1/business-days')).body.current;
  }

  /** What head office has matched of the payments that SPB took, and whether any case is open. */
  async function matched(): Promise<number> {
    const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${await today()}`);
    const pair = body.pairs.find(
      (each: { serving: string; kind: string }) =>
        each.serving === 'SPB' && each.kind === 'payment',
    );
    return pair?.matched ?? 0;
  }

  async function untilMatched(count: number): Promise<void> {
    await until(`${count} payments are matched`, async () => (await matched()) === count);
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
  }

  it('tells again what it had itself got back, to the one who gave it back and then forgot it', async () => {
    const [ofBranch, ofHeadOffice] = [
      await federation.backup('SPB'),
      await federation.backup('HQ'),
    ];
    await pay('SPB', '10.00');
    await untilMatched(1);
    await federation.untilQuiet();
    await setBack('SPB', ofBranch);
    await federation.startNode('SPB');
    await until('it has recovered', () => !federation.running('SPB').federation.isRecovering());
    await federation.untilQuiet();
    await setBack('HQ', ofHeadOffice);
    await federation.startNode('HQ');
    await untilMatched(1);
  });

  it('is told again what it forgot of others, although it had said nothing since', async () => {
    const goBack = await snapshot('HQ');
    await pay('SPB', '20.00');
    await untilMatched(2);
    await federation.untilQuiet();
    await goBack();
    await federation.startNode('HQ');
    await untilMatched(2);
  });

  it('learns of it though nobody could tell it when it started, and corrects the day that it closed meanwhile', async () => {
    const goBack = await snapshot('MSK');
    await pay('SPB', '30.00');
    const own = await pay('MSK', '5.00');
    await untilMatched(3);
    await federation.untilQuiet();
    await goBack();
    for (const code of ['HQ', 'SPB']) await federation.stopNode(code);
    await federation.startNode('MSK');
    const { manager } = federation.branch('MSK');
    const date = await today();
    const closed = await manager.post(`/api/v1/business-days/${date}/close`);
    expect(closed.status, JSON.stringify(closed.body)).to.equal(201);
    for (const code of ['HQ', 'SPB']) await federation.startNode(code);
    await until('it has back what it forgot', async () => {
      return (await manager.get(`/api/v1/operations/${own}`)).status === 200;
    });
    await federation.untilQuiet();
    const hq = federation.hq.manager;
    await until('its totals are head office’s', async () => {
      const { body } = await hq.get(`/api/v1/reconciliations/${date}`);
      return (
        body.branches.find(({ branch }: { branch: string }) => branch === 'MSK').equal === true
      );
    });
    const cases = (await hq.get('/api/v1/cases')).body.items;
    expect(cases.filter(({ state }: { state: string }) => state !== 'closed')).to.deep.equal([]);
    const days = (await manager.get('/api/v1/business-days')).body.closed;
    expect(days.map((day: { date: string }) => day.date)).to.deep.equal([date]);
  });

  it('recovers what it decided, though what that followed from was told to nobody', async () => {
    const [msk, spb] = ['MSK', 'SPB'].map((code) => federation.branch(code).manager);
    const own = await registerSubscriber(federation.branch('MSK'));
    const iccid = await receiveSim(federation.branch('SPB'));
    await federation.untilQuiet();
    const backup = await federation.backup('MSK');
    await federation.stopNode('HQ');
    const paid = await msk?.post('/api/v1/payments', { msisdn: own, ...cash('40.00') });
    expect(paid?.status, JSON.stringify(paid?.body)).to.equal(201);
    const moved = await spb?.post('/api/v1/number-moves', { msisdn: own, iccid, customer });
    expect(moved?.status, JSON.stringify(moved?.body)).to.equal(201);
    const { operationId } = moved?.body ?? {};
    await until('the number has moved with its balance', async () => {
      return (await spb?.get(`/api/v1/operations/${operationId}`))?.body.state === 'concluded';
    });
    await setBack('MSK', backup);
    for (const code of ['HQ', 'MSK']) await federation.startNode(code);
    await until('it has recovered', () => !federation.running('MSK').federation.isRecovering());
    await federation.untilQuiet();
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
    const { store } = federation.running('MSK');
    const claims = await store.read((tx) =>
      tx.all("SELECT balance FROM ledger_accounts WHERE code LIKE 'subscriber:%' AND balance > 0"),
    );
    expect(claims).to.deep.equal([{ balance: 4000n }]);
  });

  /** @param isAskedBack MSK has asked for the number again when it hears that it had blocked it. */
  async function letsGoWhatItHadBlocked(isAskedBack: boolean): Promise<void> {
    const [msk, spb] = [federation.branch('MSK').manager, federation.branch('SPB').manager];
    const own = await registerSubscriber(federation.branch('MSK'));
    const iccid = await receiveSim(federation.branch('SPB'));
    await federation.untilQuiet();
    const goBack = await snapshot('MSK');
    const blocked = await msk.post('/api/v1/blocks', { msisdn: own, action: 'block' });
    expect(blocked.status, JSON.stringify(blocked.body)).to.equal(201);
    await until('head office holds it', () => isToldTo('HQ'));
    await goBack();
    await federation.stopNode('HQ');
    await federation.startNode('MSK');
    const move = async (): Promise<{ outcome: string; reason?: string }> => {
      const moved = await spb.post('/api/v1/number-moves', { msisdn: own, iccid, customer });
      expect(moved.status, JSON.stringify(moved.body)).to.equal(201);
      const path = `/api/v1/operations/${moved.body.operationId}`;
      await until('it is decided', async () => (await spb.get(path)).body.state === 'concluded');
      return (await spb.get(path)).body;
    };
    // It may have gone to another branch already, as far as this start knows.
    expect(await move()).to.include({ outcome: 'refused', reason: 'past-uncertain' });
    const login = `admin-${own}`;
    await addOperator(federation.running('MSK'), { login, role: 'branch-admin' });
    const admin = await signIn(federation.branch('MSK').url, login);
    for (const person of [msk, admin]) {
      const body = { reason: 'Head office is away for a week.' };
      expect((await person.post('/api/v1/recovery/override', body)).status).to.equal(201);
    }
    expect(await move()).to.include({ outcome: 'executed' });
    if (isAskedBack) {
      await federation.stopNode('SPB');
      const body = { msisdn: own, iccid: await receiveSim(federation.branch('MSK')), customer };
      expect((await msk.post('/api/v1/number-moves', body)).body.state).to.equal('accepted');
    }
    await federation.startNode('HQ');
    await until('it has back what it forgot', async () => {
      return (await msk.get(`/api/v1/operations/${blocked.body.operationId}`)).status === 200;
    });
    if (isAskedBack) await federation.startNode('SPB');
    await until('it has recovered', () => !federation.running('MSK').federation.isRecovering());
    await federation.untilQuiet();
    expect((await spb.get(`/api/v1/subscribers/${own}`)).body.status).to.equal('active');
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
  }

  it('lets a number go that it had blocked before, and recovers though it is not there to block', () =>
    letsGoWhatItHadBlocked(false));

  it('takes such a number back as it comes, and not as it had been before', () =>
    letsGoWhatItHadBlocked(true));

  it('gives a number and a card to nobody before it can know that they are not given already', async () => {
    const branch = federation.branch('MSK');
    const free = nextNumber('MSK');
    await branch.manager.post('/api/v1/numbers', { numbers: [free] });
    const [first, second] = [await receiveSim(branch), await receiveSim(branch)];
    await pay('MSK', '500.00');
    const register = (iccid: string) =>
      branch.manager.post('/api/v1/subscribers', {
        ...{ msisdn: free, iccid, ratePlan: 'BASIC', customer },
      });
    const goBack = await snapshot('MSK');
    const registered = await register(first);
    expect(registered.status, JSON.stringify(registered.body)).to.equal(201);
    await until('head office holds it', () => isToldTo('HQ'));
    await goBack();
    await federation.stopNode('HQ');
    await federation.startNode('MSK');
    const early = await register(second);
    expect(early.status).to.equal(503);
    expect(early.body).to.include({ code: 'past-uncertain' });
    const card = { msisdn, iccid: first };
    const replaced = await branch.manager.post('/api/v1/sim-replacements', card);
    expect([replaced.status, replaced.body.code]).to.deep.equal([503, 'past-uncertain']);
    await federation.startNode('HQ');
    const path = `/api/v1/operations/${registered.body.operationId}`;
    await until('it has back what it forgot', async () => {
      return (await branch.manager.get(path)).status === 200;
    });
    await until('it has recovered', () => !federation.running('MSK').federation.isRecovering());
    const late = await register(second);
    expect(late.status).to.equal(409);
    expect(late.body).to.include({ code: 'number-taken' });
    const inUse = await branch.manager.post('/api/v1/sim-replacements', card);
    expect([inUse.status, inUse.body.code]).to.deep.equal([409, 'sim-not-available']);
  });

  it('redirects once more what was in suspense, though the refusal that brought it there was told to nobody', async () => {
    const { manager } = federation.branch('MSK');
    const right = await registerSubscriber(federation.branch('SPB'));
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    const wrong = { msisdn: nextNumber('SPB'), ...cash('50.00') };
    const paid = await manager.post('/api/v1/payments', wrong);
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    const { operationId } = paid.body;
    await until('head office holds it', () => isToldTo('HQ'));
    const backup = await federation.backup('MSK');
    await federation.stopNode('HQ');
    await federation.startNode('SPB');
    const isSuspended = async () => {
      const { body } = await manager.get('/api/v1/suspense');
      return body.items.some((each: { operationId: string }) => each.operationId === operationId);
    };
    await until('its money is in suspense', isSuspended);
    const path = `/api/v1/suspense/${operationId}/redirection`;
    const redirected = await manager.post(path, { msisdn: right });
    expect(redirected.status, JSON.stringify(redirected.body)).to.be.lessThan(300);
    const balance = async () =>
      (await federation.branch('SPB').manager.get(`/api/v1/subscribers/${right}`)).body.balance;
    await until('it is credited', async () => (await balance()).amount === '50.00');
    await setBack('MSK', backup);
    for (const code of ['HQ', 'MSK']) await federation.startNode(code);
    await until('it has recovered', () => !federation.running('MSK').federation.isRecovering());
    await federation.untilQuiet();
    expect(await isSuspended()).to.equal(false);
    expect((await balance()).amount).to.equal('50.00');
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
  });

  it('takes a payment back once that was cancelled again before the first time was known again', async () => {
    const { manager } = federation.branch('MSK');
    const right = await registerSubscriber(federation.branch('SPB'));
    await federation.untilQuiet();
    const paid = await manager.post('/api/v1/payments', { msisdn: right, ...cash('60.00') });
    const { operationId } = paid.body;
    await federation.untilQuiet();
    const goBack = await snapshot('MSK');
    const cancel = async () => {
      const path = `/api/v1/payments/${operationId}/cancellation`;
      const answer = await manager.post(path, { reason: 'wrong number' });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      return answer.body.operationId;
    };
    const outcomeOf = async (id: string) =>
      (await manager.get(`/api/v1/operations/${id}`)).body.outcome;
    const first = await cancel();
    await federation.untilQuiet();
    await goBack();
    for (const code of ['HQ', 'SPB']) await federation.stopNode(code);
    await federation.startNode('MSK');
    const second = await cancel();
    for (const code of ['HQ', 'SPB']) await federation.startNode(code);
    await until('both have their answers', async () => {
      return (await outcomeOf(first)) === 'executed' && (await outcomeOf(second)) === 'refused';
    });
    await federation.untilQuiet();
    expect(federation.running('MSK').federation.isRecovering()).to.equal(false);
    const { body } = await federation.branch('SPB').manager.get(`/api/v1/subscribers/${right}`);
    expect(body.balance.amount).to.equal('0.00');
    const stores = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(stores)).to.deep.equal([]);
  });

  it('counts a cancellation that it paid out for the date on which it did, though it closed that date since', async () => {
    const { manager } = federation.branch('SPB');
    const days = async () => (await manager.get('/api/v1/business-days')).body.current;
    const goBack = await snapshot('SPB');
    const paid = await pay('SPB', '70.00');
    await federation.untilQuiet();
    const path = `/api/v1/payments/${paid}/cancellation`;
    const cancelled = await manager.post(path, { reason: 'wrong number' });
    expect(cancelled.status, JSON.stringify(cancelled.body)).to.equal(201);
    await federation.untilQuiet();
    await goBack();
    for (const code of ['HQ', 'MSK']) await federation.stopNode(code);
    await federation.startNode('SPB');
    const date = await days();
    const closed = await manager.post(`/api/v1/business-days/${date}/close`);
    expect(closed.status, JSON.stringify(closed.body)).to.equal(201);
    for (const code of ['HQ', 'MSK']) await federation.startNode(code);
    await until('it has back what it forgot', async () => {
      return (await manager.get(`/api/v1/payments/${paid}`)).body.disposition === 'paid-back';
    });
    await federation.untilQuiet();
    const difference = async () => {
      const { body } = await federation.hq.manager.get(`/api/v1/reconciliations/${date}`);
      return body.branches.find(({ branch }: { branch: string }) => branch === 'SPB');
    };
    await until('its totals are head office’s', async () => (await difference()).equal === true);
  });

  /** Everything that Moscow says to it. */
  async function isToldTo(peer: string): Promise<boolean> {
    const { outbound } = await federation.running('MSK').federation.streams();
    return outbound.every((each) => each.peer !== peer || each.acknowledged === each.position);
  }
});
