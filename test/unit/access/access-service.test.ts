import { createHook } from 'node:async_hooks';
import { expect } from 'chai';
import { isDomainError, type ProblemCode } from '../../../shared/problem/problem.ts';
import { type AccessFixture, accessFixture, byTest } from './access-fixture.ts';

const password = 'correct horse battery';
const source = '10.0.0.1';
const minuteMs = 60_000;

async function refusal(work: Promise<unknown>): Promise<ProblemCode | undefined> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined && !isDomainError(error)) throw error;
  return error?.code;
}

describe('access', () => {
  let fixture: AccessFixture;

  beforeEach(async () => {
    fixture = await accessFixture();
    await fixture.add('anna', 'admin', password);
    await fixture.add('boris', 'cashier', password);
  });
  afterEach(() => fixture.close());

  function tryAs(login: string, typed: string, from = source) {
    return fixture.access.signIn({ login, password: typed, source: from });
  }

  const trail = () => fixture.store.read((tx) => fixture.audit.list(tx, { limit: 200 }));

  it('signs in with the permissions of the role that exist at this kind of node', async () => {
    const { token, principal, expiresAt } = await tryAs('Anna', password);
    expect(token).to.match(/^[\w-]{43}$/);
    expect(expiresAt).to.equal('2025-06-30T09:30:00.000Z');
    expect(principal.login).to.equal('anna');
    expect([...principal.permissions].sort()).to.deep.equal(['audit.read', 'operator.manage']);
    expect(await fixture.access.authenticate(token)).to.deep.equal(principal);
  });

  it('keeps no session that ended while an older answer of a replica was on its way', async () => {
    const { token } = await tryAs('boris', password);
    let answer = () => {};
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    // A start later: no session is in memory.
    const again = fixture.restarted({
      read: async (fn) => {
        const found = await fixture.store.read(fn);
        await late;
        return found;
      },
    });
    const asked = again.authenticate(token);
    await fixture.store.read(async () => undefined);
    await fixture.store.write((tx) => again.disable(tx, { login: 'boris', ...byTest }));
    answer();
    await asked;
    expect(await again.authenticate(token)).to.equal(undefined);
  });

  it('stores neither token nor password', async () => {
    const { token } = await tryAs('anna', password);
    const rows = await fixture.store.read(async (tx) => [
      ...(await tx.all('SELECT * FROM sessions')),
      ...(await tx.all('SELECT * FROM operators')),
      ...(await tx.all('SELECT * FROM audit_entries')),
    ]);
    const text = JSON.stringify(rows, (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(text).to.include('anna');
    expect(text).not.to.include(token);
    expect(text).not.to.include(password);
  });

  it('answers a wrong password, an unknown login and a disabled operator alike', async () => {
    await fixture.store.write((tx) => fixture.access.disable(tx, { login: 'boris', ...byTest }));
    expect(await refusal(tryAs('anna', 'wrong password'))).to.equal('wrong-credentials');
    expect(await refusal(tryAs('nobody', password))).to.equal('wrong-credentials');
    expect(await refusal(tryAs('boris', password))).to.equal('wrong-credentials');
  });

  it('does the same work for them as for a right one: one hash', async () => {
    await fixture.store.write((tx) => fixture.access.disable(tx, { login: 'boris', ...byTest }));
    let hashes = 0;
    const hook = createHook({
      init: (_id, type) => {
        if (/SCRYPT/.test(type)) hashes += 1;
      },
    });
    hook.enable();
    for (const [login, typed] of [
      ['anna', password],
      ['anna', 'wrong password'],
      ['nobody', password],
      ['boris', password],
    ] as const) {
      hashes = 0;
      await refusal(tryAs(login, typed));
      expect([login, typed, hashes]).to.deep.equal([login, typed, 1]);
    }
    hook.disable();
  });

  it('rests a login, known or not, after five wrong tries, right password or not', async () => {
    for (const login of ['anna', 'nobody']) {
      for (let count = 0; count < 5; count += 1) {
        expect(await refusal(tryAs(login, 'wrong password'))).to.equal('wrong-credentials');
      }
      expect(await refusal(tryAs(login, password))).to.equal('locked-out');
    }
    fixture.clock.advance(15 * minuteMs);
    expect(await refusal(tryAs('anna', password))).to.equal(undefined);
  });

  it('lets no more than five of a burst of guesses be looked at', async () => {
    const burst = Array.from({ length: 8 }, () => refusal(tryAs('anna', 'wrong password')));
    const codes = await Promise.all(burst);
    expect(codes.filter((code) => code === 'wrong-credentials').length).to.equal(5);
    expect(codes.filter((code) => code === 'locked-out').length).to.equal(3);
  });

  it('forgets the wrong tries after a right one', async () => {
    for (let round = 0; round < 2; round += 1) {
      for (let count = 0; count < 4; count += 1) await refusal(tryAs('anna', 'wrong password'));
      expect(await refusal(tryAs('anna', password))).to.equal(undefined);
    }
  });

  it('keeps a lockout over a restart', async () => {
    for (let count = 0; count < 5; count += 1) await refusal(tryAs('anna', 'wrong password'));
    const again = fixture.restarted().signIn({ login: 'anna', password, source });
    expect(await refusal(again)).to.equal('locked-out');
  });

  it('ends a session that was idle for 30 minutes', async () => {
    const { token } = await tryAs('anna', password);
    fixture.clock.advance(29 * minuteMs);
    expect(await fixture.access.authenticate(token)).to.include({ login: 'anna' });
    fixture.clock.advance(29 * minuteMs);
    expect(await fixture.access.expiresAt(token)).to.equal('2025-06-30T10:28:00.000Z');
    fixture.clock.advance(30 * minuteMs);
    expect(await fixture.access.authenticate(token)).to.equal(undefined);
  });

  it('ends a session after 12 hours however busy it is', async () => {
    const { token } = await tryAs('anna', password);
    for (let minutes = 0; minutes < 12 * 60; minutes += 20) {
      expect(await fixture.access.authenticate(token), `${minutes} min`).not.to.equal(undefined);
      fixture.clock.advance(20 * minuteMs);
    }
    expect(await fixture.access.authenticate(token)).to.equal(undefined);
  });

  it('ends a session that a clock ahead has dated, once the clock is right', async () => {
    // A year, or local time taken for UTC.
    for (const aheadMs of [365 * 24 * 60 * minuteMs, 180 * minuteMs]) {
      fixture.clock.advance(aheadMs);
      const { token } = await tryAs('anna', password);
      fixture.clock.advance(-aheadMs);
      expect(await fixture.access.authenticate(token)).to.equal(undefined);
    }
    const near = await tryAs('anna', password);
    fixture.clock.advance(-minuteMs);
    expect(await fixture.access.authenticate(near.token)).not.to.equal(undefined);
  });

  it('keeps sessions and their last use over a restart', async () => {
    const { token } = await tryAs('anna', password);
    fixture.clock.advance(29 * minuteMs);
    await fixture.access.authenticate(token);
    // The touch was queued before this read, so it is done when the read answers.
    await fixture.store.write(async () => undefined);
    fixture.clock.advance(29 * minuteMs);
    expect(await fixture.restarted().authenticate(token)).to.include({ login: 'anna' });
  });

  it('writes the last use down once a minute at most', async () => {
    const { token } = await tryAs('anna', password);
    const seen = async () => {
      await fixture.store.write(async () => undefined);
      return fixture.store.read((tx) => tx.get('SELECT seen_at FROM sessions'));
    };
    const before = await seen();
    fixture.clock.advance(minuteMs - 1);
    await fixture.access.authenticate(token);
    expect(await seen()).to.deep.equal(before);
    fixture.clock.advance(1);
    await fixture.access.authenticate(token);
    expect(await seen()).to.deep.equal({ seen_at: '2025-06-30T09:01:00.000Z' });
  });

  it('ends sessions at sign-out, a new password and disablement, at once', async () => {
    const { access, store } = fixture;
    const [first, second, third] = [
      await tryAs('boris', password),
      await tryAs('boris', password),
      await tryAs('anna', password),
    ];
    await access.signOut(first.token);
    expect(await access.authenticate(first.token)).to.equal(undefined);
    expect(await access.authenticate(second.token)).not.to.equal(undefined);

    const passwordHash = await access.hashPassword('another password');
    await store.write((tx) => access.setPassword(tx, { login: 'boris', passwordHash, ...byTest }));
    expect(await access.authenticate(second.token)).to.equal(undefined);
    expect(await refusal(tryAs('boris', password))).to.equal('wrong-credentials');

    const fourth = await tryAs('boris', 'another password');
    await store.write((tx) => access.disable(tx, { login: 'boris', ...byTest }));
    expect(await access.authenticate(fourth.token)).to.equal(undefined);
    expect(await access.authenticate(third.token)).not.to.equal(undefined);
    expect(await fixture.restarted().authenticate(fourth.token)).to.equal(undefined);
  });

  it('does not end sessions of a change that was rolled back', async () => {
    const { token } = await tryAs('boris', password);
    const failed = fixture.store.write(async (tx) => {
      await fixture.access.disable(tx, { login: 'boris', ...byTest });
      throw new Error('rolled back');
    });
    await failed.catch(() => undefined);
    expect(await fixture.access.authenticate(token)).not.to.equal(undefined);
  });

  it('refuses a taken login, an unknown role or operator, and disabling oneself', async () => {
    const { access, store } = fixture;
    expect(await refusal(fixture.add('ANNA', 'admin', password))).to.equal('login-taken');
    expect(await refusal(fixture.add('carl', 'emperor', password))).to.equal('invalid-input');
    const disable = (login: string, by = byTest.by) =>
      refusal(store.write((tx) => access.disable(tx, { login, by })));
    expect(await disable('nobody')).to.equal('operator-not-found');
    const { principal } = await tryAs('anna', password);
    const anna = { id: principal.operatorId, name: principal.name, node: 'MSK' };
    expect(await disable('anna', anna)).to.equal('same-person');
  });

  it('throttles a source that guesses over many logins, and no other source', async () => {
    // Unknown and ever new logins: only the source can stop them.
    for (let count = 0; count < 50; count += 1) {
      expect(await refusal(tryAs(`nobody${count}`, 'wrong password'))).to.equal(
        'wrong-credentials',
      );
    }
    expect(await refusal(tryAs('anna', password))).to.equal('locked-out');
    expect(await refusal(tryAs('anna', password, '10.0.0.2'))).to.equal(undefined);
  }).timeout(120_000);

  it('audits every change and sign-in, but never what was typed as an unknown login', async () => {
    await refusal(tryAs('my secret password', 'x'));
    await refusal(tryAs('anna', 'wrong password'));
    const { token } = await tryAs('anna', password);
    await fixture.access.signOut(token);
    const entries = (await trail()).map(
      ({ action, outcome, subject, actor }) => `${action} ${outcome} ${subject} by ${actor.name}`,
    );
    expect(entries).to.deep.equal([
      'session.sign-out done anna by Name of anna',
      'session.sign-in done anna by Name of anna',
      'session.sign-in denied anna by Name of anna',
      'session.sign-in denied undefined by unknown login',
      'operator.add done boris by cli',
      'operator.add done anna by cli',
    ]);
  });
});
