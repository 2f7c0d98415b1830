import { expect } from 'chai';
import { lockoutMs, nextTry, placeOf, type Tries } from '../../../shared/access/sign-in-gates.ts';
import { isDomainError, type ProblemCode } from '../../../shared/problem/problem.ts';
import { type AccessFixture, accessFixture, byTest } from './access-fixture.ts';

const minuteMs = 60_000;
const password = 'correct horse battery';

describe('nextTry', () => {
  it('lets so many through in 15 minutes from the first, and no more', () => {
    let tries: Tries | undefined;
    for (let count = 1; count <= 5; count += 1) {
      const next = nextTry(tries, 5, count * minuteMs);
      if (!('tries' in next)) throw new Error(`try ${count} was refused`);
      tries = next.tries;
    }
    expect(nextTry(tries, 5, 5 * minuteMs)).to.deep.equal({ lockedForMs: 11 * minuteMs });
    expect(nextTry(tries, 5, minuteMs + lockoutMs - 1)).to.deep.equal({ lockedForMs: 1 });
    expect(nextTry(tries, 5, minuteMs + lockoutMs)).to.have.nested.property('tries.count', 1);
  });

  it('does not stay shut for longer when the clock is set back', () => {
    const next = nextTry({ count: 5, sinceMs: 100 * minuteMs }, 5, 10 * minuteMs);
    expect(next).to.deep.equal({ tries: { count: 1, sinceMs: 10 * minuteMs } });
  });
});

describe('placeOf', () => {
  for (const [address, place] of [
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::'],
    ['2001:db8::6', '2001:db8:0:0::'],
    ['fe80::1%eth0', 'fe80:0:0:0::'],
    ['::1', '0:0:0:0::'],
    ['unknown', 'unknown'],
  ] as const) {
    it(`is ${place} for ${address}`, () => expect(placeOf(address)).to.equal(place));
  }
});

describe('the gates of the sign-in', () => {
  let fixture: AccessFixture;

  beforeEach(async () => {
    fixture = await accessFixture();
    await fixture.add('anna', 'admin', password);
    await fixture.add('boris', 'cashier', password);
  });
  afterEach(() => fixture.close());

  async function tryAs(login: string, typed: string, source: string) {
    const tried = fixture.access.signIn({ login, password: typed, source });
    return tried.then(
      () => 'in' as const,
      (error: unknown): ProblemCode => {
        if (isDomainError(error)) return error.code;
        throw error;
      },
    );
  }

  async function guess(login: string, source: string, times: number) {
    for (let count = 0; count < times; count += 1) await tryAs(login, 'wrong password', source);
  }

  const setCount = (loginSha256: string, place: string, count: number) =>
    fixture.store.write((tx) =>
      tx.run(
        'INSERT OR REPLACE INTO sign_in_counts (login_sha256, place, count, since_ms) VALUES (?, ?, ?, ?)',
        ...[loginSha256, place, count, fixture.clock.nowMs()],
      ),
    );

  const denials = async () => {
    const entries = await fixture.store.read((tx) => fixture.audit.list(tx, { limit: 200 }));
    return entries.filter(({ outcome }) => outcome === 'denied').map(({ detail }) => detail);
  };

  it('lets nobody lock an operator out where he has signed in before', async () => {
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    await guess('anna', '203.0.113.9', 6);
    expect(await tryAs('anna', password, '203.0.113.9')).to.equal('locked-out');
    expect(await tryAs('anna', password, '198.51.100.7')).to.equal('locked-out');
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
  });

  it('counts where he has signed in before, too', async () => {
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    await guess('anna', '10.0.0.1', 5);
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('locked-out');
    expect(await tryAs('boris', password, '10.0.0.1')).to.equal('in');
  });

  it('knows a place for 30 days, and until somebody sets the password', async () => {
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    fixture.clock.advance(31 * 24 * 60 * minuteMs);
    await guess('anna', '203.0.113.9', 5);
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('locked-out');
    fixture.clock.advance(16 * minuteMs);
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    const passwordHash = await fixture.access.hashPassword('another good one, long');
    await fixture.store.write((tx) =>
      fixture.access.setPassword(tx, { login: 'anna', passwordHash, ...byTest }),
    );
    await guess('anna', '203.0.113.9', 5);
    expect(await tryAs('anna', 'another good one, long', '10.0.0.1')).to.equal('locked-out');
  });

  it('stops one password tried at many logins from many places', async () => {
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    await setCount('', '', 498);
    expect(await tryAs('nobody1', 'Spring is here', '203.0.113.1')).to.equal('wrong-credentials');
    expect(await tryAs('nobody2', 'Spring is here', '203.0.113.2')).to.equal('wrong-credentials');
    expect(await tryAs('nobody3', 'Spring is here', '203.0.113.3')).to.equal('locked-out');
    expect(await tryAs('anna', password, '10.0.0.1')).to.equal('in');
    expect((await denials())[0]).to.include({ reason: 'locked-out', gate: 'all' });
    fixture.clock.advance(15 * minuteMs);
    expect(await tryAs('boris', password, '203.0.113.4')).to.equal('in');
  });

  it('keeps every count over a restart', async () => {
    await setCount('', '10.0.0.9', 49);
    await guess('nobody', '10.0.0.9', 1);
    const again = fixture.restarted().signIn({ login: 'anna', password, source: '10.0.0.9' });
    const error = await again.catch((thrown: unknown) => thrown);
    expect(isDomainError(error, 'locked-out')).to.equal(true);
  });

  it('does not count what was right', async () => {
    await setCount('', '10.0.0.9', 49);
    for (const login of ['anna', 'boris']) {
      expect(await tryAs(login, password, '10.0.0.9')).to.equal('in');
    }
    expect(await tryAs('nobody', password, '10.0.0.9')).to.equal('wrong-credentials');
    expect(await tryAs('nobody', password, '10.0.0.9')).to.equal('locked-out');
  });

  it('lets in all who are right at once, one person or many, as far as there is room', async () => {
    const one = Array.from({ length: 20 }, () => tryAs('anna', password, '10.0.0.1'));
    expect(new Set(await Promise.all(one))).to.deep.equal(new Set(['in']));
    const logins = Array.from({ length: 80 }, (_, index) => `clerk${index}`);
    for (const login of logins) await fixture.add(login, 'cashier', password);
    const many = () => Promise.all(logins.map((login) => tryAs(login, password, '10.0.0.2')));
    const ends = await many();
    expect([...new Set(ends)].sort()).to.deep.equal(['in', 'overloaded']);
    expect(await many(), 'who was told to come again, and came').to.include('in');
    expect(await tryAs('boris', password, '10.0.0.2')).to.equal('in');
    expect(
      await fixture.store.read((tx) => tx.get('SELECT * FROM sign_in_counts WHERE count > 0')),
    ).to.equal(undefined);
  });

  it('writes 60 lockouts a minute at most, and how many it did not write', async () => {
    await guess('anna', '10.0.0.1', 80);
    expect((await denials()).filter((each) => each && 'gate' in each).length).to.equal(60);
    fixture.clock.advance(minuteMs);
    await guess('anna', '10.0.0.1', 1);
    expect((await denials())[0]).to.include({ gate: 'login', unwrittenBefore: 15 });
  });
});

