import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { headOffice } from '../../../shared/ids/ids.ts';
import { createHealth } from '../../../shared/node/node-health.ts';
import type { Store } from '../../../shared/store/store.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { federationKeys } from '../../support/federation-keys.ts';

describe('the health of a node', () => {
  it('is told although a commit does not end, and is well again once it has', async () => {
    const { certPem } = (await federationKeys([])).identity(headOffice);
    /** What ends the writes that were asked for. */
    const writes: (() => void)[] = [];
    let late = (): void => {};
    const { readiness } = createHealth({
      ...{ kind: 'centre', config: { dataDir: tmpdir(), storeUrl: 'file:/proc/store.db' } },
      store: {
        read: async (fn) => fn({} as never),
        write: () => new Promise((resolve) => writes.push(() => resolve(undefined as never))),
      } satisfies Pick<Store, 'read' | 'write'>,
      federation: {
        isRecovering: () => false,
        liveness: { statuses: () => [], clockDoubt: () => undefined },
        log: { clockSetBackMs: async () => 0 },
      },
      references: { current: () => undefined, freshness: () => undefined },
      alarms: { list: () => [] },
      backups: { state: () => ({ ok: true, detail: '' }) },
      clock: {
        ...systemClock,
        after: (delayMs, fn) => {
          expect(delayMs).to.equal(3_000);
          const before = late;
          late = () => {
            before();
            fn();
          };
          return () => {};
        },
      },
      certPem: () => certPem,
    });
    for (let asked = 0; asked < 2; asked += 1) {
      const asking = readiness();
      late();
      const { ready, checks } = await asking;
      expect([ready, checks.store?.detail]).to.deep.equal([
        false,
        'takes nothing: it has not answered for 3 s',
      ]);
    }
    expect(writes.length, 'what hangs is asked for once').to.equal(1);
    writes[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    const asking = readiness();
    writes[1]?.();
    const { ready, checks } = await asking;
    expect(ready).to.equal(true);
    expect(checks.disk?.ok, 'the store is where nothing is free').to.equal(false);
  });
});
