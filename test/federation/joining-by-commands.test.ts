import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type BranchConfig, readBranchConfig } from '../../branch-node/config.ts';
import { examine } from '../../shared/node/doctor.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import { runCommand as run } from '../support/commands.ts';
import { send, startFederation, type TestFederation, until } from '../support/federation.ts';

const password = 'correct horse battery';

const dayMs = 86_400_000;

interface Given {
  readonly config: BranchConfig;
  readonly clock: Clock;
  readonly centreUrl: string;
}

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
  const url = () => federation.branch('MSK').url;
  const newBranch = () => ({
    ...federation.branch('MSK').environment,
    NODE_CODE: 'NSK',
    DATA_DIR: join(folder, 'NSK'),
    STORE_SENTINEL: join(folder, 'sentinels', 'NSK'),
    PEER_URL: 'https://127.0.0.1:1',
  });

  it('is found well by doctor, running and with a backup', async () => {
    const { manager, environment } = federation.branch('MSK');
    expect((await manager.post('/api/v1/backups')).status).to.equal(201);
    await until('all checks are well', async () => {
      const { checks } = (await send(url(), 'GET', '/readyz')).body;
      return Object.values<{ ok: boolean }>(checks).every(({ ok }) => ok);
    });
    const { status, out } = await run('branch-node', ['doctor'], { env: environment });
    expect([status, out.match(/^BAD .*/gm)], out).to.deep.equal([0, null]);
  }).timeout(120_000);

  it('is asked by commands where it listens, wherever people reach it', async () => {
    const passwordFile = secretFile('manager', password);
    const environment = {
      ...federation.branch('MSK').environment,
      FRONT_URL: 'http://msk.invalid:7410',
    };
    const asked = (...args: string[]) => run('branch-node', args, { env: environment });
    const caller = ['--login', 'manager', '--password-file', passwordFile];
    expect((await asked('recovery', 'status', ...caller)).status).to.equal(0);
    const taken = await asked('backup', ...caller);
    expect(taken.status, taken.err).to.equal(0);
    const [, file = ''] = taken.out.match(/^(\/\S+): \d+ bytes/) ?? [];
    expect(await asked('verify', file)).to.deep.equal({
      ...{ status: 0, out: 'No fault was found.', err: '' },
    });
  }).timeout(120_000);

  it('is told by doctor what is not well, one thing at a time, and what to do', async () => {
    const config = readBranchConfig(federation.branch('MSK').environment);
    const nowhere = join(folder, 'nowhere');
    const later = { ...systemClock, nowMs: () => systemClock.nowMs() + 25 * dayMs };
    const shut = 'https://127.0.0.1:1';
    const troubles: [what: string, given: Partial<Given>][] = [
      ['keys and certificate', { config: { ...config, identityDir: nowhere } }],
      ['keys and certificate', { clock: later }],
      ['store', { config: { ...config, storeUrl: `file:${nowhere}` } }],
      ['sentinel', { config: { ...config, sentinel: nowhere } }],
      ['sentinel', { config: { ...config, sentinel: join(config.dataDir, 'sentinel') } }],
      ['disk', { config: { ...config, dataDir: nowhere } }],
      ['head office', { centreUrl: shut }],
      ['own peer port', { config: { ...config, peer: { ...config.peer, url: shut } } }],
      [
        'node',
        { config: { ...config, front: { ...config.front, port: 1, url: 'http://127.0.0.1:1' } } },
      ],
    ];
    for (const [what, given] of troubles) {
      const { clock = systemClock, centreUrl = config.centreUrl } = given;
      const findings = await examine(given.config ?? config, { clock, centreUrl });
      const bad = findings.filter(({ ok }) => !ok);
      expect(bad.map((each) => each.what)).to.deep.equal([what]);
      expect(bad[0]?.advice, what).to.match(/\w/);
    }
    const unknown = { ...config, peer: { ...config.peer, url: 'https://msk.invalid:7401' } };
    const lost = await examine(unknown, { clock: systemClock, centreUrl: config.centreUrl });
    const named = lost.filter(({ ok }) => !ok).map(({ what }) => what);
    expect(named).to.deep.equal(['peer address', 'own peer port']);
    const asked = lost.filter(({ what }) => what.startsWith('readyz: '));
    expect(asked.length).to.be.greaterThan(7);
    expect(asked.filter(({ advice }) => advice === undefined)).to.deep.equal([]);
  }).timeout(120_000);

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
