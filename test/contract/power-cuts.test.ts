import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { seeded } from '../../demo/business-day.ts';
import { cutsOf, sitesByKind } from '../power-cuts/cuts.ts';
import { createJudge } from '../power-cuts/judge.ts';
import { createRecorder } from '../power-cuts/recording.ts';

const images = 150;
const writes = 30;
const slowMachineMs = 600_000;
const migrations = [{ room: 'web', directory: 'shared/web/migrations' }];

/** The small brother of `npm run power-cuts`: one table instead of a branch. */
describe('a store after a power cut', function () {
  this.timeout(slowMachineMs);
  let folder: string;

  before(function () {
    const isThere = spawnSync('strace', ['-V']).status === 0;
    // Its recorder is strace, which not every machine has or allows: it is no part of what must pass everywhere.
    if (!isThere || spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'sbms-cuts-'));
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  async function faultsWith(name: string, isNormal: boolean): Promise<string[]> {
    const home = join(folder, name);
    mkdirSync(home);
    const place = { store: join(home, 'store.db'), sentinel: join(home, 'apart', 'MSK') };
    const recorder = createRecorder({ place, trace: join(folder, `${name}.trace`), isNormal });
    const query = 'SELECT key AS value FROM idempotency_keys';
    await recorder.phase('write', async () => {
      const args = [`file:${place.store}`, place.sentinel];
      const { child, end } = recorder.run({
        ...{ script: 'test/power-cuts/small-store.js', args, env: {} },
        onLine: (line) => recorder.told(query, line),
      });
      expect(child.pid).to.be.a('number');
      await end();
    });
    const recording = await recorder.finish();
    expect(recording.facts).to.have.length(writes);
    const { judge } = createJudge({
      ...{ folder: join(folder, 'image'), migrations, verify: async () => [] },
    });
    const faults: string[] = [];
    const sites = sitesByKind([recording]).get('write') ?? [];
    let opened = 0;
    for (const { files, facts } of cutsOf('write', sites, { images, random: seeded(1) })) {
      opened += 1;
      faults.push(...(await judge(files, { from: place, facts, queries: [query] })));
    }
    expect(opened).to.equal(images);
    return faults;
  }

  it('has all that was answered, and nobody is told that it was set back', async () => {
    expect(await faultsWith('full', false)).to.deep.equal([]);
  });

  it('would not with synchronous=NORMAL: the test can tell', async () => {
    const faults = await faultsWith('normal', true);
    expect(faults.some((fault) => fault.startsWith('lost: idempotency_keys'))).to.equal(true);
    expect(faults).to.include('the sentinel says that the store was set back');
  });
});
