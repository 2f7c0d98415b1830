import { expect } from 'chai';
import { runCommand } from '../support/commands.ts';
import { startFederation, type TestFederation } from '../support/federation.ts';

const codes = ['HQ', 'MSK'] as const;

describe('a command that writes to a node that was set back and not started since', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(120_000);
    federation = await startFederation(['MSK']);
  });
  after(() => federation.stop());

  const running = (code: string) =>
    code === 'HQ' ? federation.centre() : federation.running(code);

  for (const code of codes) {
    it(`leaves ${code} knowing it, with nobody there to tell`, async function () {
      this.timeout(60_000);
      const { environment } = federation.branch(code);
      // Who joined with it since, head office has forgotten: a second one would be let in.
      await federation.hq.manager.post('/api/v1/enrolment-tokens', { code: 'SPB' });
      const backup = await federation.backup(code);
      await running(code).store.write(async () => {});
      await running(code).store.write(async () => {});
      for (const each of codes) await federation.stopNode(each);
      await federation.restore(code, backup);
      const role = code === 'HQ' ? 'centre-admin' : 'branch-admin';
      const added = ['--login', 'rescue', '--name', 'Rescue', '--role', role];
      const ended = await runCommand(
        code === 'HQ' ? 'central-node' : 'branch-node',
        ['add-operator', ...added],
        { env: environment, input: 'a password for the rescue' },
      );
      expect(ended).to.deep.equal({ status: 0, out: '', err: '' });
      await federation.startNode(code);
      expect(running(code).federation.isRecovering()).to.equal(true);
      for (const other of codes) if (other !== code) await federation.startNode(other);
      await federation.untilQuiet();
      const { items } = (await federation.hq.manager.get('/api/v1/enrolment-tokens')).body;
      expect(items).to.have.length(code === 'HQ' ? 0 : 1);
    });
  }
});
