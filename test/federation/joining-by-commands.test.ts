import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCommand as run } from '../support/commands.ts';
import { startFederation, type TestFederation, until } from '../support/federation.ts';

const password = 'correct horse battery';

describe('a branch that joins by the commands alone', () => {
  let federation: TestFederation;
  let folder: string;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(['MSK']);
    folder = mkdtempSync(join(tmpdir(), 'sbms-commands-'));
  });
  after(async () => {
    await federation.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const secretFile = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const headOffice = (args: readonly string[], input?: string) =>
    run('central-node', args, {
      env: federation.hq.environment,
      ...(input === undefined ? {} : { input }),
    });
  const newBranch = () => ({
    ...federation.branch('MSK').environment,
    NODE_CODE: 'NSK',
    DATA_DIR: join(folder, 'NSK'),
    STORE_SENTINEL: join(folder, 'sentinels', 'NSK'),
    PEER_URL: 'https://127.0.0.1:1',
  });

  it('is invited, enrols, has an administrator, and is published', async () => {
    const passwordFile = secretFile('password', `${password}\n`);
    const asManager = ['--login', 'manager', '--password-file', passwordFile];
    const invited = await headOffice(['invite', 'NSK', ...asManager]);
    expect(invited.status, invited.err).to.equal(0);
    const tokenFile = secretFile('token', `${invited.out}\n`);

    const enrolled = await run('branch-node', ['enrol', '--token-file', tokenFile], {
      env: newBranch(),
    });
    expect(enrolled.status, enrolled.err).to.equal(0);
    const operator = ['--login', 'admin', '--name', 'Admin', '--role', 'branch-admin'];
    const added = await run(
      'branch-node',
      ['add-operator', ...operator, '--password-file', passwordFile],
      { env: newBranch() },
    );
    expect(added.status, added.err).to.equal(0);

    const published = await headOffice(['publish', '--login', 'manager'], `${password}\n`);
    expect(published.out).to.equal('Release 2 is published.');
    await until('MSK knows the new branch', () =>
      federation
        .running('MSK')
        .federation.peers()
        .some((peer) => peer === 'NSK'),
    );
  }).timeout(120_000);

  it('is told why when it may not', async () => {
    const wrong = await headOffice(['invite', 'SPB', '--login', 'manager'], 'not the password');
    expect(wrong.status).to.equal(1);
    expect(wrong.err).to.match(/^wrong-credentials: /);
    const none = await headOffice(['invite', 'SPB', '--login', 'manager'], '\n');
    expect(none.err).to.equal('standard input holds no secret');
    const both = ['enrol', '--token', 'a', '--token-file', 'b'];
    const refused = await run('branch-node', both, { env: newBranch() });
    expect(refused.err).to.contain('cannot be used with');
  }).timeout(120_000);
});
