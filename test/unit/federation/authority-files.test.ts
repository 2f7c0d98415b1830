import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openAuthority } from '../../../central-node/directory/authority.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { systemClock as clock } from '../../../shared/time/clock.ts';

describe("the files of the federation's authority", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sbms-authority-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('are made by the next start where the first one was cut off between them', async () => {
    const deps = { dir, clock, ids: systemIds };
    const inTheWay = join(dir, 'ca-cert.pem.draft');
    await mkdir(join(inTheWay, 'folder'), { recursive: true });
    const error = await openAuthority(deps).catch((cause) => cause);
    expect(error).to.be.instanceOf(Error);
    await rm(inTheWay, { recursive: true });
    const made = await openAuthority(deps);
    expect(await openAuthority(deps)).to.deep.equal(made);
  });
});
