import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { CompactSign, decodeProtectedHeader } from 'jose';
import { loadIdentity } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';

const receiptType = 'sbms-receipt+jws';

describe('receipts', () => {
  let federation: TestFederation;
  let msisdn: string;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(['MSK', 'SPB']);
    msisdn = await registerSubscriber(federation.branch('MSK'));
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;

  async function take(at: string, amount: string): Promise<string> {
    const paid = await manager(at).post('/api/v1/payments', { msisdn, ...cash(amount) });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    return paid.body.operationId;
  }
  async function receipt(at: string, id: string, query = '') {
    const answer = await manager(at).get(`/api/v1/payments/${id}/receipt${query}`);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body;
  }
  const becomes = (id: string, kind: string) =>
    until(`it is ${kind}`, async () => (await receipt('SPB', id)).kind === kind, 20_000);
  const check = (at: string, code: string) => manager(at).post('/api/v1/receipt-checks', { code });

  /** The statement of a code, and a code for a changed one by whoever has the key of `by`. */
  const statementOf = (code: string) =>
    JSON.parse(Buffer.from(String(code.split('.')[1]), 'base64url').toString());
  async function signedBy(by: string, statement: object, typ = receiptType): Promise<string> {
    const identity = await loadIdentity(`${federation.branch(by).dataDir}/identity`);
    return createSigner({ code: by as NodeCode, signingKey: identity.signingKey }).sign(
      typ,
      statement,
    );
  }

  it('say provisional, accepted, credited, as other nodes come to know of the payment', async () => {
    await federation.stopNode('MSK');
    await federation.stopNode('HQ');
    const id = await take('SPB', '11.00');
    const provisional = await receipt('SPB', id);
    expect(provisional).to.deep.include({
      kind: 'provisional',
      disposition: 'taken',
      money: { amount: '11.00', currency: 'RUB' },
      servingBranch: 'SPB',
      homeBranch: 'MSK',
      copy: false,
    });
    expect(provisional.number).to.match(/^SPB-\d{8}-\d{6}-[0-9a-f]{6}$/);
    expect(provisional.msisdn).to.match(/^\d{4}•+\d{4}$/);
    expect(JSON.stringify(provisional)).not.to.include(msisdn);
    expect(provisional.text.join(' ')).to.include('PROVISIONAL: only this branch');
    await federation.startNode('HQ');
    await becomes(id, 'accepted');
    const accepted = await receipt('SPB', id);
    expect(accepted.text.join(' ')).to.include('ACCEPTED: another node holds the payment');
    await federation.startNode('MSK');
    await becomes(id, 'credited');
    const credited = await receipt('SPB', id);
    expect(credited.text.join(' ')).to.include('CREDITED');
    for (const { code, kind } of [provisional, accepted, credited]) {
      const { status, body } = await check('MSK', code);
      expect([status, body.kind, body.number]).to.deep.equal([200, kind, provisional.number]);
    }
  }).timeout(120_000);

  it('are checked at any branch, the own one too', async () => {
    const id = await take('MSK', '12.00');
    const { code, copy, ...said } = await receipt('MSK', id);
    expect(said.kind).to.equal('credited');
    for (const at of ['MSK', 'SPB']) {
      const { status, body } = await check(at, code);
      expect(status).to.equal(200);
      expect(body).to.deep.equal(said);
    }
  });

  it('of a refunded or cancelled payment say so', async () => {
    const id = await take('MSK', '13.00');
    const cancelled = await manager('MSK').post(`/api/v1/payments/${id}/cancellation`, {});
    expect(cancelled.status, JSON.stringify(cancelled.body)).to.equal(201);
    const after = await receipt('MSK', id);
    expect(after.disposition).to.equal('paid-back');
    expect(after.text.join(' ')).to.include('CANCELLED').and.not.to.include('CREDITED');
  });

  it('are not believed when they are forged', async () => {
    const { code } = await receipt('SPB', await take('SPB', '14.00'));
    const statement = statementOf(code);
    const [header, payload, signature] = code.split('.');
    const richer = Buffer.from(JSON.stringify({ ...statement, amount: '1400.00' }));
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: receiptType }));
    // Even under the name of the right key.
    const { privateKey } = generateKeyPairSync('ed25519');
    const stranger = await new CompactSign(Buffer.from(JSON.stringify(statement)))
      .setProtectedHeader({ ...decodeProtectedHeader(code), alg: 'EdDSA' })
      .sign(privateKey);
    const forged = {
      'a changed sum': [header, richer.toString('base64url'), signature].join('.'),
      'no signature': [unsigned.toString('base64url'), payload, ''].join('.'),
      "a stranger's key": stranger,
      "another branch's key": await signedBy('MSK', statement),
      'another kind of statement': await signedBy('SPB', statement, 'sbms-head+jws'),
      'a statement that lacks something': await signedBy('SPB', { node: 'SPB' }),
      'a branch that is not known': await signedBy('SPB', { ...statement, node: 'XXX' }),
      "head office's name": await signedBy('SPB', { ...statement, node: 'HQ' }),
      'no code at all': 'SPB-20261122-000042',
    };
    for (const [what, each] of Object.entries(forged)) {
      for (const at of ['MSK', 'SPB']) {
        const { status, body } = await check(at, each);
        expect([status, body.code], `${what} at ${at}`).to.deep.equal([422, 'receipt-invalid']);
      }
    }
    expect((await check('MSK', code)).status).to.equal(200);
  });

  it('are still readable when their branch has left the federation', async () => {
    const { code } = await receipt('SPB', await take('SPB', '15.00'));
    const revoked = await federation.hq.manager.post('/api/v1/nodes/SPB/revocation', {});
    expect(revoked.status, JSON.stringify(revoked.body)).to.be.oneOf([200, 201, 204]);
    await until('MSK knows that it left', () => {
      const peers = federation.running('MSK').references.current()?.peers() ?? [];
      return peers.some((peer) => peer.code === 'SPB' && !peer.active);
    });
    const { status, body } = await check('MSK', code);
    expect([status, body.servingBranch]).to.deep.equal([200, 'SPB']);
  }).timeout(120_000);

  it('are copies from the second print on, and every print is audited', async () => {
    const id = await take('MSK', '16.00');
    expect((await receipt('MSK', id)).copy).to.equal(false);
    expect((await receipt('MSK', id, '?print=true')).copy).to.equal(false);
    expect((await receipt('MSK', id, '?print=true')).copy).to.equal(true);
    const path = `/api/v1/audit?action=receipt.print&subject=${id}`;
    const { items } = (await manager('MSK').get(path)).body;
    expect(items.map((item: { detail: { copy: boolean } }) => item.detail.copy)).to.deep.equal([
      true,
      false,
    ]);
  });
});
