import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../../shared/problem/problem.ts';
import type { Driver } from '../../../shared/store/driver.ts';
import { storeUnavailable } from '../../../shared/store/driver.ts';
import { openEmbeddedDriver } from '../../../shared/store/embedded-store.ts';
import { storeOn } from '../../../shared/store/open-store.ts';
import { commitCountSchema } from '../../../shared/store/sentinel.ts';
import type { Store } from '../../../shared/store/store.ts';
import { systemClock } from '../../../shared/time/clock.ts';

/** A server may carry a commit out and never say so: the connection broke, or its answer came too late. */
describe('a commit whose answer was lost', () => {
  let folder: string;
  let store: Store;
  let isCarriedOut: boolean;
  let isLost: boolean;
  let isSentinelAway: boolean;
  let memory: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-lost-answer-'));
    const embedded = openEmbeddedDriver(join(folder, 'node.db'));
    embedded.script(commitCountSchema);
    [isCarriedOut, isLost, isSentinelAway, memory] = [true, false, false, []];
    const commit = async () => {
      if (isCarriedOut) await embedded.commit();
      if (isLost) throw storeUnavailable('no answer in time');
    };
    const driver: Driver = { ...embedded, commit };
    const record = async () => {
      if (isSentinelAway) throw new Error('EIO');
    };
    const sentinel = { found: 0n, record, close: async () => {} };
    store = storeOn({ driver, clock: systemClock, sentinel });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const write = (what: string) =>
    store
      .write(async (tx) => tx.afterCommit(() => void memory.push(what)))
      .then(
        () => 'done',
        (error: unknown) => isDomainError(error, 'store-unavailable'),
      );

  async function lose(what: string): Promise<void> {
    isLost = true;
    expect(await write(what)).to.equal(true);
    [isLost, isCarriedOut] = [false, true];
  }

  it('reaches the memory with the next one, before what that one does there', async () => {
    await lose('a session is over');
    expect(await write('the next')).to.equal('done');
    expect(await write('another')).to.equal('done');
    expect(memory).to.deep.equal(['a session is over', 'the next', 'another']);
  });

  it('does so once it is counted, and not before', async () => {
    await lose('a session is over');
    isSentinelAway = true;
    expect(await write('refused')).to.equal(true);
    expect(memory).to.deep.equal([]);
    isSentinelAway = false;
    expect(await write('the next')).to.equal('done');
    expect(memory).to.deep.equal(['a session is over', 'the next']);
  });

  it('leaves nothing there when it was not carried out either', async () => {
    isCarriedOut = false;
    await lose('a session is over');
    expect(await write('the next')).to.equal('done');
    expect(memory).to.deep.equal(['the next']);
  });
});
