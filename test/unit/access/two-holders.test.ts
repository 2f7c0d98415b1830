import { expect } from 'chai';
import { type ApiFixture, apiFixture, password } from '../web/api-fixture.ts';

describe('somebody whom two people let in', () => {
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
  const enter = async (login: string, typed: string) => {
    const body = { login, password: typed };
    const { status, json } = await fixture.send('POST', '/api/v1/sessions', { body });
    return json.code ?? status;
  };

  it('is approved by neither of them alone', async () => {
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
