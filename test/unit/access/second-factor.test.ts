import { expect } from 'chai';
import { fromBase32, stepOf, totpCode } from '../../../shared/access/totp.ts';
import { isDomainError, type ProblemCode } from '../../../shared/problem/problem.ts';
import { type AccessFixture, accessFixture, byTest } from './access-fixture.ts';

const password = 'correct horse battery';
const source = '10.0.0.1';
const stepMs = 30_000;

async function refusal(work: Promise<unknown>): Promise<ProblemCode | undefined> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined && !isDomainError(error)) throw error;
  return error?.code;
}

describe('a second factor', () => {
  let fixture: AccessFixture;
  let secret = '';
  let recovery: readonly string[] = [];

  const codeNow = () => totpCode(fromBase32(secret), stepOf(fixture.clock.nowMs()));
  const enter = (code?: string, login = 'anna') =>
    fixture.access.signIn({ login, password, code, source });
  const trail = async () =>
    (await fixture.store.read((tx) => fixture.audit.list(tx, { limit: 200 }))).map(
      ({ action, outcome, subject }) => `${action} ${outcome} ${subject}`,
    );

  async function setUp(token: string): Promise<void> {
    const principal = await fixture.access.authenticate(token);
    if (!principal) throw new Error('not signed in');
    const own = { principal, token, source };
    ({ secret } = await fixture.access.offerSecondFactor({ ...own, current: password }));
    recovery = await fixture.access.confirmSecondFactor({ ...own, code: codeNow() });
  }

  beforeEach(async () => {
    fixture = await accessFixture();
    await fixture.add('anna', 'admin', password);
    await fixture.add('boris', 'cashier', password);
    await setUp((await enter()).token);
    fixture.clock.advance(stepMs);
  });
  afterEach(() => fixture.close());

  it('is asked for at the sign-in, once the password was right', async () => {
    expect(await refusal(enter())).to.equal('second-factor-required');
    expect(await refusal(enter('000000'))).to.equal('second-factor-wrong');
    const guess = { login: 'anna', password: 'wrong password', code: codeNow(), source };
    expect(await refusal(fixture.access.signIn(guess))).to.equal('wrong-credentials');
    const { principal } = await enter(codeNow());
    expect(principal.hasSecondFactor).to.equal(true);
    expect(await refusal(enter(undefined, 'boris'))).to.equal(undefined);
  });

  it('takes a code once, nor any before it', async () => {
    const early = codeNow();
    fixture.clock.advance(stepMs);
    const code = codeNow();
    await enter(code);
    expect(await refusal(enter(code))).to.equal('second-factor-wrong');
    expect(await refusal(enter(early))).to.equal('second-factor-wrong');
    expect(
      await refusal(fixture.restarted().signIn({ login: 'anna', password, code, source })),
    ).to.equal('second-factor-wrong');
    fixture.clock.advance(stepMs);
    expect(await refusal(enter(codeNow()))).to.equal(undefined);
  });

  it('takes one of two that come at once', async () => {
    const code = codeNow();
    const codes = await Promise.all([refusal(enter(code)), refusal(enter(code))]);
    expect(codes.sort()).to.deep.equal(['second-factor-wrong', undefined]);
  });

  it('counts wrong and missing codes as wrong passwords are', async () => {
    for (let tries = 0; tries < 4; tries += 1) await refusal(enter('000000'));
    expect(await refusal(enter())).to.equal('second-factor-required');
    expect(await refusal(enter(codeNow()))).to.equal('locked-out');
    fixture.clock.advance(15 * 60_000);
    expect(await refusal(enter(codeNow()))).to.equal(undefined);
  });

  it('counts no stranger twice who signs in in two steps', async () => {
    const tries = () =>
      fixture.store.read((tx) => tx.all('SELECT count FROM sign_in_counts WHERE count > 0'));
    const from = { login: 'anna', password, source: '10.0.0.99' };
    expect(await refusal(fixture.access.signIn(from))).to.equal('second-factor-required');
    await fixture.access.signIn({ ...from, code: codeNow() });
    expect(await tries()).to.deep.equal([]);
  });

  it('has recovery codes, each good once, stored as hashes', async () => {
    expect(new Set(recovery).size).to.equal(8);
    const [code = '', other = ''] = recovery;
    await enter(code.toLowerCase().replaceAll('-', ' '));
    expect(await refusal(enter(code))).to.equal('second-factor-wrong');
    await enter(other);
    const { operatorId } = (await enter(codeNow())).principal;
    const left = fixture.store.read((tx) => fixture.access.recoveryCodesLeft(tx, operatorId));
    expect(await left).to.equal(6);
    const rows = await fixture.store.read((tx) => tx.all('SELECT * FROM recovery_codes'));
    expect(JSON.stringify(rows)).not.to.include(recovery[2]?.replaceAll('-', '') ?? '-');
    expect(await trail()).to.include('second-factor.use-recovery-code done anna');
  });

  it('is set up by a code of it, within ten minutes, with the password', async () => {
    const { token, principal } = await enter(undefined, 'boris');
    const own = { principal, token, source };
    const offer = (current: string) => fixture.access.offerSecondFactor({ ...own, current });
    expect(await refusal(offer('wrong password'))).to.equal('wrong-credentials');
    expect(await refusal(fixture.access.confirmSecondFactor({ ...own, code: '000000' }))).to.equal(
      'second-factor-wrong',
    );
    ({ secret } = await offer(password));
    fixture.clock.advance(10 * 60_000);
    expect(await refusal(fixture.access.confirmSecondFactor({ ...own, code: codeNow() }))).to.equal(
      'second-factor-wrong',
    );
    expect(await refusal(enter(undefined, 'boris'))).to.equal(undefined);
  });

  it('is replaced and removed with a code of it only; other sessions end', async () => {
    const other = await enter(codeNow());
    fixture.clock.advance(stepMs);
    const { token, principal } = await enter(codeNow());
    const own = { principal, token, source, current: password };
    expect(await refusal(fixture.access.offerSecondFactor(own))).to.equal('second-factor-required');
    expect(await refusal(fixture.access.removeSecondFactor(own))).to.equal(
      'second-factor-required',
    );
    fixture.clock.advance(stepMs);
    await fixture.access.removeSecondFactor({ ...own, code: codeNow() });
    expect(await fixture.access.authenticate(other.token)).to.equal(undefined);
    expect(await fixture.access.authenticate(token)).to.include({ hasSecondFactor: false });
    expect(await refusal(enter())).to.equal(undefined);
    expect(await trail()).to.include('second-factor.remove done anna');
  });

  it('is dropped by another person, who is written down', async () => {
    const { access, store } = fixture;
    const { token, principal } = await enter(codeNow());
    const anna = { id: principal.operatorId, name: principal.name, node: 'MSK' };
    const drop = (by = byTest.by) =>
      refusal(store.write((tx) => access.dropSecondFactor(tx, { login: 'anna', by })));
    expect(await drop(anna)).to.equal('same-person');
    expect(await drop()).to.equal(undefined);
    expect(await access.authenticate(token)).to.equal(undefined);
    expect(await refusal(enter())).to.equal(undefined);
    expect(await trail()).to.include('operator.drop-second-factor done anna');
  });

  it('is owed by who has a role that needs one, from that release on', async () => {
    const { token } = await enter(undefined, 'boris');
    const owes = async () => (await fixture.access.authenticate(token))?.mustSetUpSecondFactor;
    expect(await owes()).to.equal(false);
    fixture.setDuty('cashier', 'second-factor.required');
    expect(await owes()).to.equal(true);
    await setUp(token);
    expect(await owes()).to.equal(false);
  });

  it('leaves no secret in the audit trail', async () => {
    await enter(codeNow());
    const rows = await fixture.store.read((tx) => tx.all('SELECT * FROM audit_entries'));
    const text = JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? 0 : value));
    for (const word of [secret, password, ...recovery]) expect(text).not.to.include(word);
  });
});

