import { expect } from 'chai';
import { createBranchKeys } from '../../../central-node/directory/branch-keys.ts';
import { certificateFacts } from '../../../shared/federation/certificates.ts';
import { enrolmentRequest } from '../../../shared/federation/enrolment-messages.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import { centre, closeCentres, msk, routesOf, spb } from './enrolment-fixture.ts';

const dayMs = 86_400_000;
const neverAsked = {
  verify: () => {
    throw new Error('no signature is read here');
  },
};

describe('membership', () => {
  afterEach(closeCentres);

  it('ends with the tokens that were made before it ended', async () => {
    const { enrolment, enrol, requestOf, changes } = await centre();
    await enrol(msk);
    const token = await enrolment.createToken({ code: msk, actor: 'root' });
    await enrolment.revoke({ code: msk });
    const back = enrolment.enrol(requestOf(msk, token), 'a');
    expect(await refusalBy(back)).to.include({ code: 'enrolment-refused' });
    expect(changes.at(-1)).to.include({ active: false });
    expect(await enrolment.openTokens()).to.deep.equal([]);
    await enrol(msk);
    expect(changes.at(-1)).to.include({ active: true });
  });

  it('has certificates again once a clock that was ahead is right', async () => {
    const { enrolment, enrol, requestOf, clock } = await centre();
    await enrol(msk);
    const { csrPem } = requestOf(msk, '');
    const renew = () => enrolment.renew({ caller: msk, csrPem });
    clock.shift(25 * dayMs);
    for (let count = 0; count < 24; count += 1) await renew();
    expect(await refusalBy(renew())).to.include({ code: 'enrolment-refused' });
    clock.shift(-25 * dayMs);
    await renew();
  });

  it('takes new keys into use also where it forgot the certificate of their bearer', async () => {
    const { enrolment, store, enrol, keys, clock, requestOf, changes } = await centre();
    await enrol(msk);
    const next = { ...keys.identity(spb), code: msk };
    const signingKey = publicKeyOf(next.signingKey);
    const { csrPem } = requestOf(msk, '', next);
    const { certPem } = await enrolment.renew({ caller: msk, csrPem, next: { signingKey } });
    // Its release brings keys back after a set-back, and not the certificates.
    await store.write((tx) => tx.run('DELETE FROM issued_certificates'));
    const branchKeys = createBranchKeys({ enrolment, verifier: neverAsked, clock });
    const routes = routesOf({ enrolment, branchKeys });
    const { serial, spkiSha256: tlsKeySha256 } = certificateFacts(certPem);
    const answer = await routes.request(
      '/peer/v1/keys/adoption',
      { method: 'POST', body: JSON.stringify({ signingKey }) },
      { caller: msk, serial, tlsKeySha256, address: '10.0.0.1' },
    );
    expect(answer.status).to.equal(200);
    const accepted = changes.at(-1)?.keys.filter(({ state }) => state === 'accepted') ?? [];
    expect(accepted.map(({ key }) => key)).to.have.members([signingKey.x, tlsKeySha256]);
  });

  it("takes no key of another branch's in another spelling", async () => {
    const { enrolment, enrol, requestOf, keys } = await centre();
    await enrol(msk);
    const { x } = publicKeyOf(keys.identity(msk).signingKey);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // The last of 43 letters says four bits, and two more that nobody reads.
    const other = x.slice(0, 42) + letters[letters.indexOf(x.slice(42)) + 1];
    expect(Buffer.from(other, 'base64url')).to.deep.equal(Buffer.from(x, 'base64url'));
    const token = await enrolment.createToken({ code: spb, actor: 'root' });
    const request = requestOf(spb, token);
    const body = { ...request, signingJwk: { ...request.signingJwk, x: other } };
    expect(enrolmentRequest.safeParse(request).success).to.equal(true);
    expect(enrolmentRequest.safeParse(body).success).to.equal(false);
  });
});
