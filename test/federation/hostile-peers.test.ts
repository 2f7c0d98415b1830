import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { signActor } from '../../shared/federation/actor.ts';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { entriesOfOperation } from '../../shared/federation/log-store.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { actorHeader } from '../../shared/wire/peer-messages.ts';
import {
  type Answer,
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  type TestNode,
  until,
} from '../support/federation.ts';
import {
  type Anything,
  askPeerPort,
  createRogue,
  forgedIdentity,
  type Rogue,
  stolenIdentity,
} from '../support/rogue.ts';

const streamPath = '/peer/v1/stream';

describe('hostile peers', function () {
  this.timeout(20_000);
  let federation: TestFederation;
  let victim: TestNode;
  let msisdn: string;
  /** Stolen: SPB itself is off, NSK goes on as an honest node. */
  let spb: NodeIdentity;
  let nsk: NodeIdentity;
  let rogue: Rogue;
  let slowHeader: Promise<{ ms: number; text: string }>;

  before(async function () {
    this.timeout(60_000);
    federation = await startFederation();
    victim = federation.branch('MSK');
    spb = await stolenIdentity(federation.branch('SPB'));
    nsk = await stolenIdentity(federation.branch('NSK'));
    msisdn = await registerSubscriber(victim);
    for (const code of ['SPB', 'NSK', 'MSK']) {
      const { manager } = federation.branch(code);
      await manager.post('/api/v1/payments', { msisdn, ...cash('200.00') });
    }
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    rogue = createRogue({ identity: spb, victim, previous: await startsOf('SPB') });
    const first = await rogue.send([rogue.entry('node.started', { codeVersion: '0' })]);
    expect(first.status, JSON.stringify(first.body)).to.equal(200);
    slowHeader = trickle();
  });
  after(() => federation.stop());

  /** The starts of a peer that the victim has heard of, the newest first. */
  async function startsOf(code: string): Promise<string[]> {
    const { body } = await victim.manager.get('/api/v1/streams');
    const stream = body.items.find(({ peer }: Anything) => peer === code);
    return (stream?.inbound ?? []).map(({ epoch }: Anything) => epoch);
  }

  /** A connection that sends its head a byte at a time; answers how it ended. */
  async function trickle(): Promise<{ ms: number; text: string }> {
    const { port, hostname: host } = new URL(victim.peerUrl);
    const { tlsKeyPem: key, certPem: cert } = spb;
    const options = { port: Number(port), host, key, cert, rejectUnauthorized: false };
    const socket = connect(options);
    const startedMs = performance.now();
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    socket.on('error', () => {});
    socket.write(`POST ${streamPath} HTTP/1.1\r\nHost: msk\r\n`);
    const drip = setInterval(() => socket.write('X'), 500);
    await once(socket, 'close');
    clearInterval(drip);
    return { ms: performance.now() - startedMs, text };
  }

  const books = async () => ({
    trial: (await victim.manager.get('/api/v1/trial-balance')).body,
    subscriber: (await victim.manager.get(`/api/v1/subscribers/${msisdn}`)).body.balance,
    position: (await victim.manager.get('/api/v1/streams')).body.items
      .find(({ peer }: Anything) => peer === 'SPB')
      .inbound.find(({ epoch }: Anything) => epoch === rogue.started)?.position,
  });

  const refusals = async (caller: string): Promise<Anything[]> => {
    const path = `/api/v1/audit?action=peer.refuse&actor=${caller}&limit=200`;
    return (await victim.manager.get(path)).body.items;
  };

  const alarms = async (): Promise<string> =>
    (await victim.manager.get('/readyz')).body.checks.alarms.detail ?? '';

  /** Refused with this status and code, written down, and nothing else happened. */
  async function expectRefused(
    [status, code]: readonly [number, string],
    send: () => Promise<Answer>,
    caller = 'SPB',
  ): Promise<Answer> {
    const booksBefore = await books();
    const before = (await refusals(caller)).length;
    const answer = await send();
    expect(answer.status, JSON.stringify(answer.body)).to.equal(status);
    expect(answer.body.code).to.equal(code);
    await until('the refusal is in the audit trail', async () => {
      return (await refusals(caller)).length === before + 1;
    });
    const [newest] = await refusals(caller);
    expect(newest).to.include({ action: 'peer.refuse', outcome: 'denied' });
    expect(newest.detail.code).to.equal(code);
    expect(await books()).to.deep.equal(booksBefore);
    return answer;
  }

  /** What the victim answered about an operation. */
  async function answersTo(id: string): Promise<Anything[]> {
    const rows = await federation.running('MSK').store.read((tx) => entriesOfOperation(tx, id));
    return rows.map(({ entry }) => JSON.parse(entry));
  }

  it('are believed as far as their keys go: what is in order is credited', async () => {
    const operation = rogue.payment(msisdn, '10.00');
    const answer = await rogue.send([rogue.accepted(operation)]);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const { body } = await victim.manager.get(`/api/v1/subscribers/${msisdn}`);
    expect(body.balance.amount).to.equal('610.00');
    const [told] = await answersTo(operation.id);
    expect(told).to.include({ kind: 'payment.credited' });
  });

  describe('who they are', () => {
    const refused = [403, 'peer-refused'] as const;
    const fresh = () => rogue.accepted(rogue.payment(msisdn, '66.00'));
    /** What was built and not taken leaves the rogue's log again. */
    async function sendFresh(build: (entry: Anything) => Promise<Anything>): Promise<Answer> {
      const batch = await build(fresh());
      rogue.forget();
      return rogue.sendBatch(batch);
    }

    it('nobody without a certificate', async () => {
      const body = JSON.stringify(await rogue.batchOf([fresh()]));
      rogue.forget();
      const send = () => askPeerPort(victim.peerUrl, streamPath, { method: 'POST', body });
      await expectRefused(refused, send, 'unknown');
    });

    it('nobody whom another authority calls SPB', async () => {
      const identity = await forgedIdentity('SPB');
      const body = JSON.stringify(await rogue.batchOf([fresh()]));
      rogue.forget();
      const request = { identity, method: 'POST', body };
      await expectRefused(
        refused,
        () => askPeerPort(victim.peerUrl, streamPath, request),
        'unknown',
      );
    });

    it('not NSK with the certificate of SPB', async () => {
      const other = createRogue({ identity: nsk, victim, previous: await startsOf('NSK') });
      const batch = await other.batchOf([other.accepted(other.payment(msisdn, '66.00'))]);
      await expectRefused(refused, () => rogue.sendBatch(batch));
    });

    it('not SPB with the signing key of NSK', async () => {
      const other = createRogue({ identity: spb, victim, signAs: nsk, previous: [rogue.started] });
      const batch = await other.batchOf([other.accepted(other.payment(msisdn, '66.00'))]);
      await expectRefused(refused, () => other.sendBatch(batch));
    });

    for (const [what, changes] of [
      ['a stream meant for another node', { head: { to: 'NSK' }, batch: { to: 'NSK' } }],
      ['the head of another stream', { head: { to: 'NSK' } }],
      ['the head of another start', { head: { epoch: randomBytes(16).toString('hex') } }],
      ['the head of another sender', { head: { from: 'NSK' } }],
      ['a head that is signed for another purpose', { typ: 'sbms-actor+jws' }],
      ['a head that ends elsewhere', { head: { position: 999 } }],
      ['a head that is no head', { head: { position: 'all' } }],
    ] as const) {
      it(`not with ${what}`, async () => {
        await expectRefused(refused, () => sendFresh((entry) => rogue.batchOf([entry], changes)));
      });
    }

    for (const algorithm of ['none', 'HS256']) {
      it(`not with a head whose algorithm is ${algorithm}`, async () => {
        await expectRefused(refused, () =>
          sendFresh(async (entry) => {
            const batch = await rogue.batchOf([entry]);
            const [header = '', payload = ''] = batch.head.split('.');
            const known = JSON.parse(Buffer.from(header, 'base64url').toString());
            const text = JSON.stringify({ ...known, alg: algorithm });
            const signed = `${Buffer.from(text).toString('base64url')}.${payload}`;
            // A verifier that trusts the header would take the public key for a shared secret.
            const hmac = createHmac('sha256', String(spb.signingKey.x)).update(signed);
            const signature = algorithm === 'none' ? '' : hmac.digest('base64url');
            return { ...batch, head: `${signed}.${signature}` };
          }),
        );
      });
    }

    it('not with an older start once a newer one has spoken', async () => {
      const older = rogue;
      rogue = createRogue({ identity: spb, victim, previous: [older.started] });
      const hello = await rogue.send([rogue.entry('node.started', {})]);
      expect(hello.status, JSON.stringify(hello.body)).to.equal(200);
      const entry = older.accepted(older.payment(msisdn, '66.00'));
      await expectRefused([409, 'stale-start'], () => older.send([entry]));
    });

    it('not with a start that leaves the newest known one out', async () => {
      const other = createRogue({ identity: spb, victim });
      const entry = other.accepted(other.payment(msisdn, '66.00'));
      await expectRefused([409, 'set-back'], () => other.send([entry]));
    });
  });

  describe('what they send', () => {
    const broken = [409, 'broken-chain'] as const;

    it('is not taken when an entry was changed after signing', async () => {
      const batch = await rogue.batchOf([rogue.accepted(rogue.payment(msisdn, '1.00'))]);
      rogue.forget();
      batch.entries[0].body.operation.request.money.amount = '9999.00';
      await expectRefused(broken, () => rogue.sendBatch(batch));
    });

    it('is not taken when an entry was put in or taken out', async () => {
      const entries = [1, 2, 3].map(() => rogue.accepted(rogue.payment(msisdn, '1.00')));
      const batch = await rogue.batchOf(entries);
      rogue.forget(3);
      const [first, second, third] = entries;
      const without = { ...batch, entries: [first, third] };
      await expectRefused([403, 'peer-refused'], () => rogue.sendBatch(without));
      const swapped = { ...batch, entries: [first, third, second] };
      await expectRefused(broken, () => rogue.sendBatch(swapped));
      const doubled = { ...batch, entries: [first, second, second] };
      await expectRefused(broken, () => rogue.sendBatch(doubled));
    });

    it('is not taken when it skips positions: it hears which one is expected', async () => {
      const next = rogue.position() + 1;
      const batch = await rogue.batchOf([rogue.accepted(rogue.payment(msisdn, '1.00'))], {
        first: next + 5,
      });
      rogue.forget();
      const send = () => rogue.sendBatch(batch);
      const answer = await expectRefused([409, 'unexpected-position'], send);
      expect(answer.body.expected).to.equal(next);
    });

    for (const [what, changes] of [
      ['of another node', { node: 'NSK' }],
      ['of another start', { epoch: 'f'.repeat(32) }],
      ['meant for others', { to: ['NSK'] }],
      ['out of order', { seq: 1 }],
    ] as const) {
      it(`is not taken when an entry is ${what}`, async () => {
        const first = rogue.position() + 1;
        const entry = rogue.accepted(rogue.payment(msisdn, '1.00'), changes);
        const batch = await rogue.batchOf([entry], { first });
        rogue.forget();
        await expectRefused([403, 'peer-refused'], () => rogue.sendBatch(batch));
      });
    }

    it('has an effect once, however often it is sent', async () => {
      const batch = await rogue.batchOf([rogue.accepted(rogue.payment(msisdn, '5.00'))], {});
      const [first] = batch.entries;
      expect((await rogue.send([first])).status).to.equal(200);
      const after = await books();
      for (let again = 0; again < 3; again += 1) {
        const answer = await rogue.sendBatch(batch);
        expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      }
      expect(await books()).to.deep.equal(after);
    });
  });

  describe('what is not even a message', () => {
    const json = (text: string) => () => rogue.post(streamPath, text);
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;

    /** A well-signed batch whose text is changed on the way. */
    async function bodyWith(text: string): Promise<string> {
      const batch = await rogue.batchOf([rogue.entry('payment.accepted', { x: 'HERE' })]);
      rogue.forget();
      return JSON.stringify(batch).replace('"HERE"', text);
    }

    for (const [what, text] of [
      ['text', 'not json'],
      ['nothing', ''],
      ['null', 'null'],
      ['an array', '[]'],
      ['a number', '1e999'],
      ['broken UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('latin1')],
    ] as const) {
      it(`is refused: ${what}`, async () => {
        await expectRefused([400, 'invalid-input'], json(text));
      });
    }

    for (const [what, text] of [
      ['half a character', '"\\ud800"'],
      ['a number beyond all numbers', '1e999'],
      ['depth without end', deep],
    ] as const) {
      it(`is refused: ${what}`, async () => {
        const body = await bodyWith(text);
        await expectRefused([400, 'invalid-input'], () => rogue.post(streamPath, body));
      });
    }

    it('is refused: a gzip that is none, a bomb, more than the limit', async () => {
      const gzip = { 'content-encoding': 'gzip' };
      await expectRefused([400, 'invalid-input'], () => rogue.post(streamPath, 'plain', gzip));
      const bomb = gzipSync(Buffer.alloc(33 * 1024 * 1024));
      await expectRefused([413, 'body-too-large'], () => rogue.post(streamPath, bomb, gzip));
      const declared = { 'content-length': String(9 * 1024 * 1024) };
      await expectRefused([413, 'body-too-large'], () => rogue.post(streamPath, '{', declared));
    });

    it('is refused: a hello and a recovery request of somebody else', async () => {
      const hello = { node: 'NSK', codeVersion: '0', release: 1 };
      for (const path of ['/peer/v1/hello', '/peer/v1/recovery']) {
        const send = () => rogue.post(path, JSON.stringify(hello));
        await expectRefused([403, 'peer-refused'], send);
      }
    });
  });

  describe('the people they name', () => {
    const operator = { operator: 'o-1', name: 'Rogue', permissions: ['payment.take'] };
    const pathOf = (number = msisdn) => `/peer/v1/subscribers/${number}/payability`;

    async function assertion(
      path: string,
      { as = spb, to = 'MSK' }: { as?: NodeIdentity; to?: string } = {},
    ): Promise<string> {
      const signer = createSigner(as);
      const deps = { signer, clock: systemClock, ids: systemIds };
      const request = { method: 'GET', path };
      return signActor(deps, { to: to as NodeCode, actor: operator, request });
    }
    const ask = (path: string, jws?: string) => () =>
      askPeerPort(victim.peerUrl, path, {
        identity: spb,
        headers: jws === undefined ? {} : { [actorHeader]: jws },
      });

    it('ask once with one assertion', async () => {
      const jws = await assertion(pathOf());
      expect((await ask(pathOf(), jws)()).status).to.equal(200);
      await expectRefused([409, 'replayed'], ask(pathOf(), jws));
    });

    it('ask only what was signed, of whom it was signed for, in their own name', async () => {
      const refused = [403, 'peer-refused'] as const;
      await expectRefused(refused, ask(pathOf('79250000099'), await assertion(pathOf())));
      await expectRefused(refused, ask(`${pathOf()}?x=1`, await assertion(pathOf())));
      await expectRefused(refused, ask(pathOf(), await assertion(pathOf(), { to: 'NSK' })));
      await expectRefused(refused, ask(pathOf(), await assertion(pathOf(), { as: nsk })));
      await expectRefused(refused, ask(pathOf(), 'e30.e30.e30'));
      await expectRefused(refused, ask(pathOf()));
    });

    it('may not look at what they have no permission for', async () => {
      const path = `/peer/v1/subscribers/${msisdn}`;
      const answer = await ask(path, await assertion(path))();
      expect(answer.status).to.equal(403);
      expect(answer.body.code).to.equal('not-permitted');
    });
  });

  describe('well signed, and wrong', () => {
    /** Taken, answered with a refusal of the victim's own, and nothing is booked. */
    async function expectAnswered(operation: Anything, reason: string, kind = 'payment') {
      const before = await books();
      const entry = rogue.entry(`${kind}.accepted`, { operation, details: {} });
      const answer = await rogue.send([entry]);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const told = (await answersTo(operation.id)).at(-1);
      expect(told).to.include({ kind: `${kind}.refused` });
      expect(told.to).to.include('SPB');
      expect(told.body.decision).to.include({ outcome: 'refused', reason });
      const after = await books();
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
        const operation = rogue.payment(msisdn, amount);
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
      ['the victim as serving branch', { serving: 'MSK' }, 'peer-refused'],
      ['another kind than its entry', { kind: 'number-move' }, 'peer-refused'],
      ['a kind that nobody knows', { kind: 'gift' }, 'peer-refused'],
      ['a number that nobody has', { msisdn: '79250009999' }, 'unknown-number'],
    ] as const) {
      it(`a payment with ${what} is refused`, async () => {
        await expectAnswered(rogue.payment(msisdn, '5.00', changes), reason);
      });
    }

    it('a payment is executed once, whatever attempt it says to be', async () => {
      const operation = rogue.payment(msisdn, '7.00');
      expect((await rogue.send([rogue.accepted(operation)])).status).to.equal(200);
      const after = await books();
      const again = rogue.accepted({ ...operation, attempt: 2 });
      expect((await rogue.send([again])).status).to.equal(200);
      expect(await books()).to.deep.equal({ ...after, position: after.position + 1 });
    });

    it("another branch's payment is neither sent nor cancelled in its place", async () => {
      const taken = await federation
        .branch('NSK')
        .manager.post('/api/v1/payments', { msisdn, ...cash('20.00') });
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      const { operationId: id } = taken.body;
      await until('it is credited', async () => (await answersTo(id)).length > 0);
      await expectAnswered(rogue.payment(msisdn, '20.00', { id }), 'peer-refused');
      await expectAnswered(cancellation(id, '20.00'), 'peer-refused', 'payment-cancellation');
    });

    function cancellation(payment: string, amount: string): Anything {
      const request = { payment, money: { amount, currency: 'RUB' }, reason: 'wrong' };
      return rogue.payment(msisdn, '1.00', { kind: 'payment-cancellation', request });
    }

    it('a payment is cancelled once, and not for another sum', async () => {
      const operation = rogue.payment(msisdn, '30.00');
      expect((await rogue.send([rogue.accepted(operation)])).status).to.equal(200);
      const kind = 'payment-cancellation';
      for (const [amount, reason] of [
        ['300.00', 'operation-conflict'],
        ['29.99', 'operation-conflict'],
        ['-30.00', 'invalid-input'],
      ] as const) {
        await expectAnswered(cancellation(operation.id, amount), reason, kind);
      }
      const before = (await books()).subscriber.amount;
      const proper = cancellation(operation.id, '30.00');
      const entry = rogue.entry(`${kind}.accepted`, { operation: proper, details: {} });
      expect((await rogue.send([entry])).status).to.equal(200);
      expect(Number((await books()).subscriber.amount)).to.equal(Number(before) - 30);
      await expectAnswered(cancellation(operation.id, '30.00'), 'already-cancelled', kind);
    });

    it("an answer to nobody's question changes nothing", async () => {
      const before = await books();
      const operation = rogue.payment(msisdn, '5.00', { serving: 'MSK', home: 'SPB' });
      const decision = { outcome: 'executed', result: { account: 'x' } };
      const entry = rogue.entry('payment.credited', { operation, decision, details: {} });
      expect((await rogue.send([entry])).status).to.equal(200);
      expect(await books()).to.deep.equal({ ...before, position: before.position + 1 });
      expect(await alarms()).to.include('unknown-operation');
    });

    it('what cannot be read at all is kept and reported, and the next entry is applied', async () => {
      const before = await books();
      const operation = rogue.payment(msisdn, '3.00');
      const entries = [
        rogue.entry('payment.accepted', {}),
        rogue.entry('payment.accepted', { operation: 'none', details: [] }),
        rogue.entry('payment.credited', { operation, decision: { outcome: 'maybe' } }),
        rogue.accepted({ ...operation, id: 'x'.repeat(65) }),
        rogue.accepted({ ...operation, msisdn: '+7' }),
        rogue.accepted({ ...operation, attempt: 10 }),
        rogue.accepted({ ...operation, businessDate: '2025-02-30' }),
        rogue.entry('settlement.completed', { settlementId: 5 }),
        rogue.accepted(operation),
      ];
      const answer = await rogue.send(entries);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const after = await books();
      expect(after.position).to.equal(before.position + entries.length);
      expect(Number(after.subscriber.amount)).to.equal(Number(before.subscriber.amount) + 3);
      expect(await alarms()).to.include('malformed-entry');
    });

    it('what head office alone may say counts for nothing', async () => {
      const before = await books();
      const at = new Date(0).toISOString();
      const answer = await rogue.send([
        rogue.entry('case.opened', {
          ...{ caseId: 'c-1', kind: 'leg-missing', subject: 's', branches: ['MSK'] },
          ...{ detail: 'd', openedAt: at },
        }),
        rogue.entry('settlement.completed', {
          ...{ settlementId: 's-1', currency: 'RUB', model: 'multilateral', windows: ['w'] },
          ...{ madeBy: 'a', approvedBy: 'b', completedAt: at, positions: [] },
        }),
      ]);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      const cases = (await victim.manager.get('/api/v1/cases')).body.items;
      expect(cases.map(({ id }: Anything) => id)).not.to.include('c-1');
      expect((await victim.manager.get('/api/v1/settlements')).body.items).to.deep.equal([]);
      expect((await books()).trial).to.deep.equal(before.trial);
    });

    it('a kind that nobody knows is kept and reported, and the next entry is applied', async () => {
      const before = await books();
      const entries = [
        rogue.entry('future.happened', { anything: [1, { at: 'all' }] }),
        rogue.accepted(rogue.payment(msisdn, '2.00')),
      ];
      const answer = await rogue.send(entries);
      expect(answer.body).to.deep.equal({ epoch: rogue.started, position: rogue.position() });
      const after = await books();
      expect(Number(after.subscriber.amount)).to.equal(Number(before.subscriber.amount) + 2);
      expect(await alarms()).to.include('unknown-kind');
    });
  });

  describe('as a home branch', () => {
    const operationOf = async (id: string): Promise<Anything> =>
      (await victim.manager.get(`/api/v1/operations/${id}`)).body;

    /** The rogue's answer to an operation that the victim accepted for its branch. */
    async function answer(id: string, kind: string, decision: Anything): Promise<void> {
      const [asked] = await answersTo(id);
      const { operation } = asked.body;
      const entry = rogue.entry(kind, { operation, decision, details: {} });
      const sent = await rogue.send([entry]);
      expect(sent.status, JSON.stringify(sent.body)).to.equal(200);
    }

    async function accepted(path: string, body: object): Promise<string> {
      const taken = await victim.manager.post(path, body);
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
      const { body } = await victim.manager.get('/api/v1/suspense');
      expect(body.items.map(({ operationId }: Anything) => operationId)).to.include(id);
    });

    it('does not take money with a balance below zero that moves along', async () => {
      const id = await accepted('/api/v1/number-moves', {
        msisdn: nextNumber('SPB'),
        iccid: await receiveSim(victim),
        customer,
      });
      const before = await books();
      for (const amount of ['-100.00', '0.00', '1.0', 'x']) {
        await answer(id, 'number-move.executed', {
          outcome: 'executed',
          result: {
            ...{ ratePlan: 'BASIC', services: [], currency: 'RUB', billingAccountId: 'b' },
            ...{ retires: 'r', money: { amount, currency: 'RUB' } },
          },
        });
      }
      const { trial } = await books();
      expect(trial).to.deep.equal(before.trial);
      expect((await operationOf(id)).state).to.equal('accepted');
    });
  });

  describe('with two histories', () => {
    it('are caught: the stream stops, and no money is paid out any more', async () => {
      const suspended = await suspendedPayment();
      const lie = { ...rogue.entry('node.started', { another: 'past' }), seq: 1 };
      rogue.forget();
      const batch = await rogue.batchOf([lie], { first: 1, base: '0'.repeat(64) });
      const answer = await expectRefused([409, 'forked'], () => rogue.sendBatch(batch));
      expect(answer.body.at).to.equal(1);
      expect(await alarms()).to.include('forked');
      const entry = rogue.accepted(rogue.payment(msisdn, '66.00'));
      await expectRefused([409, 'forked'], () => rogue.send([entry]));
      const refund = await victim.manager.post(`/api/v1/suspense/${suspended}/refund`);
      expect(refund.status).to.equal(409);
      expect(refund.body.code).to.equal('forked');
    });

    /** NSK refuses a payment for a number that it does not have: its money waits at the victim. */
    async function suspendedPayment(): Promise<string> {
      await federation.stopNode('NSK');
      const taken = await victim.manager.post('/api/v1/payments', {
        msisdn: nextNumber('NSK'),
        ...cash('15.00'),
      });
      expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
      await federation.startNode('NSK');
      await until('its money is in suspense', async () => {
        const { body } = await victim.manager.get('/api/v1/suspense');
        return body.items.some(
          ({ operationId }: Anything) => operationId === taken.body.operationId,
        );
      });
      return taken.body.operationId;
    }

    it('stop nobody else: other peers pay as before', async () => {
      const taken = await federation
        .branch('NSK')
        .manager.post('/api/v1/payments', { msisdn, ...cash('25.00') });
      const { operationId: id } = taken.body;
      await until('it is credited', async () =>
        (await answersTo(id)).some(({ kind }) => kind === 'payment.credited'),
      );
    });

    it('are still known after a restart', async () => {
      await federation.stopNode('MSK');
      await federation.startNode('MSK');
      expect(await alarms()).to.include('forked');
    });

    it('fill neither the audit trail nor hide others in it', async () => {
      const before = (await refusals('unknown')).length;
      for (let count = 0; count < 100; count += 1) {
        const answer = await rogue.post('/peer/v1/hello', '{');
        expect(answer.status).to.equal(400);
      }
      const answer = await askPeerPort(victim.peerUrl, streamPath, {});
      expect(answer.status).to.equal(403);
      await until('the other is written down', async () => {
        return (await refusals('unknown')).length === before + 1;
      });
      const since = (await refusals('SPB')).filter(({ subject }) => subject === '/peer/v1/hello');
      expect(since.length).to.be.lessThan(62);
    });
  });

  describe('that are slow', () => {
    it('cannot hold a connection open: a head that never ends is cut off', async () => {
      const { ms, text } = await slowHeader;
      expect(ms).to.be.lessThan(15_000);
      expect(text).to.match(/^HTTP\/1\.1 408|^$/);
    }).timeout(30_000);
  });
});
