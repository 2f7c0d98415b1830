import { expect } from 'chai';
import { certificateFacts, isGoodAt } from '../../../shared/federation/certificates.ts';
import { loadIdentity } from '../../../shared/federation/identity.ts';
import { changingBranch, dropFolders } from './keys-fixture.ts';

const dayMs = 86_400_000;

describe("a branch's new keys", () => {
  afterEach(dropFolders);

  it('stay whole when a renewal of the certificate for the old ones is answered after them', async () => {
    const branch = await changingBranch();
    const { own, rotation, identity, dir } = branch;
    await rotation.begin();
    await rotation.advance();
    const next = branch.nextKey();
    branch.release(1, identity().signingKey.x, next);
    branch.beforeAnswer(async (path) => {
      if (path === '/peer/v1/certificates') await rotation.advance();
    });
    await own.renew({ now: true });
    expect(identity().signingKey.x).to.equal(next);
    expect(await loadIdentity(dir)).to.deep.equal(identity());
  });

  it('are announced again a day later where no release names them: head office may have forgotten', async () => {
    const { rotation, identity, nextKey, release, clock, centreClock, asked } =
      await changingBranch();
    await rotation.begin();
    await rotation.advance();
    const next = nextKey();
    release(1, identity().signingKey.x);
    await rotation.advance();
    expect(asked).to.deep.equal(['/peer/v1/keys']);
    for (const each of [clock, centreClock]) each.shift(31 * dayMs);
    await rotation.advance();
    expect(asked).to.deep.equal(['/peer/v1/keys', '/peer/v1/keys']);
    release(2, identity().signingKey.x, next);
    await rotation.advance();
    expect(identity().signingKey.x).to.equal(next);
    expect(isGoodAt(certificateFacts(identity().certPem), clock.nowMs())).to.equal(true);
  });

  it('are announced again soon where head office could not be asked on that day', async () => {
    const { rotation, clock, centreClock, asked, beforeAnswer } = await changingBranch();
    await rotation.begin();
    await rotation.advance();
    for (const each of [clock, centreClock]) each.shift(31 * 86_400_000);
    beforeAnswer(() => Promise.reject(new Error('no way')));
    expect(await rotation.advance().catch(String)).to.equal('Error: no way');
    beforeAnswer(async () => {});
    await rotation.advance();
    await rotation.advance();
    expect(asked).to.have.length(3);
  });
});