describe('passwords that somebody else chose', () => {
  let fixture: AccessFixture;
  const source = '10.0.0.1';
  const own = 'violet trombone under ice';

  beforeEach(async () => {
    fixture = await accessFixture();
    await fixture.add('anna', 'admin', password, true);
  });
  afterEach(() => fixture.close());

  it('must be changed, which ends all sessions', async () => {
    const { access } = fixture;
    const first = await access.signIn({ login: 'anna', password, source });
    expect(first.principal.mustChangePassword).to.equal(true);
    const { principal } = first;
    await access.changePassword({ principal, current: password, password: own, source });
    expect(await access.authenticate(first.token)).to.equal(undefined);
    const second = await access.signIn({ login: 'anna', password: own, source });
    expect(second.principal.mustChangePassword).to.equal(false);
    expect(await fixture.restarted().authenticate(second.token)).to.include({
      mustChangePassword: false,
    });
  });

  it('are good for a week', async () => {
    fixture.clock.advance(7 * 24 * 60 * minuteMs + 1);
    const late = fixture.access.signIn({ login: 'anna', password, source });
    const error = await late.catch((thrown: unknown) => thrown);
    expect(isDomainError(error, 'wrong-credentials')).to.equal(true);
  });

  it('are changed by who knows the current one only, and to another one', async () => {
    const { access } = fixture;
    const { principal, token } = await access.signIn({ login: 'anna', password, source });
    const change = (current: string, chosen: string) =>
      access
        .changePassword({ principal, current, password: chosen, source })
        .catch((thrown: unknown) => isDomainError(thrown) && thrown.code);
    expect(await change('wrong password', own)).to.equal('wrong-credentials');
    expect(await change(password, password)).to.equal('invalid-input');
    expect(await change(password, 'Name of Anna 1')).to.equal('invalid-input');
    expect(await access.authenticate(token)).to.include({ login: 'anna' });
    for (let count = 0; count < 5; count += 1) await change('wrong password', own);
    expect(await change(password, own)).to.equal('locked-out');
  });
});

describe('a role that changes', () => {
  it('counts at the next request of a session that is open', async () => {
    const fixture = await accessFixture();
    await fixture.add('boris', 'cashier', password);
    const { access } = fixture;
    const { token } = await access.signIn({ login: 'boris', password, source: '10.0.0.1' });
    const may = async () => [...((await access.authenticate(token))?.permissions ?? [])];
    expect(await may()).to.have.members(['payment.take', 'subscriber.read']);
    fixture.setRole('cashier', ['subscriber.read']);
    expect(await may()).to.deep.equal(['subscriber.read']);
    fixture.setRole('cashier', []);
    expect(await may()).to.deep.equal([]);
    await fixture.close();
  });
});
