import { expect } from 'chai';
import { createBranchKeys } from '../../../central-node/directory/branch-keys.ts';
import { createEnrolmentRoutes } from '../../../central-node/directory/enrolment-routes.ts';
import { createPeerApp, type RefusalReport } from '../../../shared/federation/peer-routes.ts';
import { createVerifier } from '../../../shared/federation/signing.ts';
import { headOffice, systemIds } from '../../../shared/ids/ids.ts';
import { centre, closeCentres, msk } from './enrolment-fixture.ts';

describe('who is not let in', () => {
  afterEach(closeCentres);

  async function peerPort() {
    const { enrolment, enrol, keys, clock, changes, requestOf } = await centre();
    await enrol(msk);
    const refusals: Parameters<RefusalReport>[0][] = [];
    const alarms: string[] = [];
    const app = createPeerApp({
      federation: { admit() {}, alarms: { raise: (alarm: string) => alarms.push(alarm) } } as never,
      refused: (refusal) => void refusals.push(refusal),
    });
    const directory = {
      peer: () => changes.at(-1),
      peers: () => changes,
    };
    const { headOfficeKey } = keys.identity(headOffice);
    const verifier = createVerifier({ directory, headOfficeKey });
    const branchKeys = createBranchKeys({ enrolment, verifier, clock });
    let failing = false;
    const successors = async () => {
      if (failing) throw new Error('the store is gone');
      return [];
    };
    app.route('/', createEnrolmentRoutes({ enrolment, branchKeys, successors }));
    const fail = () => {
      failing = true;
    };
    return { app, refusals, alarms, enrolment, requestOf, fail };
  }

  it('stands in the audit trail, with the address that he came from', async () => {
    const { app, refusals, enrolment, requestOf } = await peerPort();
    const token = await enrolment.createToken({ code: msk, actor: 'root' });
    const guess = `${systemIds.secret(32)}.${token.split('.')[1]}`;
    const { csrPem } = requestOf(msk, guess);
    const env = { address: '10.0.0.1' };
    const late = { code: msk, csrPem, statement: 'rubbish' };
    for (const [path, body] of [
      ['/enrolment/requests', requestOf(msk, guess)],
      ['/enrolment/renewals', late],
    ] as const) {
      const answer = await app.request(path, { method: 'POST', body: JSON.stringify(body) }, env);
      expect(answer.status).to.equal(403);
      expect(refusals.at(-1)).to.include({ caller: 'unknown', path, code: 'enrolment-refused' });
      expect(refusals.at(-1)?.detail).to.include('10.0.0.1');
    }
    for (let tries = 0; tries < 5; tries += 1) {
      const body = JSON.stringify(requestOf(msk, guess));
      await app.request('/enrolment/requests', { method: 'POST', body }, env);
    }
    expect(refusals.at(-1)).to.include({ code: 'locked-out' });
  });

  it('is told from a fault of head office, of which an alarm says', async () => {
    const { app, alarms, fail } = await peerPort();
    fail();
    const answer = await app.request('/peer/v1/head-office-keys', {}, { caller: msk, address: '' });
    expect(answer.status).to.equal(500);
    expect(alarms).to.deep.equal(['peer-request-failed']);
  });
});