describe('the list of sessions', () => {
  let fixture: AccessFixture;

  beforeEach(async () => {
    fixture = await accessFixture();
    await fixture.add('anna', 'admin', password);
    await fixture.add('boris', 'cashier', password);
  });
  afterEach(() => fixture.close());

  it('has the own ones, and ends one or all others', async () => {
    const { access, store, clock } = fixture;
    const enter = async (login: string, from: string) => {
      clock.advance(60_000);
      return access.signIn({ login, password, source: from });
    };
    const [first, second, third] = [
      await enter('anna', '10.0.0.1'),
      await enter('anna', '10.0.0.2'),
      await enter('anna', '10.0.0.3'),
    ];
    const stranger = await enter('boris', '10.0.0.4');
    const { principal, token } = third;
    const own = { principal, token };
    const list = () => store.read((tx) => access.ownSessions(tx, own));
    const seen = (await list()).map(({ source: from, isCurrent }) => [from, isCurrent]);
    expect(seen).to.deep.equal([
      ...[
        ['10.0.0.3', true],
        ['10.0.0.2', false],
        ['10.0.0.1', false],
      ],
    ]);
    const [, , oldest] = await list();
    const id = oldest?.id ?? '';
    const stolen = { principal: stranger.principal, token: stranger.token, id };
    expect(await refusal(access.endOwnSession(stolen))).to.equal('session-not-found');
    expect(await access.authenticate(first.token)).not.to.equal(undefined);
    await access.endOwnSession({ ...own, id });
    expect(await access.authenticate(first.token)).to.equal(undefined);
    expect(await access.authenticate(second.token)).not.to.equal(undefined);
    await access.endOtherSessions(own);
    expect(await access.authenticate(second.token)).to.equal(undefined);
    expect(await access.authenticate(third.token)).not.to.equal(undefined);
    expect(await access.authenticate(stranger.token)).not.to.equal(undefined);
    expect((await list()).length).to.equal(1);
    clock.advance(31 * 60_000);
    expect(await list()).to.deep.equal([]);
  });

  it('names a session by what opens nothing', async () => {
    const { access, store } = fixture;
    const { principal, token } = await access.signIn({ login: 'anna', password, source });
    const [session] = await store.read((tx) => access.ownSessions(tx, { principal, token }));
    expect(await access.authenticate(session?.id ?? '')).to.equal(undefined);
    expect(session?.id.length).to.equal(32);
  });
});
