import { expect } from 'chai';
import { createPasswords } from '../../../shared/access/passwords.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';

describe('passwords', () => {
  const passwords = createPasswords({ ids: systemIds });

  it('are stored with the parameters and a salt of their own', async () => {
    const [one, other] = [await passwords.hash('long enough'), await passwords.hash('long enough')];
    expect(one).to.match(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(one).not.to.equal(other);
    expect(await passwords.verify('long enough', one)).to.equal(true);
    expect(await passwords.verify('long enough', other)).to.equal(true);
    expect(await passwords.verify('long enougH', one)).to.equal(false);
  });

  it('are the same however their letters were composed', async () => {
    const composed = await passwords.hash('пароль-й-é');
    expect(await passwords.verify('пароль-й-é'.normalize('NFD'), composed)).to.equal(true);
  });

  it('never match where there is no operator', async () => {
    expect(await passwords.verify('whatever it is', undefined)).to.equal(false);
  });

  for (const [what, password] of [
    ['7 characters', 'a'.repeat(7)],
    ['129 characters', 'a'.repeat(129)],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const error = await passwords.hash(password).catch((thrown: unknown) => thrown);
      expect(isDomainError(error, 'invalid-input')).to.equal(true);
    });
  }

  it('refuses with overloaded over its queue, and works again after', async () => {
    const busy = createPasswords({ ids: systemIds });
    const asked = Array.from({ length: 70 }, () => busy.hash('long enough').then(() => 'made'));
    const ends = await Promise.all(asked.map((one) => one.catch((thrown: unknown) => thrown)));
    const refused = ends.filter((end) => isDomainError(end, 'overloaded'));
    // Two running and 64 waiting are taken.
    expect(refused.length).to.equal(4);
    expect(ends.filter((end) => end === 'made').length).to.equal(66);
    expect(await busy.hash('long enough')).to.be.a('string');
  });
});
