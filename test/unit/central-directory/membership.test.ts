import { expect } from 'chai';
import { refusalBy } from '../../support/federation-keys.ts';
import { centre, closeCentres, msk } from './enrolment-fixture.ts';

const dayMs = 86_400_000;

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
});
