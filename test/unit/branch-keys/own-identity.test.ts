import { expect } from 'chai';
import { refusalBy } from '../../support/federation-keys.ts';
import { changingBranch, dropFolders } from './keys-fixture.ts';

const dayMs = 86_400_000;

describe("a branch's certificate", () => {
  afterEach(dropFolders);

  it('is not replaced by one that is not good on its day', async () => {
    for (const shift of [12, -40]) {
      const { own, identity, alarms, centreClock } = await changingBranch();
      const { certPem } = identity();
      centreClock.shift(shift * dayMs);
      const refusal = await refusalBy(own.renew({ now: true }));
      expect(refusal.message).to.include('one of the two clocks is wrong');
      expect(alarms.get('certificate-not-renewed')).to.equal(refusal.message);
      expect(identity().certPem).to.equal(certPem);
      centreClock.shift(-shift * dayMs);
      await own.renew({ now: true });
      expect(identity().certPem).to.not.equal(certPem);
      expect([...alarms.keys()]).to.deep.equal([]);
    }
  });

  it('is replaced all the same where its own clock is in doubt, or the old one is not good either', async () => {
    const doubting = await changingBranch();
    doubting.doubt('12 s behind SPB');
    const late = await changingBranch();
    late.clock.shift(31 * dayMs);
    late.centreClock.shift(45 * dayMs);
    doubting.centreClock.shift(12 * dayMs);
    for (const { own, identity } of [doubting, late]) {
      const { certPem } = identity();
      await own.renew({ now: true });
      expect(identity().certPem).to.not.equal(certPem);
    }
  });
});
