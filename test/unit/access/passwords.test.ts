import { expect } from 'chai';
import { createPasswords } from '../../../shared/access/passwords.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';

const longEnough = 'violet trombone ice';
/** What is tested of the queue does not depend on how slow a hash is. */
const cost = { N: 1_024, r: 8, p: 1 };

describe('passwords', () => {
  const passwords = createPasswords({ ids: systemIds });

  it('are stored with the parameters and a salt of their own', async () => {
    const [one, other] = [await passwords.hash(longEnough), await passwords.hash(longEnough)];
    expect(one).to.match(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(one).not.to.equal(other);
    expect(await passwords.verify(longEnough, one)).to.equal(true);
    expect(await passwords.verify(longEnough, other)).to.equal(true);
    expect(await passwords.verify('violet trombone icE', one)).to.equal(false);
  });

  it('are the same however their letters were composed', async () => {
    const composed = await passwords.hash('рассвет над рекой-é');
    expect(await passwords.verify('рассвет над рекой-é'.normalize('NFD'), composed)).to.equal(true);
  });

  it('never match where there is no operator', async () => {
    expect(await passwords.verify('whatever it is', undefined)).to.equal(false);
  });

  for (const [what, password] of [
    ['11 characters', 'f3q9vJ0sXw1'],
    ['129 characters', 'f3q9vJ0sXw1mP'.repeat(10).slice(1)],
    ['what guessers try first', 'Password1234!'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error = await passwords.hash(password).catch((thrown: unknown) => thrown);
      expect(isDomainError(error, 'invalid-input')).to.equal(true);
    });
  }

  it('refuses with overloaded over its queue, and works again after', async () => {
    const busy = createPasswords({ ids: systemIds, cost });
    const asked = Array.from({ length: 70 }, () => busy.hash(longEnough).then(() => 'made'));
    const ends = await Promise.all(asked.map((one) => one.catch((thrown: unknown) => thrown)));
    const refused = ends.filter((end) => isDomainError(end, 'overloaded'));
    // Two running and 64 waiting are taken.
    expect(refused.length).to.equal(4);
    expect(ends.filter((end) => end === 'made').length).to.equal(66);
    expect(await busy.hash(longEnough)).to.be.a('string');
  });
});
