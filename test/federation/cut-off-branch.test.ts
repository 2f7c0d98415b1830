import { expect } from 'chai';
import {
  cash,
  customer,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { pageText } from '../support/page-text.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;

describe('money for a branch that was cut off', () => {
  let federation: TestFederation;
  let own: string;
  let moved: string;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(codes);
    own = await registerSubscriber(federation.branch('NSK'));
    moved = await registerSubscriber(federation.branch('MSK'));
    const iccid = await receiveSim(federation.branch('NSK'));
    const { body } = await manager('NSK').post('/api/v1/number-moves', {
      ...{ msisdn: moved, iccid, customer },
    });
    await until('it moved', async () => {
      const { state } = (await manager('NSK').get(`/api/v1/operations/${body.operationId}`)).body;
      return state === 'concluded';
    });
    await federation.untilQuiet();
    await federation.stopNode('NSK');
    const revoked = await federation.hq.manager.post('/api/v1/nodes/NSK/revocation');
    expect(revoked.status, JSON.stringify(revoked.body)).to.be.lessThan(300);
    await until('SPB and MSK know', () =>
      (['SPB', 'MSK'] as const).every((code) => {
        const peers = federation.running(code).references.current()?.peers() ?? [];
        return peers.some((peer) => peer.code === 'NSK' && !peer.active);
      }),
    );
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;

  it('is not taken: nobody would ever decide it', async () => {
    const { status, body } = await manager('SPB').post('/api/v1/payments', {
      ...{ msisdn: own, ...cash('5.00') },
    });
    expect([status, body.code]).to.deep.equal([503, 'home-unreachable']);
    const card = (await manager('SPB').get(`/api/v1/subscribers/${own}`)).body;
    expect(card).to.include({ code: 'home-unreachable', homeBranch: 'NSK', cutOff: true });
  });

  it('is not promised on the card of its subscriber', async () => {
    const page = await pageText(federation.branch('SPB').url, { path: `/subscribers/${own}` });
    expect(page).to.include('NSK was cut off').and.not.include('Replace the SIM');
  });

  it('does not follow a number there: it waits in suspense for a person', async () => {
    const paid = await manager('SPB').post('/api/v1/payments', { msisdn: moved, ...cash('5.00') });
    expect([paid.status, paid.body.homeBranch]).to.deep.equal([201, 'MSK']);
    const path = `/api/v1/payments/${paid.body.operationId}`;
    const look = async () => (await manager('SPB').get(path)).body;
    await until('the branch that let it go has answered', async () => {
      const { attempt, state } = await look();
      return attempt === 2 || state === 'concluded';
    });
    expect(await look()).to.include({ state: 'concluded', disposition: 'suspended' });
  });
});
