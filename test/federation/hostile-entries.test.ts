import { expect } from 'chai';
import { cash, customer, nextNumber, receiveSim, until } from '../support/federation.ts';
import { type Anything, askPeerPort } from '../support/rogue.ts';
import {
  alarmsOf,
  answersTo,
  booksOf,
  expectRefused,
  layASiege,
  refusalsOf,
  type Siege,
} from '../support/siege.ts';

const streamPath = '/peer/v1/stream';

describe('hostile entries', function () {
  this.timeout(120_000);
  let siege: Siege;

  before(async function () {
    this.timeout(120_000);
    siege = await layASiege();
  });
  after(() => siege.federation.stop());

  describe('well signed, and wrong', () => {
    /** Taken, answered with a refusal of the victim's own, and nothing is booked. */
    async function expectAnswered(operation: Anything, reason: string, kind = 'payment') {
      const before = await booksOf(siege);
      const entry = siege.rogue.entry(`${kind}.accepted`, { operation, details: {} });
      const answer = await siege.rogue.send([entry]);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const told = (await answersTo(siege, operation.id)).at(-1);
      expect(told).to.include({ kind: `${kind}.refused` });
      expect(told.to).to.include('SPB');
      expect(told.body.decision).to.include({ outcome: 'refused', reason });
      const after = await booksOf(siege);
      expect(after).to.deep.equal({ ...before, position: before.position + 1 });
      return told;
    }
    const money = (amount: string, currency = 'RUB') => ({
      request: { money: { amount, currency }, tender: { kind: 'cash' } },
    });

    for (const amount of [
      ...['-500.00', '0.00', '-0.01', '5', '5.0', '5.000', '1e3', 'NaN', '', ' 5.00', '5,00'],
      ...['٥٠٠.٠٠', '99999999999999.00', '9007199254740993.00'],
    ]) {
      it(`a payment of ${JSON.stringify(amount)} is refused`, async () => {
        const operation = siege.rogue.payment(siege.msisdn, amount);
        await expectAnswered(operation, 'invalid-input');
      });
    }

    for (const [what, changes, reason] of [
      ['another currency', money('5.00', 'USD'), 'wrong-currency'],
      ['no currency at all', money('5.00', 'roubles'), 'invalid-input'],
      ['a sum that is a number', { request: { money: 5 } }, 'invalid-input'],
      ['no request', { request: {} }, 'invalid-input'],
      ['another home', { home: 'NSK' }, 'peer-refused'],
      ['another serving branch', { serving: 'NSK' }, 'peer-refused'],
      ['the siege.victim as serving branch', { serving: 'MSK' }, 'peer-refused'],
      ['another kind than its entry', { kind: 'number-move' }, 'peer-refused'],
      ['a kind that nobody knows', { kind: 'gift' }, 'peer-refused'],
      ['a number that nobody has', { msisdn: '79250009999' }, 'unknown-number'],
    ] as const) {
      it(`a payment with ${what} is refused`, async () => {
        await expectAnswered(siege.rogue.payment(siege.msisdn, '5.00', changes), reason);
      });
    }

    it('a payment is executed once, whatever attempt it says to be', async () => {
      const operation = siege.rogue.payment(siege.msisdn, '7.00');
      expect((await siege.rogue.send([siege.rogue.accepted(operation)])).status).to.equal(200);
      const after = await booksOf(siege);
      const again = siege.rogue.accepted({ ...operation, attempt: 2 });
      expect((await siege.rogue.send([again])).status).to.equal(200);
      expect(await booksOf(siege)).to.deep.equal({ ...after, position: after.position + 1 });
    });

    it('what it executed for one attempt, it does not say of another', async () => {
      const nobodys = siege.rogue.payment('79250009999', '8.00');
      await expectAnswered(nobodys, 'unknown-number');
      const { id } = nobodys;
      const followed = { ...nobodys, msisdn: siege.msisdn, attempt: 2 };
      const askedOf = async (operation: Anything) => {
        const entry = siege.rogue.accepted(operation);
        expect((await siege.rogue.send([entry])).status).to.equal(200);
        const { kind, body } = (await answersTo(siege, id)).at(-1);
        return { kind, attempt: body.operation.attempt, accepted: body.details.accepted };
      };
      const executed = await askedOf(followed);
      expect(executed).to.include({ kind: 'payment.credited', attempt: 2 });
      expect(executed.accepted).to.be.a('string');
      for (const other of [nobodys, { ...followed, attempt: 3 }]) {
        expect(await askedOf(other)).to.deep.equal({ ...executed, accepted: undefined });
      }
      expect((await askedOf(followed)).accepted).to.be.a('string');
    });

    it("another branch's payment is neither sent nor cancelled in its place", async () => {
      const taken = await siege.federation
        .branch('NSK')
        .manager.post('/api/v1/payments', { msisdn: siege.msisdn, ...cash('20.00') });
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      const { operationId: id } = taken.body;
      await until('it is credited', async () => (await answersTo(siege, id)).length > 0);
      await expectAnswered(siege.rogue.payment(siege.msisdn, '20.00', { id }), 'peer-refused');
      await expectAnswered(cancellation(id, '20.00'), 'peer-refused', 'payment-cancellation');
    });

    function cancellation(payment: string, amount: string): Anything {
      const request = { payment, money: { amount, currency: 'RUB' }, reason: 'wrong' };
      return siege.rogue.payment(siege.msisdn, '1.00', { kind: 'payment-cancellation', request });
    }

    it('a payment is cancelled once, and not for another sum', async () => {
      const operation = siege.rogue.payment(siege.msisdn, '30.00');
      expect((await siege.rogue.send([siege.rogue.accepted(operation)])).status).to.equal(200);
      const kind = 'payment-cancellation';
      for (const [amount, reason] of [
        ['300.00', 'operation-conflict'],
        ['29.99', 'operation-conflict'],
        ['-30.00', 'invalid-input'],
      ] as const) {
        await expectAnswered(cancellation(operation.id, amount), reason, kind);
      }
      const before = (await booksOf(siege)).subscriber.amount;
      const proper = cancellation(operation.id, '30.00');
      const entry = siege.rogue.entry(`${kind}.accepted`, { operation: proper, details: {} });
      expect((await siege.rogue.send([entry])).status).to.equal(200);
      expect(Number((await booksOf(siege)).subscriber.amount)).to.equal(Number(before) - 30);
      await expectAnswered(cancellation(operation.id, '30.00'), 'already-cancelled', kind);
    });

    it("an answer to nobody's question changes nothing", async () => {
      const before = await booksOf(siege);
      const operation = siege.rogue.payment(siege.msisdn, '5.00', { serving: 'MSK', home: 'SPB' });
      const decision = { outcome: 'executed', result: { account: 'x' } };
      const entry = siege.rogue.entry('payment.credited', { operation, decision, details: {} });
      expect((await siege.rogue.send([entry])).status).to.equal(200);
      expect(await booksOf(siege)).to.deep.equal({ ...before, position: before.position + 1 });
      expect(await alarmsOf(siege)).to.include('unknown-operation');
    });

    it('what cannot be read at all is kept and reported, and the next entry is applied', async () => {
      const before = await booksOf(siege);
      const operation = siege.rogue.payment(siege.msisdn, '3.00');
      const entries = [
        siege.rogue.entry('payment.accepted', {}),
        siege.rogue.entry('payment.accepted', { operation: 'none', details: [] }),
        siege.rogue.entry('payment.credited', { operation, decision: { outcome: 'maybe' } }),
        siege.rogue.accepted({ ...operation, id: 'x'.repeat(65) }),
        siege.rogue.accepted({ ...operation, msisdn: '+7' }),
        siege.rogue.accepted({ ...operation, attempt: 10 }),
        siege.rogue.accepted({ ...operation, businessDate: '2025-02-30' }),
        siege.rogue.entry('settlement.completed', { settlementId: 5 }),
        siege.rogue.accepted(operation),
      ];
      const answer = await siege.rogue.send(entries);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const after = await booksOf(siege);
      expect(after.position).to.equal(before.position + entries.length);
      expect(Number(after.subscriber.amount)).to.equal(Number(before.subscriber.amount) + 3);
      expect(await alarmsOf(siege)).to.include('malformed-entry');
    });

    it('what head office alone may say counts for nothing', async () => {
      const before = await booksOf(siege);
      const at = new Date(0).toISOString();
      const answer = await siege.rogue.send([
        siege.rogue.entry('case.opened', {
          ...{ caseId: 'c-1', kind: 'leg-missing', subject: 's', branches: ['MSK'] },
          ...{ detail: 'd', openedAt: at },
        }),
        siege.rogue.entry('settlement.completed', {
          ...{ settlementId: 's-1', currency: 'RUB', model: 'multilateral', windows: ['w'] },
          ...{ madeBy: 'a', approvedBy: 'b', completedAt: at, positions: [] },
        }),
      ]);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const cases = (await siege.victim.manager.get('/api/v1/cases')).body.items;
      expect(cases.map(({ id }: Anything) => id)).not.to.include('c-1');
      expect((await siege.victim.manager.get('/api/v1/settlements')).body.items).to.deep.equal([]);
      expect((await booksOf(siege)).trial).to.deep.equal(before.trial);
    });

    it('a kind that nobody knows is kept and reported, and the next entry is applied', async () => {
      const before = await booksOf(siege);
      const entries = [
        siege.rogue.entry('future.happened', { anything: [1, { at: 'all' }] }),
        siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '2.00')),
      ];
      const answer = await siege.rogue.send(entries);
      expect(answer.body).to.deep.equal({
        epoch: siege.rogue.started,
        position: siege.rogue.position(),
      });
      const after = await booksOf(siege);
      expect(Number(after.subscriber.amount)).to.equal(Number(before.subscriber.amount) + 2);
      expect(await alarmsOf(siege)).to.include('unknown-kind');
    });
  });

  describe('as a home branch', () => {
    const operationOf = async (id: string): Promise<Anything> =>
      (await siege.victim.manager.get(`/api/v1/operations/${id}`)).body;

    /** The rogue's answer to an operation that the siege.victim accepted for its branch. */
    async function answer(id: string, kind: string, decision: Anything): Promise<void> {
      const [asked] = await answersTo(siege, id);
      const { operation } = asked.body;
      const entry = siege.rogue.entry(kind, { operation, decision, details: {} });
      const sent = await siege.rogue.send([entry]);
      expect(sent.status, JSON.stringify(sent.body)).to.equal(200);
    }

    async function accepted(path: string, body: object): Promise<string> {
      const taken = await siege.victim.manager.post(path, body);
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      expect(taken.body.state).to.equal('accepted');
      return taken.body.operationId;
    }

    it('does not answer with another kind, nor send money to where nobody is', async () => {
      const id = await accepted('/api/v1/payments', {
        msisdn: nextNumber('SPB'),
        ...cash('5.00'),
      });
      await answer(id, 'block.executed', { outcome: 'executed', result: { account: 'x' } });
      await answer(id, 'payment.credited', { outcome: 'refused', reason: 'unknown-number' });
      expect((await operationOf(id)).state).to.equal('accepted');
      const movedTo = 'NOWHERE';
      await answer(id, 'payment.refused', { outcome: 'refused', reason: 'moved', movedTo });
      expect(await operationOf(id)).to.include({ state: 'concluded', outcome: 'refused' });
      const { body } = await siege.victim.manager.get('/api/v1/suspense');
      expect(body.items.map(({ operationId }: Anything) => operationId)).to.include(id);
    });

    it('does not take money with a balance below zero that moves along', async () => {
      const id = await accepted('/api/v1/number-moves', {
        msisdn: nextNumber('SPB'),
        iccid: await receiveSim(siege.victim),
        customer,
      });
      const before = await booksOf(siege);
      for (const amount of ['-100.00', '0.00', '1.0', 'x']) {
        await answer(id, 'number-move.executed', {
          outcome: 'executed',
          result: {
            ...{ ratePlan: 'BASIC', services: [], currency: 'RUB', billingAccountId: 'b' },
            ...{ retires: 'r', money: { amount, currency: 'RUB' } },
          },
        });
      }
      const { trial } = await booksOf(siege);
      expect(trial).to.deep.equal(before.trial);
      expect((await operationOf(id)).state).to.equal('accepted');
    });

    it('stops no stream by a subscriber that no book can hold', async () => {
      const id = await accepted('/api/v1/number-moves', {
        msisdn: nextNumber('SPB'),
        iccid: await receiveSim(siege.victim),
        customer,
      });
      const whole = { ratePlan: 'BASIC', services: [], currency: 'RUB', retires: 'r' };
      for (const wrong of [
        ...[{ currency: 'roubles' }, { currency: '' }, { currency: 'rub' }],
        ...[{ services: ['A B'] }, { services: [''] }, { ratePlan: 'x'.repeat(100_000) }],
      ]) {
        const result = { ...whole, billingAccountId: 'b', ...wrong };
        await answer(id, 'number-move.executed', { outcome: 'executed', result });
        expect((await operationOf(id)).state, JSON.stringify(wrong).slice(0, 40)).to.equal(
          'accepted',
        );
      }
      expect(await alarmsOf(siege)).to.include('malformed-entry');
    });
  });

  describe('with two histories', () => {
    let suspended: string;

    it('are caught: the stream stops, and no money is paid out any more', async () => {
      suspended = await suspendedPayment();
      const lie = { ...siege.rogue.entry('node.started', { another: 'past' }), seq: 1 };
      siege.rogue.forget();
      const batch = await siege.rogue.batchOf([lie], { first: 1, base: '0'.repeat(64) });
      const answer = await expectRefused(siege, [409, 'forked'], () =>
        siege.rogue.sendBatch(batch),
      );
      expect(answer.body.at).to.equal(1);
      expect(await alarmsOf(siege)).to.include('forked');
      const entry = siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '66.00'));
      await expectRefused(siege, [409, 'forked'], () => siege.rogue.send([entry]));
      const refund = await siege.victim.manager.post(`/api/v1/suspense/${suspended}/refund`);
      expect(refund.status).to.equal(409);
      expect(refund.body.code).to.equal('forked');
    });

    /** NSK refuses a payment for a number that it does not have: its money waits at the siege.victim. */
    async function suspendedPayment(): Promise<string> {
      await siege.federation.stopNode('NSK');
      const taken = await siege.victim.manager.post('/api/v1/payments', {
        msisdn: nextNumber('NSK'),
        ...cash('15.00'),
      });
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      await siege.federation.startNode('NSK');
      await until('its money is in suspense', async () => {
        const { body } = await siege.victim.manager.get('/api/v1/suspense');
        return body.items.some(
          ({ operationId }: Anything) => operationId === taken.body.operationId,
        );
      });
      return taken.body.operationId;
    }

    it('stop nobody else: other peers pay as before', async () => {
      const taken = await siege.federation
        .branch('NSK')
        .manager.post('/api/v1/payments', { msisdn: siege.msisdn, ...cash('25.00') });
      const { operationId: id } = taken.body;
      await until('it is credited', async () =>
        (await answersTo(siege, id)).some(({ kind }) => kind === 'payment.credited'),
      );
    });

    it('are still known after a restart', async () => {
      await siege.federation.stopNode('MSK');
      await siege.federation.startNode('MSK');
      expect(await alarmsOf(siege)).to.include('forked');
    });

    it('fill neither the audit trail nor hide others in it', async () => {
      const before = (await refusalsOf(siege, 'unknown')).length;
      for (let count = 0; count < 100; count += 1) {
        const answer = await siege.rogue.post('/peer/v1/hello', '{');
        expect(answer.status).to.equal(400);
      }
      const answer = await askPeerPort(siege.victim.peerUrl, streamPath, {});
      expect(answer.status).to.equal(403);
      await until('the other is written down', async () => {
        return (await refusalsOf(siege, 'unknown')).length === before + 1;
      });
      const since = (await refusalsOf(siege, 'SPB')).filter(
        ({ subject }) => subject === '/peer/v1/hello',
      );
      expect(since.length).to.be.lessThan(62);
    });

    it('stop no payout any more once their branch is no member', async () => {
      const { manager: victim } = siege.victim;
      const revoked = await siege.federation.hq.manager.post('/api/v1/nodes/SPB/revocation');
      expect(revoked.status, JSON.stringify(revoked.body)).to.be.lessThan(300);
      await until('the money is paid back', async () => {
        await victim.post(`/api/v1/suspense/${suspended}/refund`);
        const { body } = await victim.get(`/api/v1/payments/${suspended}`);
        return body.payout?.state === 'released';
      });
    });
  });
});
