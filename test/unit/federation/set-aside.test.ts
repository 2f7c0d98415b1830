import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { createAlarms } from '../../../shared/federation/alarms.ts';
import { insertInboundEntry } from '../../../shared/federation/inbox-store.ts';
import { createSetAside } from '../../../shared/federation/set-aside.ts';
import { insertSetAside } from '../../../shared/federation/set-aside-store.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { type Clock, systemClock } from '../../../shared/time/clock.ts';
import { refusalBy } from '../../support/federation-keys.ts';

const spb = 'SPB' as NodeCode;
const at = '2025-06-30T09:00:00.000Z';
const epoch = 'e'.repeat(32);

const timesFaster = 16;
const clock: Clock = {
  ...systemClock,
  after: (ms, fn) => systemClock.after(ms / timesFaster, fn),
};

describe('what was set aside, at an upgrade', () => {
  for (const trouble of ['store-unavailable', 'overloaded'] as const) {
    it(`has its turn before any stream, also when the store is ${trouble} at first`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'hb-aside-'));
      const { store } = await openStore({
        url: `file:${join(folder, 'store.db')}`,
        migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
      });
      const kind = 'something.new';
      const entry = {
        ...{ node: spb, epoch, seq: 1, id: systemIds.uuid(), kind, to: ['MSK'] },
        ...{ occurredAt: at, recordedAt: at, businessDate: '2025-06-30', body: {} },
      };
      await store.write(async (tx) => {
        const place = { peer: spb, epoch, position: 1, kind };
        await insertInboundEntry(tx, { ...place, seq: 1, hash: 'h', text: JSON.stringify(entry) });
        await insertSetAside(tx, { ...place, reason: undefined, codeVersion: 'old' });
      });
      let failures = 1;
      const failing: Store = {
        ...store,
        write: (fn) => {
          failures -= 1;
          return failures < 0 ? store.write(fn) : Promise.reject(new DomainError(trouble));
        },
      };
      const order: string[] = [];
      const setAside = createSetAside({
        ...{ store: failing, codeVersion: 'new', clock },
        alarms: createAlarms({ clock, report: () => {} }),
        handlers: new Map([[kind, async () => void order.push('what was set aside')]]),
      });
      void setAside.workOff();
      // As receiveStream does.
      await setAside.caughtUp().then(() => order.push('a stream'));
      await pause(600);
      setAside.stop();
      await store.close();
      await rm(folder, { recursive: true });
      expect(order).to.deep.equal(['what was set aside', 'a stream']);
    });
  }

  function createWhileAway() {
    const away = () => Promise.reject(new DomainError('store-unavailable'));
    const store: Store = { read: away, write: away, backup: away, close: async () => {} };
    const setAside = createSetAside({
      ...{ store, codeVersion: 'new', clock, handlers: new Map() },
      alarms: createAlarms({ clock, report: () => {} }),
    });
    void setAside.workOff();
    return setAside;
  }

  it('keeps no stream in memory for ever while the store takes nothing', async () => {
    const setAside = createWhileAway();
    const streams = Array.from({ length: 3 }, () => refusalBy(setAside.caughtUp()));
    const ends = await Promise.race([Promise.all(streams), pause(2_000, [])]);
    setAside.stop();
    expect(ends.map(({ code }) => code)).to.deep.equal(['recovering', 'recovering', 'recovering']);
    await setAside.caughtUp();
  });

  it('keeps nothing of a stream that it has refused either', async () => {
    const setAside = createWhileAway();
    const refused = new WeakRef(await refusalBy(setAside.caughtUp()));
    await pause(10);
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    expect(refused.deref()).to.equal(undefined);
    setAside.stop();
  });
});
