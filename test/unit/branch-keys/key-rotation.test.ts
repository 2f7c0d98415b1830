import { expect } from 'chai';
import { loadIdentity } from '../../../shared/federation/identity.ts';
import { changingBranch, dropFolders } from './keys-fixture.ts';

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
});
