import { expect } from 'chai';
import { createDuties, createRoles } from '../../../shared/access/roles.ts';
import { type ApiFixture, apiFixture, password } from '../web/api-fixture.ts';

describe('who may let nobody in alone', () => {
  let fixture: ApiFixture;

  beforeEach(async () => {
    fixture = await apiFixture();
    await fixture.add('clara', 'admin', password);
    fixture.setDuty('admin', 'second-person.required');
  });
  afterEach(() => fixture.close());

  async function ask(login: string, path: string, body?: object) {
    const token = await fixture.signIn(login);
    const url = `/api/v1/operators${path}`;
    const { status, json } = await fixture.send('POST', url, { token, body });
    return json?.code ?? status;
  }
  const enter = async (login: string, typed = password) => {
    const body = { login, password: typed };
    const { status, json } = await fixture.send('POST', '/api/v1/sessions', { body });
    return json.code ?? status;
  };
  const dora = { login: 'dora', name: 'Dora', role: 'cashier', password, temporary: false };

  it('adds people who stay out until another person approves', async () => {
    expect(await ask('anna', '', dora)).to.equal(201);
    expect(await enter('dora')).to.equal('wrong-credentials');
    expect(await ask('anna', '/dora/approval')).to.equal('same-person');
    expect(await ask('boris', '/dora/approval')).to.equal('not-permitted');
    expect(await ask('clara', '/dora/approval')).to.equal(200);
    expect(await enter('dora')).to.equal(201);
    expect(await ask('clara', '/dora/approval')).to.equal(200);
    expect(await ask('clara', '/nobody/approval')).to.equal('operator-not-found');
    const rows = await fixture.store.read((tx) =>
      fixture.audit.list(tx, { limit: 9, action: 'operator.approve' }),
    );
    expect(rows.map(({ subject, actor }) => `${subject} by ${actor.name}`)).to.deep.equal([
      'dora by Name of clara',
    ]);
  });

  it('takes over nobody by a password of his, nor without the second factor', async () => {
    const chosen = 'violet trombone under ice';
    expect(await enter('boris')).to.equal(201);
    const reset = { password: chosen, temporary: false };
    expect(await ask('anna', '/boris/password', reset)).to.equal(204);
    expect(await enter('boris', chosen)).to.equal('wrong-credentials');
    expect(await ask('clara', '/boris/approval')).to.equal(200);
    expect(await enter('boris', chosen)).to.equal(201);
    expect(await ask('anna', '/boris/second-factor-removal')).to.equal(204);
    expect(await enter('boris', chosen)).to.equal('wrong-credentials');
  });

  it('cannot have somebody approve whom he let in himself', async () => {
    const accomplice = { ...dora, role: 'admin' };
    expect(await ask('anna', '', accomplice)).to.equal(201);
    expect(await enter('dora')).to.equal('wrong-credentials');
    // Nor by the account of who could have approved.
    expect(await ask('anna', '/clara/password', { password, temporary: false })).to.equal(204);
    expect(await enter('clara')).to.equal('wrong-credentials');
  });

  it('disables alone, and may see who waits', async () => {
    await ask('anna', '', dora);
    const token = await fixture.signIn('anna');
    const { json } = await fixture.send('GET', '/api/v1/operators', { token });
    const held = json.items.filter(({ isHeld }: { isHeld: boolean }) => isHeld);
    expect(held.map(({ login }: { login: string }) => login)).to.deep.equal(['dora']);
    expect(await ask('anna', '/boris/disablement')).to.equal(200);
    expect(await enter('boris')).to.equal('wrong-credentials');
  });

  it('is said by the release in force, and is no permission', () => {
    const rows = new Set(['second-person.required', 'operator.manage']);
    const none = new Set<string>();
    const permissionsOf = (role: string, node: string) =>
      role === 'centre-admin' && node === 'centre' ? rows : none;
    const inForce = () => ({ permissionsOf });
    const hasDuty = createDuties('centre', inForce);
    expect(hasDuty('centre-admin', 'second-person.required')).to.equal(true);
    expect(hasDuty('centre-admin', 'second-factor.required')).to.equal(false);
    expect(hasDuty('other', 'second-person.required')).to.equal(false);
    expect(
      createDuties('centre', () => undefined)('centre-admin', 'second-person.required'),
    ).to.equal(false);
    expect([...createRoles('centre', inForce)('centre-admin')]).to.deep.equal(['operator.manage']);
  });

  it('is nobody whose role has no such row', async () => {
    fixture.setRole('registrar', ['operator.manage']);
    await fixture.add('erik', 'registrar', password);
    expect(await ask('erik', '', dora)).to.equal(201);
    expect(await enter('dora')).to.equal(201);
  });

  it('does not approve alone what another did as well', async () => {
    const chosen = 'violet trombone under ice';
    // Clara is the attacker: she takes over Boris by a password of hers, which holds him by her.
    expect(await ask('clara', '/boris/password', { password: chosen, temporary: false })).to.equal(
      204,
    );
    expect(await ask('clara', '/boris/approval')).to.equal('same-person');
    // Anna, in good faith, does the routine thing that she was asked for: his authenticator is lost.
    expect(await ask('anna', '/boris/second-factor-removal')).to.equal(204);
    // Now Clara approves her own password.
    const approved = await ask('clara', '/boris/approval');
    const entered = await enter('boris', chosen);
    expect([approved, entered]).to.deep.equal([200, 'wrong-credentials']);
    expect(await ask('clara', '/boris/approval')).to.equal('same-person');
    expect(await ask('anna', '/boris/approval')).to.equal(200);
    expect(await enter('boris', chosen)).to.equal(201);
  });
});
