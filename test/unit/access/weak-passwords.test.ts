import { expect } from 'chai';
import { isWeakPassword } from '../../../shared/access/weak-passwords.ts';

describe('weak passwords', () => {
  for (const password of [
    'passwordpassword',
    'Password12345!',
    'qwertyuiop12',
    '123456789012',
    '210987654321',
    'aaaaaaaaaaaa',
    'abababababab',
    'Qwerty123456',
    'qazwsxedc123',
    'iloveyou1234',
    'administrator1',
    'correct horse battery staple',
    'йцукенйцукен',
    'Anna.Petrova1',
    'petrova-petrova',
    'sbms-operator-1',
  ]) {
    it(`has ${password} among them`, () => {
      expect(isWeakPassword(password, ['anna.petrova', 'Анна Петрова'])).to.equal(true);
    });
  }

  for (const password of [
    'correct horse battery',
    'cashier-msk-demo',
    'admin-hq-demo',
    'violet trombone under ice',
    'семь пятниц на неделе',
    'Vb7#kq92LmZx',
    'f3q9vJ0sXw1mPz8Q',
  ]) {
    it(`does not have ${password} among them`, () => {
      expect(isWeakPassword(password, ['anna.petrova', 'Анна Петрова'])).to.equal(false);
    });
  }
});
