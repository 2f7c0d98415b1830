import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { signActor } from '../../shared/federation/actor.ts';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { actorHeader } from '../../shared/wire/peer-messages.ts';
import type { Answer } from '../support/federation.ts';
import { type Anything, askPeerPort, createRogue, forgedIdentity } from '../support/rogue.ts';
import {
  alarmsOf,
  answersTo,
  booksOf,
  expectRefused,
  layASiege,
  type Siege,
  startsOf,
} from '../support/siege.ts';

const streamPath = '/peer/v1/stream';

describe('hostile peers', function () {
  this.timeout(120_000);
  let siege: Siege;
  let slowHeader: Promise<{ ms: number; text: string }>;

  before(async function () {
    this.timeout(120_000);
    siege = await layASiege();
    slowHeader = trickle();
  });
  after(() => siege.federation.stop());

  /** A connection that sends its head a byte at a time; answers how it ended. */
  async function trickle(): Promise<{ ms: number; text: string }> {
    const { port, hostname: host } = new URL(siege.victim.peerUrl);
    const { tlsKeyPem: key, certPem: cert } = siege.spb;
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

  it('are believed as far as their keys go: what is in order is credited', async () => {
    const operation = siege.rogue.payment(siege.msisdn, '10.00');
    const answer = await siege.rogue.send([siege.rogue.accepted(operation)]);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const { body } = await siege.victim.manager.get(`/api/v1/subscribers/${siege.msisdn}`);
    expect(body.balance.amount).to.equal('610.00');
    const [told] = await answersTo(siege, operation.id);
    expect(told).to.include({ kind: 'payment.credited' });
  });

  describe('who they are', () => {
    const refused = [403, 'peer-refused'] as const;
    const fresh = () => siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '66.00'));
    /** What was built and not taken leaves the rogue's log again. */
    async function sendFresh(build: (entry: Anything) => Promise<Anything>): Promise<Answer> {
      const batch = await build(fresh());
      siege.rogue.forget();
      return siege.rogue.sendBatch(batch);
    }

    it('nobody without a certificate', async () => {
      const body = JSON.stringify(await siege.rogue.batchOf([fresh()]));
      siege.rogue.forget();
      const send = () => askPeerPort(siege.victim.peerUrl, streamPath, { method: 'POST', body });
      await expectRefused(siege, refused, send, 'unknown');
    });

    it('nobody whom another authority calls SPB', async () => {
      const identity = await forgedIdentity('SPB');
      const body = JSON.stringify(await siege.rogue.batchOf([fresh()]));
      siege.rogue.forget();
      const request = { identity, method: 'POST', body };
      await expectRefused(
        siege,
        refused,
        () => askPeerPort(siege.victim.peerUrl, streamPath, request),
        'unknown',
      );
    });

    it('not NSK with the certificate of SPB', async () => {
      const other = createRogue({
        identity: siege.nsk,
        victim: siege.victim,
        previous: await startsOf(siege.victim, 'NSK'),
      });
      const batch = await other.batchOf([other.accepted(other.payment(siege.msisdn, '66.00'))]);
      await expectRefused(siege, refused, () => siege.rogue.sendBatch(batch));
    });

    it('not SPB with the signing key of NSK', async () => {
      const other = createRogue({
        identity: siege.spb,
        victim: siege.victim,
        signAs: siege.nsk,
        previous: [siege.rogue.started],
      });
      const batch = await other.batchOf([other.accepted(other.payment(siege.msisdn, '66.00'))]);
      await expectRefused(siege, refused, () => other.sendBatch(batch));
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
        await expectRefused(siege, refused, () =>
          sendFresh((entry) => siege.rogue.batchOf([entry], changes)),
        );
      });
    }

    for (const algorithm of ['none', 'HS256']) {
      it(`not with a head whose algorithm is ${algorithm}`, async () => {
        await expectRefused(siege, refused, () =>
          sendFresh(async (entry) => {
            const batch = await siege.rogue.batchOf([entry]);
            const [header = '', payload = ''] = batch.head.split('.');
            const known = JSON.parse(Buffer.from(header, 'base64url').toString());
            const text = JSON.stringify({ ...known, alg: algorithm });
            const signed = `${Buffer.from(text).toString('base64url')}.${payload}`;
            // A verifier that trusts the header would take the public key for a shared secret.
            const hmac = createHmac('sha256', String(siege.spb.signingKey.x)).update(signed);
            const signature = algorithm === 'none' ? '' : hmac.digest('base64url');
            return { ...batch, head: `${signed}.${signature}` };
          }),
        );
      });
    }

    it('not with an older start once a newer one has spoken', async () => {
      const older = siege.rogue;
      siege.rogue = createRogue({
        identity: siege.spb,
        victim: siege.victim,
        previous: [older.started],
      });
      const hello = await siege.rogue.send([siege.rogue.entry('node.started', {})]);
      expect(hello.status, JSON.stringify(hello.body)).to.equal(200);
      const entry = older.accepted(older.payment(siege.msisdn, '66.00'));
      await expectRefused(siege, [409, 'stale-start'], () => older.send([entry]));
    });

    it('not with a start that leaves the newest known one out', async () => {
      const other = createRogue({ identity: siege.spb, victim: siege.victim });
      const entry = other.accepted(other.payment(siege.msisdn, '66.00'));
      await expectRefused(siege, [409, 'set-back'], () => other.send([entry]));
    });
  });

  describe('what they send', () => {
    const broken = [409, 'broken-chain'] as const;

    it('is not taken when an entry was changed after signing', async () => {
      const batch = await siege.rogue.batchOf([
        siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '1.00')),
      ]);
      siege.rogue.forget();
      batch.entries[0].body.operation.request.money.amount = '9999.00';
      await expectRefused(siege, broken, () => siege.rogue.sendBatch(batch));
    });

    it('is not taken when an entry was put in or taken out', async () => {
      const entries = [1, 2, 3].map(() =>
        siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '1.00')),
      );
      const batch = await siege.rogue.batchOf(entries);
      siege.rogue.forget(3);
      const [first, second, third] = entries;
      const without = { ...batch, entries: [first, third] };
      await expectRefused(siege, [403, 'peer-refused'], () => siege.rogue.sendBatch(without));
      const swapped = { ...batch, entries: [first, third, second] };
      await expectRefused(siege, broken, () => siege.rogue.sendBatch(swapped));
      const doubled = { ...batch, entries: [first, second, second] };
      await expectRefused(siege, broken, () => siege.rogue.sendBatch(doubled));
    });

    it('is not taken when it skips positions: it hears which one is expected', async () => {
      const next = siege.rogue.position() + 1;
      const batch = await siege.rogue.batchOf(
        [siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '1.00'))],
        {
          first: next + 5,
        },
      );
      siege.rogue.forget();
      const send = () => siege.rogue.sendBatch(batch);
      const answer = await expectRefused(siege, [409, 'unexpected-position'], send);
      expect(answer.body.expected).to.equal(next);
    });

    for (const [what, changes] of [
      ['of another node', { node: 'NSK' }],
      ['of another start', { epoch: 'f'.repeat(32) }],
      ['meant for others', { to: ['NSK'] }],
      ['out of order', { seq: 1 }],
    ] as const) {
      it(`is not taken when an entry is ${what}`, async () => {
        const first = siege.rogue.position() + 1;
        const entry = siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '1.00'), changes);
        const batch = await siege.rogue.batchOf([entry], { first });
        siege.rogue.forget();
        await expectRefused(siege, [403, 'peer-refused'], () => siege.rogue.sendBatch(batch));
      });
    }

    it('has an effect once, however often it is sent', async () => {
      const batch = await siege.rogue.batchOf(
        [siege.rogue.accepted(siege.rogue.payment(siege.msisdn, '5.00'))],
        {},
      );
      const [first] = batch.entries;
      expect((await siege.rogue.send([first])).status).to.equal(200);
      const after = await booksOf(siege);
      for (let again = 0; again < 3; again += 1) {
        const answer = await siege.rogue.sendBatch(batch);
        expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      }
      expect(await booksOf(siege)).to.deep.equal(after);
    });
  });

  describe('what is not even a message', () => {
    const json = (text: string) => () => siege.rogue.post(streamPath, text);
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;

    /** A well-signed batch whose text is changed on the way. */
    async function bodyWith(text: string): Promise<string> {
      const batch = await siege.rogue.batchOf([
        siege.rogue.entry('payment.accepted', { x: 'HERE' }),
      ]);
      siege.rogue.forget();
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
        await expectRefused(siege, [400, 'invalid-input'], json(text));
      });
    }

    for (const [what, text] of [
      ['half a character', '"\\ud800"'],
      ['a number beyond all numbers', '1e999'],
      ['depth without end', deep],
    ] as const) {
      it(`is refused: ${what}`, async () => {
        const body = await bodyWith(text);
        await expectRefused(siege, [400, 'invalid-input'], () =>
          siege.rogue.post(streamPath, body),
        );
      });
    }

    it('is refused: a gzip that is none, a bomb, more than the limit', async () => {
      const gzip = { 'content-encoding': 'gzip' };
      await expectRefused(siege, [400, 'invalid-input'], () =>
        siege.rogue.post(streamPath, 'plain', gzip),
      );
      const bomb = gzipSync(Buffer.alloc(33 * 1024 * 1024));
      await expectRefused(siege, [413, 'body-too-large'], () =>
        siege.rogue.post(streamPath, bomb, gzip),
      );
      const declared = { 'content-length': String(9 * 1024 * 1024) };
      await expectRefused(siege, [413, 'body-too-large'], () =>
        siege.rogue.post(streamPath, '{', declared),
      );
    });

    it('is refused: a hello and a recovery request of somebody else', async () => {
      const hello = { node: 'NSK', codeVersion: '0', release: 1 };
      for (const path of ['/peer/v1/hello', '/peer/v1/recovery']) {
        const send = () => siege.rogue.post(path, JSON.stringify(hello));
        await expectRefused(siege, [403, 'peer-refused'], send);
      }
    });
  });

  async function sayHello(more: object = {}): Promise<void> {
    const { rogue } = siege;
    const hello = {
      ...{ node: rogue.code, codeVersion: '0', release: 1, started: rogue.started, previous: [] },
      ...{ head: { epoch: rogue.started, seq: rogue.position() }, recovering: false, behind: {} },
      ...{ at: new Date().toISOString(), ...more },
    };
    const answer = await rogue.post('/peer/v1/hello', JSON.stringify(hello));
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
  }

  it('cannot talk a node into recovery: that it was set back needs its own signature', async () => {
    const { rogue, victim } = siege;
    const forged = await rogue.batchOf([rogue.entry('node.started', {})], {
      head: { from: victim.code, to: rogue.code, position: 10_000 },
    });
    rogue.forget();
    for (const head of [undefined, forged.head]) {
      await sayHello({ holds: { epoch: 'f'.repeat(32), position: 10_000, head } });
    }
    const { body } = await victim.manager.get('/api/v1/recovery');
    expect(body.recovering).to.equal(false);
    expect(await alarmsOf(siege)).to.include('unproven-set-back');
  });

  describe('the people they name', () => {
    const operator = { operator: 'o-1', name: 'Rogue', permissions: ['payment.take'] };
    const pathOf = (number = siege.msisdn) => `/peer/v1/subscribers/${number}/payability`;

    async function assertion(
      path: string,
      { as = siege.spb, to = 'MSK' }: { as?: NodeIdentity; to?: string } = {},
    ): Promise<string> {
      const signer = createSigner(as);
      const deps = { signer, clock: systemClock, ids: systemIds };
      const request = { method: 'GET', path };
      return signActor(deps, { to: to as NodeCode, actor: operator, request });
    }
    const ask = (path: string, jws?: string) => () =>
      askPeerPort(siege.victim.peerUrl, path, {
        identity: siege.spb,
        headers: jws === undefined ? {} : { [actorHeader]: jws },
      });

    it('ask once with one assertion', async () => {
      const jws = await assertion(pathOf());
      expect((await ask(pathOf(), jws)()).status).to.equal(200);
      await expectRefused(siege, [409, 'replayed'], ask(pathOf(), jws));
    });

    it('ask only what was signed, of whom it was signed for, in their own name', async () => {
      const refused = [403, 'peer-refused'] as const;
      await expectRefused(siege, refused, ask(pathOf('79250000099'), await assertion(pathOf())));
      await expectRefused(siege, refused, ask(`${pathOf()}?x=1`, await assertion(pathOf())));
      await expectRefused(siege, refused, ask(pathOf(), await assertion(pathOf(), { to: 'NSK' })));
      await expectRefused(
        siege,
        refused,
        ask(pathOf(), await assertion(pathOf(), { as: siege.nsk })),
      );
      await expectRefused(siege, refused, ask(pathOf(), 'e30.e30.e30'));
      await expectRefused(siege, refused, ask(pathOf()));
    });

    it('may not look at what they have no permission for', async () => {
      const path = `/peer/v1/subscribers/${siege.msisdn}`;
      const answer = await ask(path, await assertion(path))();
      expect(answer.status).to.equal(403);
      expect(answer.body.code).to.equal('not-permitted');
    });
  });

  describe('that are slow', () => {
    it('cannot hold a connection open: a head that never ends is cut off', async () => {
      const { ms, text } = await slowHeader;
      expect(ms).to.be.lessThan(60_000);
      expect(text).to.match(/^HTTP\/1\.1 408|^$/);
    }).timeout(120_000);
  });

  describe('that do not say what they hold of a new start', () => {
    it('tell it nothing but their own starts', async () => {
      const { federation, rogue, msisdn } = siege;
      await federation.stopNode('MSK');
      await federation.startNode('MSK');
      const before = await booksOf(siege);
      const entry = rogue.accepted(rogue.payment(msisdn, '4.00'));
      await sayHello();
      const early = await rogue.send([entry]);
      expect(early.status).to.equal(200);
      expect(early.body.position).to.equal(before.position);
      expect(await booksOf(siege)).to.deep.equal(before);
      const started = createRogue({
        ...{ identity: siege.spb, victim: siege.victim },
        previous: await startsOf(siege.victim, 'SPB'),
      });
      const start = await started.send([started.entry('node.started', { codeVersion: '0' })]);
      expect(start.body.position, JSON.stringify(start.body)).to.equal(1);
    });
  });
});
