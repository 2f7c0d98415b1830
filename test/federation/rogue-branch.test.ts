import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { expect } from 'chai';
import { createSigner } from '../../shared/federation/signing.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import { factSha256 } from '../../shared/wire/fact.ts';
import { recoveryType } from '../../shared/wire/peer-messages.ts';
import { cash, nextNumber, until } from '../support/federation.ts';
import { type Anything, createRogue, type Rogue } from '../support/rogue.ts';
import { alarmsOf, answersTo, layASiege, type Siege, startsOf } from '../support/siege.ts';

describe('a branch that went rogue', function () {
  this.timeout(180_000);
  let siege: Siege;
  /** The same rogue, as it speaks to head office. */
  let toHeadOffice: Rogue;
  let recoveryServer: Server | undefined;

  before(async function () {
    this.timeout(180_000);
    siege = await layASiege();
    const { hq } = siege.federation;
    toHeadOffice = createRogue({
      identity: siege.spb,
      victim: hq,
      previous: await startsOf(hq, 'SPB'),
    });
    const answer = await toHeadOffice.send([toHeadOffice.entry('node.started', {})]);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
  });
  after(async () => {
    recoveryServer?.closeAllConnections();
    recoveryServer?.close();
    await siege.federation.stop();
  });

  const cases = async (): Promise<Anything[]> =>
    (await siege.federation.hq.manager.get('/api/v1/cases')).body.items;
  const casesOf = async (kind: string) => (await cases()).filter((each) => each.kind === kind);

  async function tell(rogue: Rogue, entry: Anything): Promise<void> {
    const answer = await rogue.send([entry]);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
  }

  async function paidAt(code: string): Promise<string> {
    const { manager } = siege.federation.branch(code);
    const taken = await manager.post('/api/v1/payments', {
      msisdn: siege.msisdn,
      ...cash('20.00'),
    });
    expect(taken.status, JSON.stringify(taken.body)).to.equal(201);
    return taken.body.operationId;
  }

  it('cannot cancel a payment of another branch before it comes', async () => {
    const id = 'aaaaaaaa-0000-7000-8000-00000000000a';
    const request = { payment: id, money: { amount: '20.00', currency: 'RUB' }, reason: 'x' };
    const operation = siege.rogue.payment(siege.msisdn, '1.00', {
      ...{ kind: 'payment-cancellation', request },
    });
    const kind = 'payment-cancellation.accepted';
    await tell(siege.rogue, siege.rogue.entry(kind, { operation, details: {} }));
    const { store, operations } = siege.federation.running('NSK');
    const draft = { id, kind: 'payment', msisdn: siege.msisdn, request: cash('20.00') };
    const actor = { id: 'o-1', name: 'Operator' };
    await store.write((tx) => operations.accept(tx, { ...draft, actor }));
    await until('it is credited', async () =>
      (await answersTo(siege, id)).some((entry) => entry.kind === 'payment.credited'),
    );
  });

  it('can cancel a payment of its own before it comes', async () => {
    const operation = siege.rogue.payment(siege.msisdn, '20.00');
    const request = { ...operation.request, payment: operation.id, reason: 'x' };
    const { tender: _, ...wanted } = request;
    const kind = 'payment-cancellation';
    const cancellation = siege.rogue.payment(siege.msisdn, '20.00', { kind, request: wanted });
    const body = { operation: cancellation, details: {} };
    await tell(siege.rogue, siege.rogue.entry(`${kind}.accepted`, body));
    await tell(siege.rogue, siege.rogue.accepted(operation));
    const [answer] = await answersTo(siege, operation.id);
    expect(answer).to.include({ kind: 'payment.refused' });
    expect(answer.body.decision.reason).to.equal('already-cancelled');
  });

  it('cannot bring an honest operation into a case: the case is about the rogue', async () => {
    const id = await paidAt('NSK');
    await until('it is matched', async () => (await stateOf(id)) === 'matched');
    const [first] = await answersTo(siege, id);
    const { operation } = first.body;
    const entry = (kind: string, body: Anything) =>
      toHeadOffice.entry(kind, { operation, details: {}, ...body });
    await tell(toHeadOffice, entry('payment.accepted', {}));
    const decision = { outcome: 'refused', reason: 'unknown-number' };
    await tell(toHeadOffice, entry('payment.refused', { decision }));
    const claim = { operation: { ...operation, serving: 'SPB' } };
    await tell(toHeadOffice, entry('payment.accepted', claim));
    expect(await stateOf(id)).to.equal('matched');
    const found = await casesOf('stranger-leg');
    expect(found.map(({ branches }) => branches)).to.deep.equal([['SPB']]);
    expect(await casesOf('legs-differ')).to.deep.equal([]);
  });

  async function stateOf(id: string): Promise<string | undefined> {
    const { store } = siege.federation.centre();
    const row = await store.read((tx) =>
      tx.get<{ state: string }>(
        'SELECT state FROM collected_operations WHERE operation_id = ?',
        id,
      ),
    );
    return row?.state;
  }

  it('is caught when it tells its partner another story than head office', async () => {
    const operation = siege.rogue.payment(siege.msisdn, '8.00');
    const toPartner = siege.rogue.accepted(operation);
    await tell(siege.rogue, toPartner);
    const actor = { id: 'somebody', name: 'Somebody else' };
    await tell(toHeadOffice, toHeadOffice.accepted({ ...operation, actor }));
    await until('it is a case', async () => (await casesOf('two-histories')).length === 1);
    const [decided] = await answersTo(siege, operation.id);
    expect(decided.body.details.accepted).to.equal(factSha256(toPartner));
    const [found] = await casesOf('two-histories');
    expect(found.branches).to.have.members(['SPB', 'MSK']);
  });

  it('cannot poison the recovery of another', async () => {
    const { federation, victim } = siege;
    const backup = await federation.backup('MSK');
    const id = await paidAt('NSK');
    await until('NSK and head office know of it', async () => (await stateOf(id)) === 'matched');
    await federation.stopNode('MSK');
    const invented = Array.from({ length: 9_000 }, (_, n) => n.toString(16).padStart(32, '0'));
    let page: (request: Anything) => Promise<Anything> = async () => ({
      batches: [await forged()],
    });
    await answerRecovery((request) => page(request));
    await federation.restore('MSK', backup);
    await federation.startNode('MSK');
    await until('the forged batch was refused', async () => asked > 2);
    expect((await victim.manager.get('/api/v1/recovery')).body.recovering).to.equal(true);
    // Well formed, and full of starts that never were.
    page = async ({ started }) => ({ starts: [...invented, started] });
    await until('it has recovered', async () => {
      return (await victim.manager.get('/api/v1/recovery')).body.recovering === false;
    });
    const { store } = federation.running('MSK');
    const starts = await store.read((tx) => tx.all('SELECT epoch FROM node_starts'));
    expect(starts.length).to.be.lessThan(12);
    await until('what was lost is credited again', async () =>
      (await answersTo(siege, id)).some(({ kind }) => kind === 'payment.credited'),
    );
    expect(await alarmsOf(siege)).to.not.include('forked');
  });

  it('cannot stop what others pay out by saying that they signed two histories', async () => {
    const { federation, victim } = siege;
    saysForked = true;
    const wish = { msisdn: nextNumber('SPB'), ...cash('1.00') };
    const paid = await victim.manager.post('/api/v1/payments', wish);
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    await until('the victim has heard it', async () => {
      const { outbound } = await federation.running('MSK').federation.streams();
      return outbound.some(({ peer, forked }) => peer === 'SPB' && forked === 1n);
    });
    const { store, federation: own } = federation.running('MSK');
    expect(await store.read(own.mayPayOut)).to.equal(true);
  });

  it('cannot keep head office from cutting it off by a release that it says to have', async () => {
    const { hq, running } = siege.federation;
    const { started } = toHeadOffice;
    const hello = {
      ...{ node: 'SPB', codeVersion: '9', release: 999_999, started, previous: [] },
      head: { epoch: started, seq: toHeadOffice.position() },
      ...{ at: new Date().toISOString(), recovering: false, behind: {} },
    };
    const heard = await toHeadOffice.post('/peer/v1/hello', JSON.stringify(hello));
    expect(heard.status, JSON.stringify(heard.body)).to.equal(200);
    const revoked = await hq.manager.post('/api/v1/nodes/SPB/revocation');
    expect(revoked.status, JSON.stringify(revoked.body)).to.be.lessThan(300);
    await until('the others are told', () =>
      ['MSK', 'NSK'].every(
        (code) => !running(code).references.current()?.branch(siege.spb.code)?.active,
      ),
    );
  });

  let asked = 0;
  let saysForked = false;

  /** A batch of the victim's own log that the victim never signed. */
  async function forged(): Promise<Anything> {
    const lie = siege.rogue.entry('payment.credited', {}, { node: 'MSK' });
    const batch = await siege.rogue.batchOf([lie], { head: { from: 'MSK', to: 'SPB' } });
    siege.rogue.forget();
    return { head: batch.head, entries: batch.entries };
  }

  /** SPB's address answers questions of recovery, signed with its own key, and nothing else. */
  async function answerRecovery(page: (request: Anything) => Promise<Anything>): Promise<void> {
    const { spb, federation } = siege;
    const signer = createSigner(spb);
    const tls = { key: spb.tlsKeyPem, cert: spb.certPem, ca: spb.caPem };
    const server = createServer(tls, async (request, response) => {
      let text = '';
      for await (const part of request.setEncoding('utf8')) text += part;
      if (saysForked && request.url === '/peer/v1/stream') {
        return response.writeHead(409).end(JSON.stringify({ code: 'forked', at: 1 }));
      }
      if (request.url !== '/peer/v1/recovery') return response.writeHead(503).end('{}');
      asked += 1;
      const question = JSON.parse(text);
      const blank = {
        node: 'SPB',
        for: question.node,
        nonce: question.nonce,
        starts: [],
        held: [],
        batches: [],
        next: null,
      };
      const answer = JSON.stringify({ ...blank, ...(await page(question)) });
      const signature = await signer.sign(recoveryType, { sha256: sha256(answer) });
      return response.end(JSON.stringify({ answer, signature }));
    });
    recoveryServer = server;
    server.listen(Number(new URL(federation.branch('SPB').peerUrl).port), '127.0.0.1');
    await once(server, 'listening');
  }
});
